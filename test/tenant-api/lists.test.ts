import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeKey } from '#shared/table/keys.ts';
import { FAMILY, makeCall, makeFamily, makeHelpline, makeInstitution, makeStaff } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe('a list', () => {
  it('read page by page is all there is, once, in order, however the names are spelt', async () => {
    // Half of the names begin alike, so that what follows decides.
    const name = fc
      .tuple(
        fc.constantFrom('', 'Familien ', 'familien', '#', '%', '%0023', '🏡', '\uff21', 'Å', 'å', 'Ø', '~'),
        fc.string({ unit: 'grapheme', maxLength: 6 }),
      )
      .map(
        (parts) =>
          parts
            .join('')
            .replaceAll(/\p{Cc}/gu, '?')
            .trim() || 'x',
      );
    const caller = await livline.freshMunicipality();
    const names = fc.array(name, { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 4 }), async (some, limit) => {
        const { id: institutionId } = await makeInstitution(caller, { specialties: [] });
        const staff = await Promise.all(
          some.map((name) => makeStaff(caller, { institutionId, name, specialties: [] })),
        );
        const reference = staff
          .map((member) => ({ member, sortedBy: encodeKey([member.name.toLowerCase(), member.id]) }))
          .sort((a, b) => bytewise(a.sortedBy, b.sortedBy))
          .map(({ member }) => member);
        const path = `/institutions/${institutionId}/staff`;
        const read = await pages(caller, path, { limit: String(limit) });
        expect(read.flat()).toEqual(reference);
        for (const page of read.slice(0, -1)) expect(page).toHaveLength(limit);
        expect((await pages(caller, path, { active: 'true', limit: '2' })).flat()).toEqual(reference);
      }),
      { numRuns: 10 },
    );
  });

  it('that is newest first is so across its pages, also of the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const minutes = [3, 1, 2, 2, 2, 5, 0];
    const calls = await Promise.all(
      minutes.map((minute) => makeCall(caller, { helplineId, receivedAt: `2026-11-20T08:0${minute}:00.000Z` })),
    );
    const reference = calls.toSorted((a, b) => bytewise(`${b.receivedAt}#${b.id}`, `${a.receivedAt}#${a.id}`));
    for (const limit of ['1', '2', '3', '7', '8']) {
      expect((await pages(caller, '/calls', { limit })).flat()).toEqual(reference);
    }
    const middle = { from: '2026-11-20T08:01:00Z', to: '2026-11-20T08:03:00Z' };
    const between = reference.filter(({ receivedAt }) => /08:0[12]/.test(receivedAt));
    for (const limit of ['1', '2', '9']) {
      expect((await pages(caller, '/calls', { limit, ...middle })).flat()).toEqual(between);
    }
  });

  it('does not show twice or leave out what stands while others come and go', async () => {
    const caller = await livline.freshMunicipality();
    const families = [];
    for (const alias of ['B', 'D', 'F', 'H']) families.push(await makeFamily(caller, { alias }));
    const first = await caller.get('/families', { limit: '2' });
    await makeFamily(caller, { alias: 'A' });
    await makeFamily(caller, { alias: 'E' });
    await caller.patch(`/families/${families[1].id}`, { alias: 'Z' }, 1);
    const { items } = (await caller.get('/families', { cursor: first.body.nextCursor })).body;
    expect(items.map(({ alias }: { alias: string }) => alias)).toEqual(['E', 'F', 'H', 'Z']);
  });

  it('shows 50 unless asked for 1 to 200', async () => {
    const caller = await livline.freshMunicipality();
    await Promise.all(
      Array.from({ length: 51 }, (_, at) => makeInstitution(caller, { name: `${at}`, specialties: [] })),
    );
    const shown = async (query: Record<string, string>) => (await caller.get('/institutions', query)).body.items.length;
    expect(await shown({})).toBe(50);
    expect(await shown({ limit: '1' })).toBe(1);
    expect(await shown({ limit: '200' })).toBe(51);
    for (const limit of ['0', '201', '-1', '1.5', 'ten', '', '1e99']) {
      expectProblem(await caller.get('/institutions', { limit }), 422, 'validation_failed', '/query/limit');
    }
  });

  it('links to its next page, which the link leads to, and from its last page to none', async () => {
    const caller = await livline.freshMunicipality();
    for (const alias of ['A', 'B', 'C']) await makeFamily(caller, { alias, kind: 'netvaerk' });
    const query = { limit: '2', kind: 'netvaerk' };
    const first = await caller.get('/families', query);
    const [, target = ''] = /^<\?([^>]*)>; rel="next"$/.exec(first.headers['link'] ?? '') ?? [];
    const next = Object.fromEntries(new URLSearchParams(target));
    expect(next).toEqual({ ...query, cursor: first.body.nextCursor });
    const last = await caller.get('/families', next);
    expect(last.body).toEqual({ items: [expect.objectContaining({ alias: 'C' })] });
    expect(last.headers['link']).toBeUndefined();
  });

  it('takes the filters that it has, with values that its records can have', async () => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.get('/families', { alias: 'A' }), 422, 'validation_failed', '/query/alias');
    expectProblem(await caller.get('/families', { status: 'happy' }), 422, 'validation_failed', '/query/status');
    expectProblem(await caller.get('/families', { from: '2026-01-01' }), 422, 'validation_failed', '/query/from');
    expectProblem(await caller.get('/calls', { from: 'january' }), 422, 'validation_failed', '/query/from');
  });

  it('refuses a value that no record can have, also one that looks like a key', async () => {
    const caller = await livline.freshMunicipality();
    await makeFamily(caller);
    for (const kind of ['#', 'almen#', '%', 'almen%0023x', '../almen', '\u0000', '🏡']) {
      expectProblem(await caller.get('/families', { kind }), 422, 'validation_failed', '/query/kind');
    }
  });

  it('from a time after its end is empty', async () => {
    const caller = await livline.freshMunicipality();
    await makeCall(caller);
    expect((await caller.get('/calls', { from: '2026-11-21', to: '2026-11-20' })).body).toEqual({ items: [] });
  });

  it('does not show a record under a value that it has lost', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { ...FAMILY, pressure: 'high' });
    await caller.patch(`/families/${id}`, { pressure: 'elevated' }, 1);
    expect((await caller.get('/families', { pressure: 'high' })).body.items).toEqual([]);
    expect((await caller.get('/families', { pressure: 'elevated' })).body.items).toHaveLength(1);
  });
});
