import { beforeAll, describe, expect, it, vi } from 'vitest';
import { sendSigned } from '#test/support/case-system.ts';
import {
  APPROVAL,
  makeCall,
  makeChild,
  makeConnection,
  makeConsultant,
  makeCourse,
  makeFamily,
  makeLegalHold,
  makePlan,
  makeProgress,
  makeShift,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { remainderOf } from '#test/support/planted.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

interface Kept {
  readonly type: string;
  readonly keptAt: string;
  readonly record: Readonly<Record<string, unknown>>;
}

const keptBy = async (caller: Caller, holdId: string): Promise<Kept[]> => {
  const { status, body } = await caller.get(`/legal-holds/${holdId}/kept`);
  expect(status).toBe(200);
  return body.items;
};
const holdOn = (caller: Caller, id: string, type = 'family', fields: object = {}) =>
  makeLegalHold(caller, { subject: { type, id }, ...fields });

/** Another client of the same municipality. */
const colleagueOf = async ({ code }: Caller): Promise<Caller> =>
  (await livline.freshPartner(`partner-${code}`, [code]))(code);

/** Runs something once, just before the first transaction of the API in this municipality, or a later one. */
function beforeCommit({ code }: Caller, run: () => Promise<unknown>, nth = 1): void {
  const client = livline.storeOf('tenant-api').tenantClient(code);
  const send = client.send.bind(client);
  let commits = 0;
  const spy = vi.spyOn(client, 'send').mockImplementation((async (command: { constructor: { name: string } }) => {
    if (command.constructor.name === 'TransactWriteCommand') commits += 1;
    if (commits === nth) {
      spy.mockRestore();
      await run();
    }
    return send(command as never);
  }) as never);
}

describe('under a legal hold, what a change overwrites is kept', () => {
  it('by a patch, a replacement and a status change, whole, with what is sensitive in it', async () => {
    const caller = await livline.freshMunicipality();
    const first = { alias: 'Familien ved åen', kind: 'almen', outsideWork: 'HEMMELIG-natarbejde' };
    const { body: family } = await caller.put('/families/external/municipal/F-1', first);
    const hold = await holdOn(caller, family.id);
    await caller.patch(`/families/${family.id}`, { outsideWork: null }, 1);
    await caller.put('/families/external/municipal/F-1', { alias: 'Familien ved søen', kind: 'almen' });
    await caller.status(`/families/${family.id}`, 3, { status: 'in_training' });
    const kept = await keptBy(caller, hold.id);
    expect(kept.map(({ record }) => [record['version'], record['alias'], record['outsideWork']])).toEqual([
      [1, 'Familien ved åen', 'HEMMELIG-natarbejde'],
      [2, 'Familien ved åen', undefined],
      [3, 'Familien ved søen', undefined],
    ]);
    expect(kept[0]).toMatchObject({ type: 'families', keptAt: livline.now().toISOString() });
  });

  it('of every record that is about the person or names it, and of no other', async () => {
    const caller = await livline.freshMunicipality();
    const [held, other, child, consultant] = await Promise.all([
      makeFamily(caller),
      makeFamily(caller),
      makeChild(caller),
      makeConsultant(caller),
    ]);
    const network = await makeFamily(caller, { kind: 'netvaerk', approval: { ...APPROVAL, childId: child.id } });
    const [call, elsewhere, shift] = await Promise.all([
      makeCall(caller, { familyId: held.id }),
      makeCall(caller, { familyId: other.id }),
      makeShift(caller, { staffId: consultant.id }),
    ]);
    const [onFamily, onChild, onConsultant] = [
      await holdOn(caller, held.id),
      await holdOn(caller, child.id, 'child'),
      await holdOn(caller, consultant.id, 'consultant'),
    ];
    await caller.patch(`/calls/${call.id}`, { severity: 3 }, 1);
    await caller.patch(`/calls/${elsewhere.id}`, { severity: 3 }, 1);
    await caller.patch(`/families/${network.id}`, { capacity: 3 }, 1);
    await caller.patch(`/children/${child.id}`, { alias: 'Barnet' }, 1);
    await caller.patch(`/shifts/${shift.id}`, { endsAt: '2026-11-23T15:00:00.000Z' }, 1);
    const idsOf = async ({ id }: { id: string }) => (await keptBy(caller, id)).map(({ record }) => record['id']).sort();
    expect(await idsOf(onFamily)).toEqual([call.id]);
    expect(await idsOf(onChild)).toEqual([network.id, child.id].sort());
    expect(await idsOf(onConsultant)).toEqual([shift.id]);
  });

  it('of a record that concerns more families than are checked one by one', async () => {
    const caller = await livline.freshMunicipality();
    const families = await Promise.all(Array.from({ length: 10 }, () => makeFamily(caller)));
    const attendance = families.map(({ id }) => ({ familyId: id, hours: 1 }));
    const course = await makeCourse(caller, { status: 'held', attendance });
    const hold = await holdOn(caller, families[9]?.id);
    const stranger = await holdOn(caller, (await makeFamily(caller)).id);
    expect((await caller.patch(`/courses/${course.id}`, { title: 'Andet' }, 1)).status).toBe(200);
    expect((await keptBy(caller, hold.id)).map(({ record }) => record['title'])).toEqual([course.title]);
    expect(await keptBy(caller, stranger.id)).toEqual([]);
  });

  it('by a message to the inbox too', async () => {
    const caller = await livline.freshMunicipality();
    const child = await makeChild(caller);
    const hold = await holdOn(caller, child.id, 'child');
    const connection = await makeConnection(caller);
    const data = { childId: child.id, responsibleMunicipality: '0630' };
    await sendSigned(caller, connection, { type: 'child.responsibility_changed', data });
    const [kept] = await keptBy(caller, hold.id);
    expect(kept?.record).toMatchObject({ id: child.id, responsibleMunicipality: caller.code });
  });

  it('in each of the holds that are in force, and no more once a hold is lifted or its last day has passed', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    const { id } = await makeFamily(caller);
    const today = livline.now().toISOString().slice(0, 10);
    const holds = [await holdOn(caller, id), await holdOn(caller, id, 'family', { from: today, to: today })];
    const counts = async () =>
      (await Promise.all(holds.map((hold) => keptBy(caller, hold.id)))).map(({ length }) => length);
    await caller.patch(`/families/${id}`, { capacity: 3 }, 1);
    expect(await counts()).toEqual([1, 1]);
    livline.advance(86_400);
    await caller.patch(`/families/${id}`, { capacity: 4 }, 2);
    expect(await counts()).toEqual([2, 1]);
    await colleague.status(`/legal-holds/${holds[0].id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    const before = await counts();
    await caller.patch(`/families/${id}`, { capacity: 5 }, 3);
    expect(await counts()).toEqual(before);
  });

  it('also where the hold is set between the reading and the writing of the change', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    let hold = { id: '' };
    beforeCommit(caller, async () => {
      hold = await holdOn(caller, id);
    });
    expect((await caller.patch(`/families/${id}`, { alias: 'Efter' }, 1)).body.version).toBe(2);
    expect((await keptBy(caller, hold.id)).map(({ record }) => record['alias'])).toEqual(['Familien ved åen']);
  });

  it('also where a second hold is set once the first has been read', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const first = await holdOn(caller, id);
    let second = { id: '' };
    const setSecond = async () => {
      second = await holdOn(caller, id);
    };
    // The first transaction is refused, since somebody is held; the next one goes by the holds that were read.
    beforeCommit(caller, setSecond, 2);
    expect((await caller.patch(`/families/${id}`, { alias: 'Efter' }, 1)).status).toBe(200);
    expect(await keptBy(caller, first.id)).toHaveLength(1);
    expect(await keptBy(caller, second.id)).toHaveLength(1);
  });

  it('in the same transaction: where that fails, nothing is changed and nothing kept', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const hold = await holdOn(caller, id);
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const change = () => caller.patch(`/families/${id}`, { alias: 'Efter' }, 1);
    const reply = await livline.cutOff('sending', 'TransactWriteItems', change);
    vi.restoreAllMocks();
    expect(reply.status).toBe(500);
    expect((await caller.get(`/families/${id}`)).body.version).toBe(1);
    expect(await keptBy(caller, hold.id)).toEqual([]);
  });
});

describe('under a legal hold, deleting is refused', () => {
  it('for a record about the person, until the hold is lifted', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    const plan = await makePlan(caller, { status: 'agreed' });
    const entry = await makeProgress(caller, { planId: plan.id, goalId: plan.goals[0].id });
    const path = `/development-plans/${entry.planId}/goals/${entry.goalId}/progress/${entry.id}`;
    const hold = await holdOn(caller, plan.familyId);
    expectProblem(await caller.remove(path, 1), 409, 'legal_hold');
    expect((await caller.get(path)).status).toBe(200);
    await colleague.status(`/legal-holds/${hold.id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    expect((await caller.remove(path, 1)).status).toBe(204);
  });
});

describe('what a hold has kept', () => {
  it('is shown with privacy:read, sensitive fields with sensitive:read alone', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { outsideWork: 'HEMMELIG-natarbejde' });
    const hold = await holdOn(caller, id);
    await caller.patch(`/families/${id}`, { outsideWork: 'HEMMELIG-dagarbejde' }, 1);
    const [plain] = await keptBy(caller.withScopes('privacy:read'), hold.id);
    expect(plain?.record).toMatchObject({ id, version: 1 });
    expect(plain?.record).not.toHaveProperty('outsideWork');
    const all = caller.scopes.filter((scope) => scope !== 'privacy:read');
    expectProblem(await caller.withScopes(...all).get(`/legal-holds/${hold.id}/kept`), 403, 'forbidden');
    const stranger = await livline.freshMunicipality();
    expectProblem(await stranger.get(`/legal-holds/${hold.id}/kept`), 404, 'not_found');
  });

  it('is listed page by page, and its reading entered under the person and the record', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const call = await makeCall(caller, { familyId: id, note: 'HEMMELIG-notat' });
    const hold = await holdOn(caller, id);
    for (const severity of [1, 3, 4])
      await caller.patch(`/calls/${call.id}`, { severity }, severity === 1 ? 1 : severity - 1);
    const headers = { 'x-access-purpose': 'complaint' };
    const first = await caller.send('GET', `/legal-holds/${hold.id}/kept`, { query: { limit: '2' }, headers });
    const cursor = first.body.nextCursor;
    const last = await caller.get(`/legal-holds/${hold.id}/kept`, { limit: '2', cursor });
    const versions = [first, last].flatMap(({ body }) => body.items.map((item: Kept) => item.record['version']));
    expect(versions).toEqual([1, 2, 3]);
    const { body } = await caller.get('/access-log', { subject: id });
    const entries = body.items.map(({ what, fields }: { what: object; fields: string[] }) => ({ what, fields }));
    expect(entries).toContainEqual({ what: { type: 'legal-hold', id: hold.id }, fields: [] });
    expect(entries).toContainEqual({ what: { type: 'call', id: call.id }, fields: ['note'] });
  });

  it('goes with the person once the hold is lifted, except what a hold on another person keeps', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    const child = await makeChild(caller, { alias: 'GEMTNAVN' });
    const { id } = await makeFamily(caller, { alias: 'SLETMIG' });
    const call = await makeCall(caller, { familyId: id, note: 'SLETMIG' });
    const [ofFamily, ofChild] = [await holdOn(caller, id), await holdOn(caller, child.id, 'child')];
    await caller.patch(`/calls/${call.id}`, { note: 'Andet' }, 1);
    await caller.patch(`/children/${child.id}`, { alias: 'Barnet' }, 1);
    await caller.status(`/families/${id}`, 1, { status: 'closed', reason: 'Flyttet' });
    expect(await keptBy(caller, ofFamily.id)).toHaveLength(2);
    await colleague.status(`/legal-holds/${ofFamily.id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    expect((await caller.post('/erasures', { subject: { type: 'family', id }, cause: 'request' })).status).toBe(201);
    await livline.lifecycle();
    livline.advance(61);
    await livline.lifecycle();
    expect(await keptBy(caller, ofFamily.id)).toEqual([]);
    expect(await keptBy(caller, ofChild.id)).toHaveLength(1);
    // The rows of the child, which is held, name nothing of the family.
    const remainder = await remainderOf(livline, caller.code, [id, call.id, ofFamily.id]);
    expect(remainder.filter((row) => !row.includes(child.id))).toEqual([]);
  });
});
