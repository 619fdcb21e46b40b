import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeConsultant,
  makeFamily,
  makeGroup,
  makeSession,
  makeStaff,
  makeTheme,
  SESSION,
} from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const SESSIONS = '/supervision-sessions';
const addendum = (text: string) => ({ at: '2026-11-20T08:30:00.000Z', text });

describe('a supervision session', () => {
  it('of a group is entered as it was held', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id: groupId } = await makeGroup(caller, { familyIds: [familyId] });
    const whole = {
      form: 'group',
      groupId,
      themeId: (await makeTheme(caller)).id,
      at: '2026-11-19T08:00:00.000Z',
      minutes: 120,
      facilitatorIds: [(await makeConsultant(caller)).id, (await makeStaff(caller)).id],
      attendance: [{ familyId, present: true, rating: 4 }],
      summary: 'Vi talte om mentalisering',
      reflection: 'Jeg tier for lidt',
      addenda: [addendum('En rettelse')],
      status: 'held',
    };
    const { id } = await makeSession(caller, whole);
    expect((await caller.get(`${SESSIONS}/${id}`)).body).toMatchObject(whole);
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    await expectMachine({
      caller,
      relay: livline.relay,
      path: SESSIONS,
      steps: stepsOf('planned→held→locked; planned→cancelled (reason)'),
      reasonFor: ['cancelled'],
      make: () => makeSession(caller, { familyId }),
    });
  });

  it('is cancelled with a reason only', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeSession(caller);
    const reply = await caller.status(`${SESSIONS}/${id}`, 1, { status: 'cancelled' });
    expectProblem(reply, 422, 'validation_failed', '/reason');
  });

  it('is not held before its time', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeSession(caller, { at: '2026-11-21T09:00:00.000Z' });
    expectProblem(await caller.status(`${SESSIONS}/${id}`, 1, { status: 'held' }), 422, 'validation_failed', '/at');
    const later = { ...SESSION, form: 'individual', familyId, at: '2026-11-21T09:00:00Z' };
    for (const status of ['held', 'locked']) {
      expectProblem(await caller.post(SESSIONS, { ...later, status }), 422, 'validation_failed', '/at');
    }
    const held = await makeSession(caller, { familyId, status: 'held' });
    const moved = await caller.patch(`${SESSIONS}/${held.id}`, { at: later.at }, 1);
    expectProblem(moved, 422, 'validation_failed', '/at');
    const early = { status: 'held', at: '2026-11-18T09:00:00Z' };
    const { id: yesterday } = await makeSession(caller, { familyId });
    expectProblem(await caller.status(`${SESSIONS}/${yesterday}`, 1, early), 422, 'validation_failed', '/at');
  });

  it.each([
    ['group', { groupId: undefined }, '/groupId'],
    ['group', { familyId: randomUUID() }, '/familyId'],
    ['individual', { familyId: undefined }, '/familyId'],
    ['individual', { groupId: randomUUID() }, '/groupId'],
  ])('of form %s names just what it is for: %j', async (form, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const own = form === 'group' ? { groupId: randomUUID() } : { familyId: randomUUID() };
    const reply = await caller.post(SESSIONS, { ...SESSION, form, ...own, ...fields });
    expectProblem(reply, 422, 'validation_failed', pointer);
  });

  it('takes the theme of its quarter in Denmark, unless it names another', async () => {
    const caller = await livline.freshMunicipality();
    const [third, fourth] = [await makeTheme(caller, { quarter: 3 }), await makeTheme(caller, { quarter: 4 })];
    const { id: groupId } = await makeGroup(caller);
    // 22:30 UTC on 30 September is past midnight in Denmark.
    expect((await makeSession(caller, { groupId, at: '2026-09-30T22:30:00Z' })).themeId).toBe(fourth.id);
    expect((await makeSession(caller, { groupId, at: '2026-09-30T21:30:00Z' })).themeId).toBe(third.id);
    expect((await makeSession(caller, { groupId, themeId: third.id })).themeId).toBe(third.id);
    expect((await makeSession(caller, { groupId, at: '2025-11-20T09:00:00Z' })).themeId).toBeUndefined();
  });

  it('is attended by members only, each once', async () => {
    const caller = await livline.freshMunicipality();
    const [member, stranger] = [await makeFamily(caller), await makeFamily(caller)];
    const { id: groupId } = await makeGroup(caller, { familyIds: [member.id] });
    const attend = (...ids: string[]) => ids.map((familyId) => ({ familyId, present: true }));
    const group = { ...SESSION, form: 'group', groupId };
    const two = await caller.post(SESSIONS, { ...group, attendance: attend(member.id, stranger.id) });
    expectProblem(two, 422, 'validation_failed', '/attendance/1/familyId');
    const twice = await caller.post(SESSIONS, { ...group, attendance: attend(member.id, member.id) });
    expectProblem(twice, 422, 'validation_failed', '/attendance');
    const individual = { ...SESSION, form: 'individual', familyId: member.id, attendance: attend(stranger.id) };
    expectProblem(await caller.post(SESSIONS, individual), 422, 'validation_failed', '/attendance/0/familyId');
    const { id } = await makeSession(caller, { groupId });
    const later = await caller.patch(`${SESSIONS}/${id}`, { attendance: attend(stranger.id) }, 1);
    expectProblem(later, 422, 'validation_failed', '/attendance/0/familyId');
  });

  it('stays attended by who has left the group since', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id: groupId } = await makeGroup(caller, { familyIds: [familyId] });
    const session = { groupId, attendance: [{ familyId, present: true }], status: 'held' };
    const { id } = await makeSession(caller, session);
    await caller.patch(`/supervision-groups/${groupId}`, { familyIds: [] }, 1);
    expect((await caller.status(`${SESSIONS}/${id}`, 1, { status: 'locked' })).status).toBe(200);
    expect((await caller.patch(`${SESSIONS}/${id}`, { addenda: [addendum('Rettelse')] }, 2)).status).toBe(200);
  });

  it('that is locked keeps its theme when it is sent again, and gets none that is published later', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const body = { ...SESSION, form: 'individual', familyId, status: 'locked' };
    const [early, late] = ['early', 'late'].map((name) => `${SESSIONS}/external/municipal/${name}`) as [string, string];
    expect((await caller.put(early, body)).body).not.toHaveProperty('themeId');
    const { id: themeId } = await makeTheme(caller);
    expect((await caller.put(early, body)).body).not.toHaveProperty('themeId');
    expect((await caller.put(late, body)).body).toMatchObject({ themeId, version: 1 });
    expect((await caller.put(late, body)).body).toMatchObject({ themeId, version: 1 });
  });

  it('that is locked is corrected by an addendum, and by nothing else', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeSession(caller, { status: 'locked', summary: 'Som det var' });
    const path = `${SESSIONS}/${id}`;
    const changes = {
      minutes: 60,
      at: '2026-11-18T08:00:00Z',
      summary: 'Som det burde være',
      reflection: 'Nu forstår jeg',
      attendance: [{ familyId, present: false }],
      externalId: 'x',
    };
    for (const [name, value] of Object.entries(changes)) {
      expectProblem(await caller.patch(path, { [name]: value }, 1), 422, 'validation_failed', `/${name}`);
    }
    const [first, second] = [addendum('En fejl'), addendum('Endnu en')];
    expect((await caller.patch(path, { addenda: [first] }, 1)).status).toBe(200);
    expect((await caller.patch(path, { addenda: [first, second] }, 2)).status).toBe(200);
    for (const addenda of [[], [first], [second], [second, first], [addendum('Aldrig'), second], null]) {
      expectProblem(await caller.patch(path, { addenda }, 3), 422, 'validation_failed', '/addenda');
    }
    const { body } = await caller.get(path);
    expect(body).toMatchObject({ version: 3, summary: 'Som det var', addenda: [first, second] });
  });

  it.each([
    ['14 minutes', { minutes: 14 }, '/minutes'],
    ['481 minutes', { minutes: 481 }, '/minutes'],
    ['a sixth star', { attendance: [{ familyId: randomUUID(), present: true, rating: 6 }] }, '/attendance/0/rating'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { ...SESSION, form: 'individual', familyId: randomUUID(), ...fields };
    expectProblem(await caller.post(SESSIONS, body), 422, 'validation_failed', pointer);
  });

  it('is led by consultants and staff of the municipality, on a theme and in a group of it', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const individual = { ...SESSION, form: 'individual', familyId };
    const refused: [object, string][] = [
      [{ ...individual, facilitatorIds: [familyId] }, '/facilitatorIds/0'],
      [{ ...individual, facilitatorIds: [randomUUID()] }, '/facilitatorIds/0'],
      [{ ...individual, themeId: randomUUID() }, '/themeId'],
      [{ ...individual, themeId: familyId }, '/themeId'],
      [{ ...SESSION, form: 'group', groupId: randomUUID() }, '/groupId'],
      [{ ...SESSION, form: 'group', groupId: familyId }, '/groupId'],
    ];
    for (const [body, pointer] of refused) {
      expectProblem(await caller.post(SESSIONS, body), 422, 'unknown_reference', pointer);
    }
    expect((await caller.get(SESSIONS)).body.items).toEqual([]);
  });

  it('is listed with the institutions whose staff lead it, who are looked up only when they change', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeStaff(caller), await makeStaff(caller)];
    const colleague = await makeStaff(caller, { institutionId: one.institutionId });
    const consultant = await makeConsultant(caller);
    const session = await makeSession(caller, { facilitatorIds: [one.id, colleague.id, consultant.id] });
    const path = `${SESSIONS}/${session.id}`;
    expect(session.institutionIds).toEqual([one.institutionId]);
    const of = async (institutionId: string) =>
      (await caller.get(SESSIONS, { institutionId })).body.items.map(({ id }: { id: string }) => id);
    expect([await of(one.institutionId), await of(other.institutionId)]).toEqual([[session.id], []]);
    const requests = await livline.requestsOf(() => caller.status(path, 1, { status: 'held' }));
    expect(requests.filter(({ command }) => command === 'BatchGetItem')).toEqual([]);
    expect((await caller.get(path)).body).toMatchObject({ status: 'held', institutionIds: [one.institutionId] });
    const { body } = await caller.patch(path, { facilitatorIds: [other.id] }, 2);
    expect(body.institutionIds).toEqual([other.institutionId]);
    expect([await of(one.institutionId), await of(other.institutionId)]).toEqual([[], [session.id]]);
    expect((await makeSession(caller)).institutionIds).toEqual([]);
  });

  it('is listed newest first by status, group, theme and family, and between two times', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id: groupId } = await makeGroup(caller, { familyIds: [familyId] });
    const { id: themeId } = await makeTheme(caller);
    const attendance = [{ familyId, present: false }];
    const early = await makeSession(caller, { groupId, attendance, at: '2026-09-01T08:00:00.000Z', status: 'held' });
    const middle = await makeSession(caller, { familyId, at: '2026-10-01T08:00:00.000Z' });
    const late = await makeSession(caller, {});
    const list = async (query: Record<string, string>) => (await caller.get(SESSIONS, query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ status: 'held' })).toEqual([early]);
    expect(await list({ groupId })).toEqual([early]);
    expect(await list({ themeId })).toEqual([late, middle]);
    expect(await list({ familyId })).toEqual([middle, early]);
    expect(await list({ from: '2026-09-15', to: '2026-11-01' })).toEqual([middle]);
  });

  it('is planned in the feed, and then held and locked, or cancelled', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id, familyId } = await makeSession(caller);
    await caller.status(`${SESSIONS}/${id}`, 1, { status: 'held' });
    await caller.status(`${SESSIONS}/${id}`, 2, { status: 'locked' });
    const { id: other } = await makeSession(caller, { familyId });
    await caller.status(`${SESSIONS}/${other}`, 1, { status: 'cancelled', reason: 'Sygdom' });
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'session.*' })).body;
    const told = items.map(({ type, subject }: { type: string; subject: string }) => [type.split('.').at(-1), subject]);
    expect(told).toEqual([
      ['planned', id],
      ['held', id],
      ['locked', id],
      ['planned', other],
      ['cancelled', other],
    ]);
  });
});
