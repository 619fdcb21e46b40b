import type { TestProject } from 'vitest/node';
import { synthesisedPolicies } from '#test/support/role-policies.ts';

/** For a mutant whose policies are not those of the others. */
export default function setup(project: TestProject): void {
  project.provide('policies', synthesisedPolicies());
}
