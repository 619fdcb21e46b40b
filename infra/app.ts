import { App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import { bundleFunctions } from './bundle.ts';
import { bundledCode, type CodeFor } from './service-function.ts';
import { apiStack } from './stacks/api.ts';
import { dataStack } from './stacks/data.ts';
import { eventsStack } from './stacks/events.ts';
import { identityStack } from './stacks/identity.ts';
import { observabilityStack } from './stacks/observability.ts';
import { type StageSettings, stagesChosen } from './stages.ts';

/**
 * The stacks of one stage, named `livline-<stage>-<part>`. Each refers only to those before it:
 * data and identity to none, events to them, api to those three, observability to all.
 */
export function addStage(scope: Construct, stage: StageSettings, codeFor: CodeFor): void {
  const data = dataStack(scope, stage);
  const identity = identityStack(scope, stage);
  const events = eventsStack(scope, stage, codeFor, data, identity);
  const api = apiStack(scope, stage, codeFor, data, identity, events);
  const observability = observabilityStack(scope, stage, data, api, events);
  for (const stack of [data.stack, identity.stack, events.stack, api.stack, observability]) {
    Tags.of(stack).add('product', 'livline');
    Tags.of(stack).add('stage', stage.name);
  }
}

if (import.meta.main) {
  await bundleFunctions();
  const app = new App();
  for (const stage of stagesChosen(app.node.tryGetContext('stage'))) addStage(app, stage, bundledCode);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}
