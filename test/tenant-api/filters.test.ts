import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '#shared/auth/context.ts';
import type { Operation } from '#shared/operation.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import { makeCall, makeFamily, makeHelpline } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const ID = '01930000-0000-7000-8000-0000000000ff';
/** A value that no filter takes: no word of a vocabulary, no id, date or number. */
const NONSENSE = 'No such value!';
/** Any text may be the number of a case, and what is asked of a family's timeline is looked for after the family. */
const ELSEWHERE = /\/(?:records|timeline)$/;
const lists: readonly Operation<Context>[] = [...recordOperations(), ...webhookOperations(WEBHOOKS_UNUSED)].filter(
  ({ manner, query, path }) => manner === 'list' && query !== undefined && !ELSEWHERE.test(path),
);
const filters = lists.flatMap(({ path, query }) => {
  const below = path.replace('/v1/municipalities/{code}', '').replaceAll(/\{\w+\}/g, ID);
  return Object.keys(query?.() ?? {})
    .filter((name) => name !== 'cursor')
    .map((name) => [below, name] as const);
});

describe('a filter', () => {
  it.each(filters)('of %s by %s takes no value that a record cannot have', async (path, name) => {
    const reply = await at.get(path, { [name]: NONSENSE });
    expect(reply.status).toBe(422);
    expect(reply.body.errors[0].pointer).toMatch(new RegExp(`^/query/${name}(?:/0)?$`));
  });

  it('of /erasures by archive takes the value that selects the archives which stand, with their bounds', async () => {
    const query = { archive: 'standing', archiveEndsFrom: '2026-01-01' };
    expect(await at.get('/erasures', query)).toMatchObject({ status: 200, body: { items: [] } });
  });

  it.each([
    ['/families', 'pressure', 'HIGH'],
    ['/themes', 'year', 'abc'],
    ['/themes', 'year', '0x7EA'],
    ['/themes', 'year', '2e3'],
    ['/calls', 'familyId', 'xyz'],
    ['/calls', 'topic', 'self-harm'],
    ['/families', 'limit', ' 5'],
    ['/families', 'limit', '+5'],
    ['/families', 'limit', '5.0'],
    ['/calls', 'concern', 'True'],
  ])('of %s by %s is not %j', async (path, name, value) => {
    expectProblem(await at.get(path, { [name]: value }), 422, 'validation_failed', `/query/${name}`);
  });

  it.each([
    ['family.creatd', 'family.created'],
    ['dk.livline.families.*', 'family.*'],
    ['calls.received', 'call.received'],
  ])('by the event type %s says that the nearest is %s', async (types, nearest) => {
    const sentence = `The nearest is ${nearest}.`;
    const feed = await at.get('/events', { types });
    expectProblem(feed, 422, 'validation_failed', '/query/types/0');
    expect(feed.body.errors[0].detail).toContain(sentence);
    const endpoint = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/livline', types: [types] });
    expectProblem(endpoint, 422, 'validation_failed', '/types/0');
    expect(endpoint.body.errors[0].detail).toContain(sentence);
  });
});

type Chosen = Readonly<Record<string, string>>;

/** The slow reference: all records, those that have each value. */
const having = (records: readonly Reply['body'][], chosen: Chosen): string[] =>
  records.filter((record) => Object.entries(chosen).every(([name, value]) => String(record[name]) === value)).map(idOf);
const idOf = ({ id }: { id: string }): string => id;

/** Some of these filters, each with one of its values. */
const someOf = (values: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<Chosen> =>
  fc.record(Object.fromEntries(Object.entries(values).map(([name, choices]) => [name, fc.constantFrom(...choices)])), {
    requiredKeys: [],
  }) as fc.Arbitrary<Chosen>;

/** Reads a list through and compares it, in its own order, with the reference. */
async function expectAll(by: Caller, path: string, chosen: Chosen, limit: number, records: readonly Reply['body'][]) {
  const read = await pages(by, path, { ...chosen, limit: String(limit) });
  for (const page of read) expect(page.length).toBeLessThanOrEqual(limit);
  const ids = read.flat().map(idOf);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(having(records, chosen));
}

describe('filters together', () => {
  it('find the calls that have all of the values, page by page, as a slow reference does', async () => {
    const by = await livline.freshMunicipality();
    const families = [await makeFamily(by), await makeFamily(by)].map(idOf);
    const helplines = [await makeHelpline(by), await makeHelpline(by)].map(idOf);
    const topics = ['conflict', 'self_harm', 'school'];
    const kinds = ['child', 'parent'];
    for (let number = 0; number < 40; number += 1) {
      await makeCall(by, {
        helplineId: helplines[number % 2],
        ...(number % 3 > 0 && { familyId: families[(number >> 1) % 2] }),
        topic: topics[(number * 7) % 3],
        callerKind: kinds[(number >> 2) % 2],
        concern: number % 5 === 0,
        receivedAt: new Date(livline.now().getTime() - number * 60_000).toISOString(),
      });
    }
    const all = (await by.get('/calls', { limit: '200' })).body.items;
    const chosen = someOf({
      familyId: families,
      helplineId: helplines,
      topic: topics,
      callerKind: kinds,
      concern: ['true', 'false'],
      status: ['received', 'answered'],
    });
    await fc.assert(
      fc.asyncProperty(chosen, fc.integer({ min: 1, max: 9 }), (some, limit) =>
        expectAll(by, '/calls', some, limit, all),
      ),
      { numRuns: 40 },
    );
  });

  it('find the families of a kind in a status, the partner’s own for a partner, and what has changed since', async () => {
    const by = await livline.freshMunicipality();
    const partner = (await livline.freshPartner(`f${by.code}`, [by.code], ['families:read', 'families:write'], 'own'))(
      by.code,
    );
    for (let number = 0; number < 24; number += 1) {
      const { id } = await makeFamily(number % 3 === 0 ? partner : by, {
        alias: `Familie ${String(number).padStart(2, '0')}`,
        kind: ['almen', 'netvaerk'][number % 2],
        pressure: ['elevated', 'normal', 'high'][(number >> 1) % 3],
      });
      if (number % 4 === 1) await by.status(`/families/${id}`, 1, { status: 'in_training' });
    }
    const chosen = someOf({
      kind: ['almen', 'netvaerk'],
      pressure: ['elevated', 'normal', 'high'],
      status: ['applicant', 'in_training'],
    });
    for (const caller of [by, partner]) {
      const all = (await caller.get('/families', { limit: '200' })).body.items;
      expect(all).toHaveLength(caller === by ? 24 : 8);
      await fc.assert(
        fc.asyncProperty(chosen, fc.integer({ min: 1, max: 9 }), (some, limit) =>
          expectAll(caller, '/families', some, limit, all),
        ),
        { numRuns: 20 },
      );
      const changedSince = '2026-11-20T00:00:00Z';
      const changed = (await caller.get('/families', { changedSince, kind: 'almen', status: 'applicant' })).body.items;
      expect(changed.map(idOf).sort()).toEqual(having(all, { kind: 'almen', status: 'applicant' }).sort());
    }
  });

  it('read ten times what a page shows at most, and a page that is not full says that there is more', async () => {
    const by = await livline.freshMunicipality();
    for (let number = 0; number < 25; number += 1)
      await makeFamily(by, { alias: `A ${String(number).padStart(2, '0')}`, kind: 'almen', pressure: 'elevated' });
    const last = await makeFamily(by, { alias: 'B', kind: 'almen', pressure: 'high' });
    const query = { kind: 'almen', pressure: 'high', limit: '2' };
    let first: Reply | undefined;
    const requests = await livline.requestsOf(async () => {
      first = await by.get('/families', query);
    });
    expect(first?.body).toEqual({ items: [], more: true, nextCursor: expect.any(String) });
    expect(first?.headers['link']).toContain('rel="next"');
    const queries = requests.filter(({ command }) => command === 'Query');
    expect(queries.map(({ input }) => input.Limit)).toEqual(Array(10).fill(2));
    const { body } = await by.get('/families', { ...query, cursor: first?.body.nextCursor });
    expect(body.items.map(idOf)).toEqual([last.id]);
    expect(body.nextCursor).toBeUndefined();
  });

  it('bind their cursor to all of their values', async () => {
    const by = await livline.freshMunicipality();
    for (const alias of ['A', 'B', 'C']) await makeFamily(by, { alias, kind: 'almen', pressure: 'elevated' });
    const query = { kind: 'almen', pressure: 'elevated', limit: '1' };
    const { nextCursor: cursor } = (await by.get('/families', query)).body;
    expectProblem(await by.get('/families', { ...query, pressure: 'high', cursor }), 422, 'invalid_cursor');
  });
});
