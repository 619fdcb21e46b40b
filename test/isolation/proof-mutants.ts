import type { Mutant } from './mutants.ts';

const ROW = 'shared/record/row-mac.ts';
const ROWS = ['test/privacy/proven-rows.test.ts'];

/** The parts of the codes that prove records and the access log unaltered. */
export const PROOF_MUTANTS: readonly Mutant[] = [
  {
    name: 'the sealed part in the code of a row',
    file: ROW,
    without: [["row['sensitive'] === undefined ? null : JSON.stringify(row['sensitive']),", 'null,']],
    tests: ROWS,
    because: /is not verified when an old sealed value is put back: expected/,
  },
  {
    name: 'the version in the code of a row',
    file: ROW,
    without: [["    row['version'],\n", '']],
    tests: ROWS,
    because: /is not verified when its version is altered: expected/,
  },
  {
    name: 'the last event in the code of a row',
    file: ROW,
    without: [["    row['lastEvent'],\n", '']],
    tests: ROWS,
    because: /when a planted event says that an earlier row is the current one: expected/,
  },
  {
    name: 'the code of an event from which the case numbers were taken',
    file: 'shared/record/event-cases.ts',
    without: [['return redacted === redactionCode(key, municipality, eventId);', 'return true || [redacted, key];']],
    tests: ['test/privacy/event-cases.test.ts'],
    because: /are not verified for whoever takes them away: expected/,
  },
  {
    name: 'the case numbers under the chain',
    file: 'shared/record/event-cases.ts',
    without: [['return sha256(String(cases)) === expected;', 'return true;']],
    tests: ['test/privacy/event-cases.test.ts'],
    because: /are not verified for whoever alters them: expected/,
  },
  {
    name: 'the code of an entry of the access log',
    file: 'shared/privacy/verify-access.ts',
    without: [
      ['    rows.every((row) => isWholeEntry(key, ctx.tenant.code, row)) &&\n', ''],
      [
        'const isWhole = rows.every((row) => isWholeEntry(check.key, check.ctx.tenant.code, row));',
        'const isWhole = true || rows;',
      ],
    ],
    tests: ['test/privacy/access-chain.test.ts'],
    because: /whoever alters who was shown something: expected/,
  },
];
