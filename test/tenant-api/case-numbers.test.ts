import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '#shared/resources/registry.ts';
import {
  makeAffiliation,
  makeCall,
  makeFamily,
  makeInstitution,
  makeSession,
  makeShift,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';
import { makeOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const CASE = '27.03.00-G01-12-26';
const linked = (...caseNumbers: string[]) => ({
  caseRefs: caseNumbers.map((caseNumber) => ({ system: 'DUBU', caseNumber })),
});
interface Found {
  readonly type: string;
  readonly record: { readonly id: string };
}
const recordsOf = async (by: Caller, caseNumber: string): Promise<Found[]> =>
  (await pages(by, '/records', { caseNumber })).flat();
const idsOf = async (by: Caller, caseNumber: string): Promise<string[]> =>
  (await recordsOf(by, caseNumber)).map(({ record }) => record.id);

describe('everything with one case number', () => {
  it('is of every type, as its own list shows it, by one Query', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller, { ...linked(CASE), outsideWork: 'Hemmeligt' });
    const call = await makeCall(caller, { ...linked(CASE, 'another'), note: 'Hemmeligt' });
    const session = await makeSession(caller, { ...linked(CASE), familyId: family.id, summary: 'Hemmeligt' });
    const member = await makeStaff(caller, linked(CASE));
    await makeAffiliation(caller, { ...linked('28.00.00-G01-1-26'), familyId: family.id });
    const requests = await livline.requestsOf(async () => {
      const { body, text } = await caller.get('/records', { caseNumber: CASE });
      expect(body).toEqual({
        items: [
          { type: 'calls', record: call },
          { type: 'families', record: family },
          { type: 'staff', record: member },
          { type: 'supervision-sessions', record: session },
        ],
      });
      expect(text).not.toContain('Hemmeligt');
    });
    expect(requests.map(({ command }) => command)).toEqual(['Query']);
  });

  describe('finds', () => {
    let caller: Caller;
    beforeAll(async () => {
      caller = await livline.freshMunicipality();
    });

    it.each(RESOURCES)('$path', async ({ path }) => {
      const { id } = await makeOf(path, caller, linked(`case of ${path}`));
      expect(await recordsOf(caller, `case of ${path}`)).toMatchObject([{ type: path, record: { id } }]);
    });
  });

  it('is what the client’s scopes let it read', async () => {
    const caller = await livline.freshMunicipality();
    await makeFamily(caller, linked(CASE));
    await makeCall(caller, linked(CASE));
    await makeInstitution(caller, linked(CASE));
    const seen = async (...scopes: string[]) =>
      (await recordsOf(caller.withScopes(...scopes), CASE)).map(({ type }) => type);
    expect(await seen('families:read')).toEqual(['families']);
    expect(await seen('families:read', 'institutions:read')).toEqual(['families', 'institutions']);
    expect(await seen(...caller.scopes)).toEqual(['calls', 'families', 'institutions']);
    const others = caller.scopes.filter((scope) => scope !== 'families:read');
    expectProblem(await caller.withScopes(...others).get('/records', { caseNumber: CASE }), 403, 'forbidden');
  });

  it('is nothing of another municipality with the same number', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const [family] = [await makeFamily(one, linked(CASE)), await makeFamily(other, linked(CASE))];
    expect(await idsOf(one, CASE)).toEqual([family.id]);
    await makeFamily(other, linked('kun der'));
    expect(await idsOf(one, 'kun der')).toEqual([]);
  });

  it('shows a record as it stands now, and no more once the case is no longer named', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, linked(CASE, 'second'));
    const path = `/families/${id}`;
    const { body: changed } = await caller.patch(path, { capacity: 5 }, 1);
    expect((await recordsOf(caller, CASE)).map(({ record }) => record)).toEqual([changed]);
    await caller.patch(path, linked('second', 'third'), 2);
    expect(await idsOf(caller, CASE)).toEqual([]);
    expect(await idsOf(caller, 'second')).toEqual([id]);
    expect(await idsOf(caller, 'third')).toEqual([id]);
    await caller.patch(path, { caseRefs: null }, 3);
    for (const gone of ['second', 'third']) expect(await idsOf(caller, gone)).toEqual([]);
    await caller.patch(path, linked(CASE), 4);
    expect(await idsOf(caller, CASE)).toEqual([id]);
  });

  it('shows a record once, whichever of its links name the case', async () => {
    const caller = await livline.freshMunicipality();
    const caseRefs = [
      { system: 'DUBU', caseNumber: CASE },
      { system: 'KMD Nexus', caseNumber: CASE },
      { system: 'SBSYS', caseId: CASE },
    ];
    const { id } = await makeFamily(caller, { caseRefs });
    expect(await idsOf(caller, CASE)).toEqual([id]);
    await caller.patch(`/families/${id}`, { caseRefs: caseRefs.slice(1) }, 1);
    expect(await idsOf(caller, CASE)).toEqual([id]);
    await caller.patch(`/families/${id}`, { caseRefs: caseRefs.slice(2) }, 2);
    expect(await idsOf(caller, CASE)).toEqual([]);
  });

  it('does not show what was deleted', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeShift(caller, linked(CASE));
    expect(await idsOf(caller, CASE)).toEqual([id]);
    await caller.remove(`/shifts/${id}`, 1);
    expect(await idsOf(caller, CASE)).toEqual([]);
  });

  it('is found by just that number, whatever characters it has', async () => {
    const caller = await livline.freshMunicipality();
    const visible = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .map((text) => text.trim())
      .filter((text) => text !== '' && !/[\p{Cc}\p{Cs}\u{10ffff}]/u.test(text));
    const awkward = [
      '#',
      'a#b',
      'a',
      '100%',
      '%0023',
      'a b',
      '+',
      '27/3',
      'å',
      '🏡',
      '"',
      '\\',
      'CASE#x',
      'x'.repeat(100),
    ];
    const numbers = [...new Set([...awkward, ...fc.sample(visible, 8)])];
    const made = await Promise.all(numbers.map((caseNumber) => makeFamily(caller, linked(caseNumber))));
    for (const [at, caseNumber] of numbers.entries()) {
      expect(await idsOf(caller, caseNumber)).toEqual([made[at].id]);
    }
  });

  it('comes one page at a time, also when a page holds nothing that the client may read', async () => {
    const caller = await livline.freshMunicipality();
    const { id: institutionId } = await makeInstitution(caller);
    const makeThree = (make: () => Promise<{ id: string }>) => Promise.all([make(), make(), make()]);
    const families = await makeThree(() => makeFamily(caller, linked(CASE)));
    const staff = await makeThree(() => makeStaff(caller, { institutionId, ...linked(CASE) }));
    const ids = [families, staff].flatMap((some) => some.map(({ id }) => id).toSorted());
    for (const limit of ['1', '2', '6']) {
      const read = await pages(caller, '/records', { caseNumber: CASE, limit });
      expect(read.flat().map(({ record }) => record.id)).toEqual(ids);
      const less = caller.withScopes('families:read');
      const some = await pages(less, '/records', { caseNumber: CASE, limit });
      expect(some.flat().map(({ record }) => record.id)).toEqual(ids.slice(0, 3));
    }
  });

  it('has cursors that open for no other number and in no other municipality', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const by of [one, one, other, other]) await makeFamily(by, linked(CASE, 'second'));
    const { nextCursor: cursor } = (await one.get('/records', { caseNumber: CASE, limit: '1' })).body;
    expectProblem(await one.get('/records', { caseNumber: 'second', cursor }), 422, 'invalid_cursor');
    expectProblem(await other.get('/records', { caseNumber: CASE, cursor }), 422, 'invalid_cursor');
  });

  it('is not asked for without a number', async () => {
    const caller = await livline.freshMunicipality();
    for (const query of [{}, { caseNumber: '' }, { caseNumber: ' ' }, { caseNumber: 'x'.repeat(101) }]) {
      expectProblem(await caller.get('/records', query), 422, 'validation_failed', '/query/caseNumber');
    }
    const filtered = await caller.get('/records', { caseNumber: CASE, type: 'calls' });
    expectProblem(filtered, 422, 'validation_failed', '/query/type');
  });
});
