import type { Mutant } from './mutants.ts';

const LOOKUPS = 'shared/record/lookups.ts';
const LOOKUP_TESTS = ['test/tenant-api/lookups.test.ts'];
const AUTHORITY = ['test/webhooks/connection-authority.test.ts'];

/** The guards of what Livline owes: holds, look-ups, recovery, what connections may do, secrets shown once, ends. */
export const DUTY_MUTANTS: readonly Mutant[] = [
  {
    name: 'the refusal of a deletion under a legal hold',
    file: 'shared/record/legal-hold.ts',
    without: [['if (deletes && ids.length > 0)', 'if (false)']],
    tests: ['test/privacy/legal-hold-kept.test.ts'],
    because: /for a record about the person, until the hold is lifted: expected /,
  },
  {
    name: 'the other client that lifts or shortens a legal hold',
    file: 'shared/resources/legal-holds.ts',
    without: [['if (!before || ctx.actor.id !== before.createdBy) return;', 'return;']],
    tests: ['test/resources/legal-holds.test.ts'],
    because: /is lifted or shortened by another client than the one that set it, which may lengthen it: expected /,
  },
  {
    name: 'the entry of a look-up in the access log',
    file: LOOKUPS,
    without: [['found.map((stored) => enterFinding(ctx, resource, stored, name, purpose))', '[]']],
    tests: LOOKUP_TESTS,
    because: /is entered in the access log under each record that it finds, with the field and no value: expected /,
  },
  {
    name: 'the count of look-ups that find nothing',
    file: LOOKUPS,
    without: [["if (found.length === 0) await countLookup(ctx, 'misses');", '']],
    tests: LOOKUP_TESTS,
    because: /that finds nothing is counted by client and day, and enters nothing: expected /,
  },
  {
    name: 'a look-up within the rows that its client sees',
    file: LOOKUPS,
    without: [
      [
        'const found = await findRecords(ctx, resource, ids);',
        'const found = await findRecords({ ...ctx, table: ctx.allRows }, resource, ids);',
      ],
      ['await ctx.table.query(', 'await ctx.allRows.query('],
    ],
    tests: LOOKUP_TESTS,
    because: /does not tell a partner whether another organisation’s record has the value: expected /,
  },
  {
    name: 'the hours before a recovery takes effect',
    file: 'shared/tenancy/recovery.ts',
    without: [['if (ctx.now < recovery.effectiveAt)', 'if (false)']],
    tests: ['test/admin-api/handover-of-keys.test.ts'],
    because: /is told at once, takes effect after 72 hours, and gives a credential that is good for a day: expected /,
  },
  {
    name: 'the day for which a recovered client is let in',
    file: 'shared/tenancy/recovery.ts',
    without: [['plusSeconds(ctx.now, REPLACED_WITHIN_HOURS * 3_600)', 'plusSeconds(ctx.now, 365 * 86_400)']],
    tests: ['test/admin-api/handover-of-keys.test.ts'],
    because: /is told at once, takes effect after 72 hours, and gives a credential that is good for a day: expected /,
  },
  {
    name: 'the scopes of a connection’s maker for the kinds that it takes',
    file: 'shared/webhooks/connections.ts',
    without: [['if (beyond.length === 0) continue;', 'continue;']],
    tests: AUTHORITY,
    because:
      /is made and changed with the scope connections:write, and takes kinds within its maker’s scopes: expected /,
  },
  {
    name: 'the secret that an answer shows once',
    file: 'shared/webhooks/key-operations.ts',
    without: [['if (isReplay(answer)) return answer;', '']],
    tests: AUTHORITY,
    because: /is not shown again to the Idempotency-Key of its rotation: expected /,
  },
  {
    name: 'the bounds of an inbox',
    file: 'shared/webhooks/inbox-messages.ts',
    without: [['most: MOST_OPEN, refusal: isFull', 'most: { open: 1e9, bytes: 1e12 }, refusal: isFull']],
    tests: AUTHORITY,
    because:
      /are bounded by their bytes: one more is answered 429 with Retry-After, until a person has decided on some: expected /,
  },
  {
    name: 'the form that a message of a kind must have',
    file: 'shared/webhooks/inbox.ts',
    without: [["parse(MESSAGE_KINDS[type].data(), data, '/data');", '']],
    tests: ['test/webhooks/inbox-messages.test.ts'],
    because: /is refused at once with the place, and nothing of it is stored: expected /,
  },
  {
    name: 'the look for CPR numbers in X-Request-Id',
    file: 'functions/http.ts',
    without: [['REQUEST_ID.test(sent) && !looksLikeCpr(sent)', 'REQUEST_ID.test(sent)']],
    tests: ['test/tenant-api/cpr-like.test.ts'],
    because: /is not taken over from X-Request-Id: expected /,
  },
  {
    name: 'the end of a stored answer',
    file: 'shared/record/answers.ts',
    without: [["type === 'answer' && Number(expiresAt) * 1000 >= Date.parse(ctx.now)", "type === 'answer'"]],
    tests: ['test/privacy/promised-ends.test.ts'],
    because: /is not used after that time, whether DynamoDB has removed the row or not: expected /,
  },
  {
    name: 'If-None-Match on a replacement',
    file: 'shared/preconditions.ts',
    without: [['if (ifNoneMatch !== undefined && isAmong(ifNoneMatch, etag))', 'if (false)']],
    tests: ['test/tenant-api/preconditions.test.ts'],
    because: /with If-None-Match: \* creates a record, and overwrites none: expected /,
  },
];
