import type { Mutant } from './mutants.ts';

/** The guards that stand around the functions: limits, budgets and what the gateway lets through. */
export const WALL_MUTANTS: readonly Mutant[] = [
  {
    name: 'the memory of refusals for want of a grant',
    file: 'shared/auth/token.ts',
    without: [['if (await refusals.isKnown(clientId, code)) return undefined;', '']],
    tests: ['test/tenant-api/refusals.test.ts'],
    because: /costs at most ten reads with a flood of 1,000 requests, and no row of the municipality: expected/,
  },
  {
    name: 'the allowance of refused requests',
    file: 'shared/auth/token.ts',
    without: [['await refusals.pay(claims.clientId, code);', '']],
    tests: ['test/tenant-api/refusals.test.ts'],
    because: /is told beyond its allowance how long to wait, .*: expected \{ status: 404/,
  },
  {
    name: 'the count of values before a body is parsed',
    file: 'shared/json.ts',
    without: [['const written = requireBounded(text);', 'const written = 0;']],
    tests: ['test/tenant-api/hostile-input.test.ts'],
    because: /is refused by every operation of a municipality before it is parsed: expected /,
  },
  {
    name: 'the tags that a key keeps',
    file: 'infra/key-access.ts',
    without: [['StringEqualsIfExists: { [MUNICIPALITY_TAG]: REQUESTED, [STAGE_TAG]: stage },', '']],
    tests: ['test/infra/key-walls.test.ts'],
    because: /is tagged when it is made, and given no other tags afterwards: expected true to be false/,
  },
  {
    name: 'the denial in the policies of the deployed keys',
    file: 'infra/stacks/data.ts',
    without: [['  denyChangesByFunctions(key, stage.name);', '']],
    tests: ['test/infra/key-walls.test.ts'],
    because: /so that a role which allows everything is refused too: kms:TagResource: expected true/,
  },
  {
    name: 'the turn that each minute begins with another municipality',
    file: 'functions/rounds.ts',
    without: [['Math.floor(startedAt / MINUTE_MS) % codes.length', '0']],
    tests: ['test/webhooks/rounds.test.ts'],
    because: /begin with another municipality each minute: expected/,
  },
  {
    name: 'the time of a municipality’s turn',
    file: 'functions/rounds.ts',
    without: [['now().getTime() - turnStartsAt < turnMs', 'true']],
    tests: ['test/webhooks/rounds.test.ts'],
    because: /a backlog of one ends with its time: expected/,
  },
];
