import type { Mutant } from './mutants.ts';

/** The guards of the gate through which sensitive values are read, compared, looked up and fingerprinted. */
export const GATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'the municipality’s key in the fingerprint of a request',
    file: 'shared/record/keyed-hash.ts',
    without: [
      ["createHmac('sha256', await ctx.keys.lookupKey())", "(await import('node:crypto')).createHash('sha256')"],
    ],
    tests: ['test/tenant-api/idempotency.test.ts'],
    because: /which trying all CPR numbers does not find: expected \[ .* not to include/,
  },
];
