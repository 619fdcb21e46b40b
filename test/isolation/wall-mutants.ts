import type { Mutant } from './mutants.ts';

/** The guards that stand around the functions: limits, budgets and what the gateway lets through. */
export const WALL_MUTANTS: readonly Mutant[] = [
  {
    name: 'the count of values before a body is parsed',
    file: 'shared/json.ts',
    without: [['  requireBounded(text);\n  return', '  return']],
    tests: ['test/tenant-api/hostile-input.test.ts'],
    because: /is refused by every operation of a municipality before it is parsed/,
  },
];
