import type { Mutant } from './mutants.ts';

const OWN_ROWS = ['test/tenant-api/own-rows.test.ts'];

/** The guards that keep a partner with `rows: "own"` to its own rows. */
export const ROWS_MUTANTS: readonly Mutant[] = [
  {
    name: 'the audiences of a record that is read by its id',
    file: 'shared/auth/own-rows.ts',
    without: [['return isSeen(row) ? row : undefined;', 'return row;']],
    tests: OWN_ROWS,
    because: /gets for all else the answer that an unknown id gets: expected /,
  },
  {
    name: 'the partitions of a partner’s own rows',
    file: 'shared/auth/own-rows.ts',
    without: [['partition: audiencePartition(organisation, partition)', 'partition']],
    tests: OWN_ROWS,
    because: /lists what it wrote, in every order and by every filter: expected /,
  },
  {
    name: 'the audiences of the records that a change names',
    file: 'shared/auth/own-rows.ts',
    without: [['(await table.getMany(keys)).filter(isSeen)', '(await table.getMany(keys))']],
    tests: OWN_ROWS,
    because:
      /names in what it writes its own records and reference data, and others only as it would an unknown id: expected /,
  },
  {
    name: 'the check of what a change names before a rule looks at it',
    file: 'shared/record/save.ts',
    without: [['      await checking;\n', '']],
    tests: OWN_ROWS,
    because: /is told by a rule that spans records nothing of a family that it may not name: /,
  },
  {
    name: 'the organisation that alone changes its reference data',
    file: 'shared/record/visibility.ts',
    without: [["if (rows === 'all' || organisationOf", "if (rows !== 'none' || organisationOf"]],
    tests: OWN_ROWS,
    because: /reads reference data, whoever wrote it, and changes only its own: expected /,
  },
  {
    name: 'the feed of a partner’s own rows',
    file: 'shared/webhooks/operations.ts',
    without: [
      [
        "  rows === 'all'\n    ? { index: 'list', partition: feedPartition }",
        "  rows !== 'none'\n    ? { index: 'list', partition: feedPartition }",
      ],
    ],
    tests: OWN_ROWS,
    because: /has the events about what its organisation wrote, whoever changed it, and no other: expected /,
  },
  {
    name: 'the scope by which the feed shows an event',
    file: 'shared/webhooks/operations.ts',
    without: [["scopes.has(scope) || scopes.has('audit:read')", 'true']],
    tests: ['test/webhooks/feed.test.ts'],
    because:
      /shows a client the events about objects whose type it may read, and all of them with audit:read: expected /,
  },
  {
    name: 'the rows that a partner is granted unless the municipality says all',
    file: 'shared/tenancy/grants.ts',
    without: [["const rows = asked ?? 'own';", "const rows = asked ?? 'all';"]],
    tests: ['test/tenant-api/grants.test.ts'],
    because: /lets a partner’s client reach the partner’s own rows, unless it says all: expected /,
  },
];
