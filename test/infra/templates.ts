import { App } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { addStage } from '#infra/app.ts';
import { type StageName, stageNamed } from '#infra/stages.ts';
import cdkJson from '../../cdk.json' with { type: 'json' };

/** One resource of a synthesised template. */
export interface Resource {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's own shape, as wide as CloudFormation
  readonly properties: any;
}

const RECEIVER = { alarmEmail: 'alarms@example.dk' };

/** An app with the stacks of the named stages, under cdk.json's flags; the functions have a stand-in for their code. */
export const appOf = (...names: readonly StageName[]): App => appWith(RECEIVER, ...names);

/** The same with what is given at synthesis. */
export function appWith(given: Readonly<Record<string, string>>, ...names: readonly StageName[]): App {
  const app = new App({ context: { ...cdkJson.context, ...given }, builtinCloudFormationValidation: false });
  for (const name of names)
    addStage(app, stageNamed(name), (fn) => Code.fromInline(`exports.handler = async () => '${fn}'`));
  return app;
}

/** The resources of all stacks of an app, as their templates have them. */
export function resourcesOf(app: App): readonly Resource[] {
  return app.synth().stacks.flatMap(({ stackName, template }) =>
    Object.entries<{ Type: string; Properties?: unknown }>(template.Resources).map(([id, { Type, Properties }]) => ({
      stack: stackName,
      id,
      type: Type,
      properties: Properties ?? {},
    })),
  );
}

/** Those of a type, such as `AWS::SQS::Queue`. */
export const ofType = (resources: readonly Resource[], type: string): readonly Resource[] =>
  resources.filter((resource) => resource.type === type);

/** The logical id that a `Ref` or `Fn::GetAtt` points to. */
export function targetOf(reference: unknown): string | undefined {
  const { Ref, 'Fn::GetAtt': attribute } = reference as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
  return Ref ?? attribute?.[0];
}
