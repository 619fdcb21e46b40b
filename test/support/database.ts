import type { TestProject } from 'vitest/node';
import { startDatabase } from '#infra/local/database.ts';
import { type Template, tableTemplate } from '#infra/local/table.ts';
import { type Policies, synthesisedPolicies } from './role-policies.ts';

declare module 'vitest' {
  interface ProvidedContext {
    dynamodbEndpoint: string;
    template: Template;
    policies: Policies;
  }
}

/** One DynamoDB Local in memory for the whole run; each test file makes its own table in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [database, template] = await Promise.all([startDatabase(), tableTemplate()]);
  project.provide('dynamodbEndpoint', database.endpoint);
  project.provide('template', template);
  project.provide('policies', synthesisedPolicies());
  return database.stop;
}
