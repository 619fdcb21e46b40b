import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  MAKERS,
  makeAction,
  makeCall,
  makeChild,
  makeConsultant,
  makeFamily,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const ofFamily = (id: string) => ({ type: 'family', id });

describe('an action', () => {
  it('says what is to be done, by whom, by when and about what', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const whole = {
      title: 'Aftal møde med skolen',
      ownerId: (await makeStaff(caller)).id,
      dueOn: '2026-11-27',
      about: ofFamily(familyId),
    };
    const { id } = await makeAction(caller, whole);
    expect((await caller.get(`/actions/${id}`)).body).toMatchObject({ ...whole, familyId, status: 'open' });
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const about = ofFamily((await makeFamily(caller)).id);
    const { id: ownerId } = await makeConsultant(caller);
    await expectMachine({
      caller,
      relay: livline.relay,
      path: '/actions',
      steps: stepsOf('open→done, cancelled'),
      reasonFor: [],
      make: () => makeAction(caller, { about, ownerId }),
    });
  });

  it.each([
    ['family', 'families', 'itself'],
    ['child', 'children', 'none'],
    ['placement', 'placements', 'its own'],
    ['call', 'calls', 'none'],
    ['contact', 'contacts', 'its own'],
    ['inquiry', 'inquiries', 'its own'],
    ['concern-report', 'concern-reports', 'none'],
    ['risk-flag', 'risk-flags', 'its own'],
    ['development-plan', 'development-plans', 'its own'],
    ['supervision-session', 'supervision-sessions', 'its own'],
    ['visit', 'visits', 'its own'],
    ['affiliation', 'affiliations', 'its own'],
  ])('may be about a %s (also as %s), whose family is %s', async (type, path, family) => {
    const caller = await livline.freshMunicipality();
    const subject = await MAKERS[path]?.(caller);
    const familyId = { itself: subject.id, 'its own': subject.familyId, none: undefined }[family];
    expect(familyId === undefined).toBe(family === 'none');
    const about = { type, id: subject.id };
    const [byType, byPath] = [about, { ...about, type: path }];
    for (const sent of [byType, byPath]) {
      const made = await makeAction(caller, { about: sent });
      expect([made.about, made.familyId]).toEqual([about, familyId]);
    }
  });

  it('is about a record of the municipality, of just the type it names, and cannot be without one', async () => {
    const caller = await livline.freshMunicipality();
    const [call, { id: ownerId }] = [await makeCall(caller), await makeConsultant(caller)];
    const foreign = await makeFamily(await livline.freshMunicipality());
    const own = await makeAction(caller);
    const body = { title: 'Ring', ownerId, dueOn: '2026-12-01' };
    for (const id of [call.id, foreign.id, randomUUID()]) {
      const about = ofFamily(id);
      expectProblem(await caller.post('/actions', { ...body, about }), 422, 'unknown_reference', '/about/id');
      expectProblem(await caller.patch(`/actions/${own.id}`, { about }, 1), 422, 'unknown_reference', '/about/id');
    }
    const wrong = await caller.post('/actions', { ...body, about: { type: 'helpline', id: call.id } });
    expectProblem(wrong, 422, 'validation_failed', '/about/type');
    expectProblem(await caller.post('/actions', body), 422, 'validation_failed', '/about');
  });

  it('is owned by a consultant or a staff member of the municipality', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const foreign = await makeConsultant(await livline.freshMunicipality());
    for (const ownerId of [familyId, foreign.id, randomUUID()]) {
      const body = { title: 'Ring', ownerId, dueOn: '2026-12-01', about: ofFamily(familyId) };
      expectProblem(await caller.post('/actions', body), 422, 'unknown_reference', '/ownerId');
    }
  });

  it.each([
    ['no title', { title: '' }, '/title'],
    ['a moment where a day belongs', { dueOn: '2026-12-01T12:00:00Z' }, '/dueOn'],
    ['no owner', { ownerId: undefined }, '/ownerId'],
    ['a family of its own', { familyId: randomUUID() }, '/familyId'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { title: 'Ring', ownerId: randomUUID(), dueOn: '2026-12-01', about: ofFamily(randomUUID()) };
    expectProblem(await caller.post('/actions', { ...body, ...fields }), 422, 'validation_failed', pointer);
  });

  it('is listed by when it is due, by owner, family and status, and by status between two days', async () => {
    const caller = await livline.freshMunicipality();
    const { id: ownerId } = await makeConsultant(caller);
    const { id: familyId } = await makeFamily(caller);
    const late = await makeAction(caller, { dueOn: '2026-12-24', ownerId });
    const early = await makeAction(caller, { dueOn: '2026-11-21', ownerId, about: ofFamily(familyId) });
    const middle = await makeAction(caller, { dueOn: '2026-12-01', about: ofFamily(familyId) });
    const done = await makeAction(caller, { dueOn: '2026-11-30', status: 'done' });
    const list = async (query: Record<string, string>) => (await caller.get('/actions', query)).body.items;
    expect(await list({})).toEqual([early, done, middle, late]);
    expect(await list({ ownerId })).toEqual([early, late]);
    expect(await list({ familyId })).toEqual([early, middle]);
    expect(await list({ status: 'open' })).toEqual([early, middle, late]);
    expect(await list({ status: 'open', dueTo: '2026-12-01' })).toEqual([early, middle]);
    expect(await list({ status: 'open', dueFrom: '2026-12-01', dueTo: '2026-12-23' })).toEqual([middle]);
    expectProblem(await caller.get('/actions', { dueTo: '2026-12-01' }), 422, 'validation_failed', '/query/dueTo');
  });

  it("stands in its family's timeline, and moves with what it is about", async () => {
    const caller = await livline.freshMunicipality();
    const [one, other, child] = [await makeFamily(caller), await makeFamily(caller), await makeChild(caller)];
    const { id } = await makeAction(caller, { about: ofFamily(one.id) });
    const timeline = async (familyId: string) =>
      (await caller.get(`/families/${familyId}/timeline`)).body.items.map((entry: { type: string }) => entry.type);
    expect([await timeline(one.id), await timeline(other.id)]).toEqual([['actions'], []]);
    const moved = await caller.patch(`/actions/${id}`, { about: ofFamily(other.id) }, 1);
    expect(moved.body.familyId).toBe(other.id);
    expect([await timeline(one.id), await timeline(other.id)]).toEqual([[], ['actions']]);
    const away = await caller.patch(`/actions/${id}`, { about: { type: 'child', id: child.id } }, 2);
    expect(away.body.familyId).toBeUndefined();
    expect(await timeline(other.id)).toEqual([]);
  });

  it('counts with its family while it is open', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const about = ofFamily(familyId);
    const overview = () => openActionsOf(caller);
    const [first, second] = await Promise.all(
      ['2026-12-01', '2026-11-25'].map((dueOn) => makeAction(caller, { about, dueOn })),
    );
    expect(await overview()).toEqual([2, '2026-11-25']);
    await caller.status(`/actions/${second.id}`, 1, { status: 'done' });
    expect(await overview()).toEqual([1, '2026-12-01']);
    await caller.patch(`/actions/${first.id}`, { dueOn: '2026-12-05' }, 1);
    expect(await overview()).toEqual([1, '2026-12-05']);
    await caller.status(`/actions/${first.id}`, 2, { status: 'cancelled' });
    expect(await overview()).toEqual([0, undefined]);
  });

  it('is created in the feed, and updated with what becomes of it', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeAction(caller);
    await caller.patch(`/actions/${id}`, { dueOn: '2026-12-02' }, 1);
    await caller.status(`/actions/${id}`, 2, { status: 'done' });
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'action.*' })).body;
    expect(items.map(({ type, data }: { type: string; data: { action: string } }) => [type, data.action])).toEqual([
      ['dk.livline.action.created', 'created'],
      ['dk.livline.action.updated', 'updated'],
      ['dk.livline.action.updated', 'ended'],
    ]);
  });
});

/** Open actions of the municipality's one family, and when the first of them is due. */
async function openActionsOf(by: Caller): Promise<unknown[]> {
  const { items } = (await by.get('/family-overviews')).body;
  return items.flatMap(({ openActions, nextActionDueOn }: Record<string, unknown>) => [openActions, nextActionDueOn]);
}
