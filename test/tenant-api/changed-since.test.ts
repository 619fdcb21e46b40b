import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '#shared/resources/registry.ts';
import { makeCall, makeFamily, makeHelpline, makeInstitution, makeShift, makeStaff } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';
import { collectionAt, makeOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** A second passes. */
function later(): string {
  livline.advance(1);
  return livline.now().toISOString();
}

type Made = Reply['body'];
const since = async (by: Caller, path: string, changedSince: string): Promise<Made[]> =>
  (await by.get(path, { changedSince })).body.items;

describe('a list of what has changed since', () => {
  it('is in the order of the last change, and a record that changes moves to its end', async () => {
    const caller = await livline.freshMunicipality();
    const start = later();
    const made: Made[] = [];
    for (const alias of ['C', 'A', 'B']) {
      made.push(await makeFamily(caller, { alias }));
      later();
    }
    const [first, second, third] = made;
    expect(await since(caller, '/families', start)).toEqual([first, second, third]);
    const { body: changed } = await caller.patch(`/families/${first.id}`, { capacity: 4 }, 1);
    later();
    const { body: active } = await caller.status(`/families/${second.id}`, 1, { status: 'in_training' });
    expect(await since(caller, '/families', start)).toEqual([third, changed, active]);
    expect(await since(caller, '/families', changed.updatedAt)).toEqual([changed, active]);
  });

  it('starts with the instant itself, in any offset', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller);
    expect(await since(caller, '/families', family.updatedAt)).toEqual([family]);
    const local = new Date(Date.parse(family.updatedAt) + 3_600_000).toISOString().replace('Z', '+01:00');
    expect(await since(caller, '/families', local)).toEqual([family]);
    const next = new Date(Date.parse(family.updatedAt) + 1).toISOString();
    expect(await since(caller, '/families', next)).toEqual([]);
  });

  it('is left as it was by what changes nothing', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller);
    livline.advance(60);
    const now = livline.now().toISOString();
    expect((await caller.patch(`/families/${family.id}`, { alias: family.alias }, 1)).status).toBe(200);
    expect(await since(caller, '/families', now)).toEqual([]);
  });

  it('does not show what was deleted, which its event tells', async () => {
    const caller = await livline.freshMunicipality();
    const start = later();
    const { id } = await makeShift(caller);
    expect(await since(caller, '/shifts', start)).toHaveLength(1);
    await caller.remove(`/shifts/${id}`, 1);
    expect(await since(caller, '/shifts', start)).toEqual([]);
  });

  it('comes one page at a time, each once, also of the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const start = later();
    for (const count of [3, 1, 4]) {
      await Promise.all(Array.from({ length: count }, () => makeCall(caller, { helplineId })));
      later();
    }
    const all = await since(caller, '/calls', start);
    expect(all).toHaveLength(8);
    expect(all).toEqual(all.toSorted((a, b) => (`${a.updatedAt} ${a.id}` < `${b.updatedAt} ${b.id}` ? -1 : 1)));
    for (const limit of ['1', '3', '8']) {
      const read = await pages(caller, '/calls', { changedSince: start, limit });
      expect(read.flat()).toEqual(all);
    }
  });

  it('has cursors of its own, for its own start', async () => {
    const caller = await livline.freshMunicipality();
    const start = later();
    for (const alias of ['A', 'B', 'C']) await makeFamily(caller, { alias });
    const list = async (query: Record<string, string>) => caller.get('/families', { limit: '1', ...query });
    const [changed, plain] = [await list({ changedSince: start }), await list({})];
    for (const query of [{ changedSince: later() }, {}]) {
      expectProblem(await list({ ...query, cursor: changed.body.nextCursor }), 422, 'invalid_cursor');
    }
    expectProblem(await list({ changedSince: start, cursor: plain.body.nextCursor }), 422, 'invalid_cursor');
  });

  it.each([
    ['/calls', { from: '2026-11-20' }, 'from'],
    ['/calls', { to: '2026-11-20' }, 'to'],
    ['/affiliations', { on: '2026-11-20' }, 'on'],
  ])('of %s is not combined with %j', async (path, filter, named) => {
    const caller = await livline.freshMunicipality();
    const reply = await caller.get(path, { ...filter, changedSince: '2026-11-20T09:00:00Z' });
    expectProblem(reply, 422, 'validation_failed', `/query/${named}`);
  });

  it.each(['2026-11-20', 'yesterday', '', '2026-11-20T09:00:00'])('is not asked for since %j', async (changedSince) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.get('/families', { changedSince }), 422, 'validation_failed', '/query/changedSince');
  });

  it('of what is nested is that of one parent', async () => {
    const caller = await livline.freshMunicipality();
    const [{ id: institutionId }, other] = [await makeInstitution(caller), await makeInstitution(caller)];
    const start = later();
    const first = await makeStaff(caller, { institutionId });
    await makeStaff(caller, { institutionId: other.id });
    later();
    const second = await makeStaff(caller, { institutionId });
    later();
    const path = `/institutions/${institutionId}/staff`;
    const { body: moved } = await caller.patch(`${path}/${first.id}`, { active: false }, 1);
    expect(await since(caller, path, start)).toEqual([second, moved]);
    expect((await pages(caller, path, { changedSince: start, limit: '1' })).flat()).toEqual([second, moved]);
  });

  describe('is there', () => {
    let caller: Caller;
    beforeAll(async () => {
      caller = await livline.freshMunicipality();
    });

    it.each(RESOURCES)('for $path', async (resource) => {
      const start = later();
      const record = await makeOf(resource.path, caller);
      const path = collectionAt(resource, record);
      const listed: Made[] = (await caller.get(path)).body.items;
      const byId = (items: readonly Made[]) => items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const found = await since(caller, path, start);
      expect(found).toContainEqual(record);
      expect(byId(found)).toEqual(byId(listed.filter(({ updatedAt }) => updatedAt >= start)));
    });
  });
});

/** A client that keeps a copy of the calls: each time it asks for what has changed since it began to ask the last time. */
function mirrorOf(by: Caller, limit: string, start: string) {
  const copy = new Map<string, Made>();
  let [changedSince, begun] = [start, start];
  let cursor: string | undefined;

  /** Reads one page and says whether there are more. */
  async function readPage(): Promise<boolean> {
    if (cursor === undefined) [changedSince, begun] = [begun, livline.now().toISOString()];
    const reply = await by.get('/calls', { changedSince, limit, ...(cursor !== undefined && { cursor }) });
    expect(reply.status).toBe(200);
    for (const call of reply.body.items) copy.set(call.id, call);
    cursor = reply.body.nextCursor;
    return cursor !== undefined;
  }
  return { copy, readPage };
}

describe('a client that asks again and again what has changed since it asked the last time', () => {
  it('ends with the same set as the list, whatever is written between its pages', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    /** A new call, or a change of one that is there, and how long after the one before. */
    const write = fc.record({ changes: fc.option(fc.nat({ max: 9 })), seconds: fc.nat({ max: 1 }) });
    const betweenPages = fc.array(fc.array(write, { maxLength: 3 }), { minLength: 4, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(betweenPages, fc.integer({ min: 1, max: 3 }), async (times, limit) => {
        const { copy, readPage } = mirrorOf(caller, String(limit), later());
        const calls = new Map<string, Made>();
        for (const writes of times) {
          for (const { changes, seconds } of writes) {
            livline.advance(seconds);
            const call = [...calls.values()][changes ?? -1];
            const { body: written } = call
              ? await caller.patch(`/calls/${call.id}`, { severity: (call.severity % 4) + 1 }, call.version)
              : { body: await makeCall(caller, { helplineId }) };
            expect(written.version).toBe((call?.version ?? 0) + 1);
            calls.set(written.id, written);
          }
          await readPage();
        }
        while (await readPage());
        while (await readPage());
        const byId = (some: Map<string, Made>) => [...some.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
        expect(byId(copy)).toEqual(byId(calls));
        const listed = (await pages(caller, '/calls', { limit: '200' })).flat();
        expect(listed).toEqual(expect.arrayContaining([...copy.values()]));
      }),
      { numRuns: 6 },
    );
  });
});
