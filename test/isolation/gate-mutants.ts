import type { Mutant } from './mutants.ts';

const GATE = 'shared/record/sensitive-gate.ts';
const FIELDS = ['test/tenant-api/sensitive-fields.test.ts'];

/** The guards of the gate through which sensitive values are read, compared, looked up and fingerprinted. */
export const GATE_MUTANTS: readonly Mutant[] = [
  {
    name: 'the municipality’s key in the fingerprint of a request',
    file: 'shared/record/keyed-hash.ts',
    without: [
      ["createHmac('sha256', await ctx.keys.lookupKey())", "(await import('node:crypto')).createHash('sha256')"],
    ],
    tests: ['test/tenant-api/idempotency.test.ts'],
    because: /which trying all CPR numbers does not find: expected \[ .*\] to not include/,
  },
  {
    name: 'the version that each sensitive field makes that is sent',
    file: GATE,
    without: [['...changedFields(before, after), ...sensitiveIn(resource, sent)]', '...changedFields(before, after)]']],
    tests: FIELDS,
    because: /also with the value that it has: expected 1 to be 2/,
  },
  {
    name: 'what a replacement keeps because its caller could not see it',
    file: GATE,
    without: [['!(name in sent) && !maySee(ctx, kind, before.writtenBy[name])', 'false']],
    tests: FIELDS,
    because: /keeps what it was not shown when it reads, changes and puts a record: expected /,
  },
  {
    name: 'the scope that shows sensitive fields',
    file: GATE,
    without: [["sensitivity === 'secret' || !ctx.scopes.has('sensitive:read')", "sensitivity === 'secret'"]],
    tests: FIELDS,
    because: /is in no answer to a write, no list, no timeline and no event: expected /,
  },
  {
    name: 'the refusal of SS fields that is the same whether there is one',
    file: 'shared/record/verbs.ts',
    without: [
      [
        'if (before && before.view[sourceField(resource)] !==',
        'if (before?.whole[name] !== undefined && before.view[sourceField(resource)] !==',
      ],
    ],
    tests: FIELDS,
    because: /is written by the organisation that wrote the record alone, whether there is one or not: expected /,
  },
  {
    name: 'the gate of what is archived',
    file: GATE,
    without: [
      [
        'Object.entries(sensitive[sensitivity] ?? {}).filter(([name]) => maySee(ctx, sensitivity, writtenBy[name])),',
        'Object.entries(sensitive[sensitivity] ?? {}),',
      ],
    ],
    tests: ['test/privacy/archives.test.ts'],
    because: /shows an SS field to the organisation that wrote it, and to no other: expected /,
  },
  {
    name: 'the access that showing an archived record is',
    file: GATE,
    without: [
      [
        "await logAccess(ctx, subjects, { what: { type: 'archive', id: view.id }, fields, purpose });",
        'void subjects;',
      ],
    ],
    tests: ['test/privacy/archives.test.ts'],
    because: /and enters that under the person before: expected /,
  },
  {
    name: 'the key without which nobody leaves',
    file: 'shared/tenancy/status-change.ts',
    without: [["if (status === 'offboarding') requireHandoverKey(before);", '']],
    tests: ['test/admin-api/offboarding.test.ts'],
    because: /without which its offboarding is refused and nothing of it is changed: expected /,
  },
  {
    name: 'the scope of a look-up',
    file: 'shared/record/operations.ts',
    without: [['either: LOOKUP_SCOPES,', '']],
    tests: ['test/tenant-api/lookups.test.ts'],
    because: /needs the scope lookup or sensitive:read besides the one that reads the type: expected /,
  },
  {
    name: 'the bound of look-ups in a day',
    file: 'shared/record/lookups.ts',
    without: [["...(name === 'lookups' && {", '...(false && {']],
    tests: ['test/tenant-api/lookups.test.ts'],
    because: /costs 20 units, and a client has 500 of them a day, until the Danish midnight: expected /,
  },
  {
    name: 'the person and the purpose that a municipality asks for',
    file: 'shared/privacy/access-log.ts',
    without: [
      ['if (requirePerson && person === undefined)', 'if (requirePerson === false)'],
      ["if (requirePurpose && purpose === 'unstated')", 'if (requirePurpose === false)'],
    ],
    tests: ['test/privacy/access-log.test.ts'],
    because: /are asked for where the municipality requires them, before anything is shown: expected /,
  },
  {
    name: 'the refusal of hidden fields of a locked session before they are compared',
    file: 'shared/resources/supervision-sessions.ts',
    without: [["if (before?.status !== 'locked') return;", "if (before?.status !== ('never' as string)) return;"]],
    tests: ['test/resources/supervision-sessions.test.ts'],
    because: /that is locked is corrected by an addendum, and by nothing else: expected /,
  },
  {
    name: 'the key of a person that is asked for whether or not there is something to seal',
    file: 'shared/record/sealing.ts',
    without: [['const key = await ownerKey(', 'const key = parts.length === 0 ? undefined : await ownerKey(']],
    tests: ['test/privacy/person-keys.test.ts'],
    because:
      /has its key from when the family or child is created, and asks for it whether or not it says anything: expected /,
  },
];
