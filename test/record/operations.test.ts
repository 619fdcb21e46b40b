import { expect, test } from 'vitest';
import { operationsOf } from '#shared/record/operations.ts';
import { RESOURCES } from '#shared/resources/registry.ts';

test.each(RESOURCES.map((resource) => [resource.path, resource] as const))(
  'a process that serves %s builds no schema of it before a request needs one, so a cold start stays short',
  (_path, resource) => {
    const build = () => {
      throw new Error('A schema was built before it was needed');
    };
    const watched = { ...resource, fields: build, ...(resource.derived && { derived: build }) };
    expect(operationsOf(watched).length).toBeGreaterThan(0);
  },
);
