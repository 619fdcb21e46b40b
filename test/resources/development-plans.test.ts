import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { GOAL, makeFamily, makePlan, makeTheme } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const PLANS = '/development-plans';
const goal = (title: string, fields: object = {}) => ({ ...GOAL, title, ...fields });
const titles = ({ body }: Reply) => body.goals.map(({ title }: typeof GOAL) => title);

/** The events of a municipality, in order, without their common prefix. */
async function eventsOf(caller: Caller): Promise<{ name: string; action: string; changed: string[] }[]> {
  await livline.relay();
  const { body } = await caller.get('/events', { types: 'plan.*,goal.*' });
  return body.items.map(({ type, data }: Reply['body']) => ({
    name: type.replace('dk.livline.', ''),
    action: data.action,
    changed: data.changed,
  }));
}

describe('the event feed tells', () => {
  it('of a plan that it was created, agreed, completed, and replaced', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makePlan(caller);
    await caller.status(`${PLANS}/${id}`, 1, { status: 'agreed' });
    await caller.status(`${PLANS}/${id}`, 2, { status: 'completed' });
    const next = await makePlan(caller, { familyId, status: 'agreed' });
    await caller.status(`${PLANS}/${next.id}`, 1, { status: 'replaced' });
    expect(await eventsOf(caller)).toEqual([
      { name: 'plan.created', action: 'created', changed: [] },
      { name: 'plan.agreed', action: 'updated', changed: ['status'] },
      { name: 'plan.completed', action: 'ended', changed: ['status'] },
      { name: 'plan.agreed', action: 'created', changed: [] },
      { name: 'plan.updated', action: 'ended', changed: ['status'] },
    ]);
  });

  it('of a goal that it was achieved, once', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makePlan(caller, { goals: [goal('A'), goal('B')], status: 'agreed' });
    const path = `${PLANS}/${id}`;
    const done = { status: 'achieved' };
    await caller.patch(path, { goals: [goal('A', done), goal('B')] }, 1);
    await caller.patch(path, { goals: [goal('A', done), goal('B', { status: 'adjusted' })] }, 2);
    await caller.patch(path, { goals: [goal('A', { status: 'open' }), goal('B')] }, 3);
    await caller.patch(path, { goals: [goal('A', done), goal('B', done)] }, 4);
    await caller.status(path, 5, { status: 'completed' });
    const events = await eventsOf(caller);
    expect(events.map(({ name }) => name)).toEqual([
      'plan.agreed',
      'goal.achieved',
      'plan.updated',
      'plan.updated',
      'goal.achieved',
      'plan.completed',
    ]);
    expect(events[1]).toEqual({ name: 'goal.achieved', action: 'updated', changed: ['goals'] });
  });
});

describe('a development plan', () => {
  it('has a family, a theme, and goals that are measured', async () => {
    const caller = await livline.freshMunicipality();
    const weekly = { ...GOAL, title: 'Møde', frequency: 'weekly', status: 'adjusted' };
    const plan = {
      familyId: (await makeFamily(caller)).id,
      themeId: (await makeTheme(caller)).id,
      goals: [GOAL, weekly],
    };
    const { id, status } = await makePlan(caller, plan);
    expect(status).toBe('draft');
    const { body } = await caller.get(`${PLANS}/${id}`);
    expect(body).toMatchObject({ ...plan, goals: [{ ...GOAL, status: 'open' }, weekly] });
    const ids = body.goals.map((each: { id: string }) => each.id);
    expect(new Set(ids).size).toBe(2);
    for (const one of ids) expect(one).toMatch(/^[0-9a-f-]{14}7[0-9a-f-]{21}$/);
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    await expectMachine({
      caller,
      path: PLANS,
      steps: stepsOf('draft→agreed→completed, replaced'),
      reasonFor: [],
      runs: 4,
      make: () => makePlan(caller),
      relay: () => livline.relay(),
    });
  });

  it('is of a family and on a theme of its own municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const { id: familyId } = await makeFamily(caller);
    for (const id of [randomUUID(), (await makeFamily(other)).id]) {
      expectProblem(await caller.post(PLANS, { familyId: id }), 422, 'unknown_reference', '/familyId');
    }
    for (const themeId of [randomUUID(), (await makeTheme(other)).id, familyId]) {
      expectProblem(await caller.post(PLANS, { familyId, themeId }), 422, 'unknown_reference', '/themeId');
    }
    expect((await caller.get(PLANS)).body.items).toEqual([]);
  });

  it('stays with its family', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makePlan(caller);
    const { id: familyId } = await makeFamily(caller);
    expectProblem(await caller.patch(`${PLANS}/${id}`, { familyId }, 1), 422, 'validation_failed', '/familyId');
  });

  it('that is agreed has at least one goal', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makePlan(caller, { goals: [] });
    for (const status of ['agreed', 'completed', 'replaced']) {
      expectProblem(await caller.post(PLANS, { familyId, status }), 422, 'validation_failed', '/goals');
    }
    const early = await caller.status(`${PLANS}/${id}`, 1, { status: 'agreed' });
    expectProblem(early, 422, 'validation_failed', '/goals');
    await caller.patch(`${PLANS}/${id}`, { goals: [GOAL] }, 1);
    expect((await caller.status(`${PLANS}/${id}`, 2, { status: 'agreed' })).status).toBe(200);
  });

  it('does not end before it was agreed', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makePlan(caller, { status: 'agreed', statusAt: '2026-11-10T09:00:00.000Z' });
    for (const status of ['completed', 'replaced']) {
      const reply = await caller.status(`${PLANS}/${id}`, 1, { status, at: '2026-11-09T09:00:00.000Z' });
      expectProblem(reply, 422, 'validation_failed', '/at');
    }
    const end = { status: 'completed', at: '2026-11-10T10:00:00.000Z' };
    expect((await caller.status(`${PLANS}/${id}`, 1, end)).status).toBe(200);
  });

  it('is listed newest first, by family and by status, and stands in the timeline of its family', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const old = await makePlan(caller, { familyId, status: 'completed' });
    livline.advance(1);
    const young = await makePlan(caller, { familyId, status: 'agreed' });
    livline.advance(1);
    const other = await makePlan(caller);
    const list = async (query: Record<string, string>) => (await caller.get(PLANS, query)).body.items;
    expect(await list({})).toEqual([other, young, old]);
    expect(await list({ familyId })).toEqual([young, old]);
    expect(await list({ status: 'agreed' })).toEqual([young]);
    const { items } = (await caller.get(`/families/${familyId}/timeline`)).body;
    expect(items).toEqual([young, old].map((record) => ({ type: 'development-plans', at: record.createdAt, record })));
  });
});

describe('one active development plan per family', () => {
  it('is agreed of many that are agreed at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const drafts = await Promise.all([1, 2, 3, 4].map(() => makePlan(caller, { familyId })));
    const replies = await Promise.all(drafts.map(({ id }) => caller.status(`${PLANS}/${id}`, 1, { status: 'agreed' })));
    const refused = replies.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(3);
    for (const reply of refused) expectProblem(reply, 409, 'already_exists');
    expect((await caller.get(PLANS, { status: 'agreed' })).body.items).toHaveLength(1);
    expect((await caller.get(PLANS, { status: 'draft' })).body.items).toHaveLength(3);
  });

  it('comes of many that are entered as agreed at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const plan = { familyId, goals: [GOAL], status: 'agreed' };
    const replies = await Promise.all([1, 2, 3, 4].map(() => caller.post(PLANS, plan)));
    const refused = replies.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(3);
    for (const reply of refused) expectProblem(reply, 409, 'already_exists');
    expect((await caller.get(PLANS, { familyId })).body.items).toHaveLength(1);
  });

  it.each(['completed', 'replaced'])('gives way to the next once it is %s', async (status) => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makePlan(caller, { status: 'agreed' });
    const next = await makePlan(caller, { familyId });
    const agree = () => caller.status(`${PLANS}/${next.id}`, 1, { status: 'agreed' });
    expectProblem(await agree(), 409, 'already_exists');
    await makePlan(caller, { status: 'agreed' });
    await caller.status(`${PLANS}/${id}`, 1, { status });
    expect((await agree()).status).toBe(200);
  });
});

describe('a goal', () => {
  const without = (name: keyof typeof GOAL) => ({ ...GOAL, [name]: undefined });

  it.each([
    ['without a measure', without('measure'), 'measure'],
    ['with an empty measure', goal('A', { measure: ' ' }), 'measure'],
    ['without a target', without('target'), 'target'],
    ['without a title', without('title'), 'title'],
    ['without a frequency', without('frequency'), 'frequency'],
    ['without its first day', without('from'), 'from'],
    ['without its last day', without('to'), 'to'],
    ['that ends before it starts', goal('A', { from: '2026-11-02', to: '2026-11-01' }), 'to'],
    ['done every year', goal('A', { frequency: 'yearly' }), 'frequency'],
    ['that was forgotten', goal('A', { status: 'forgotten' }), 'status'],
    ['with an id of its own', goal('A', { id: randomUUID() }), 'id'],
  ])('%s is refused', async (_, refused, field) => {
    const caller = await livline.freshMunicipality();
    const familyId = randomUUID();
    const reply = await caller.post(PLANS, { familyId, goals: [GOAL, refused] });
    expectProblem(reply, 422, 'validation_failed', `/goals/1/${field}`);
  });

  it('of one day is a goal, and of fifty one is too many', async () => {
    const caller = await livline.freshMunicipality();
    const day = goal('A', { to: GOAL.from });
    const { id } = await makePlan(caller, { goals: [day] });
    const many = Array.from({ length: 50 }, (_, at) => goal(`Mål ${at}`));
    expect((await caller.patch(`${PLANS}/${id}`, { goals: many }, 1)).body.goals).toHaveLength(50);
    const more = await caller.patch(`${PLANS}/${id}`, { goals: [...many, day] }, 2);
    expectProblem(more, 422, 'validation_failed', '/goals');
  });

  it('keeps its id, told by the id or else by its title', async () => {
    const caller = await livline.freshMunicipality();
    const { id, goals } = await makePlan(caller, { goals: [goal('A'), goal('B'), goal('B', { frequency: 'once' })] });
    const [a, b, again] = goals.map((each: { id: string }) => each.id);
    const sent = [goal('C'), goal('B'), { ...goal('A2'), id: a }, goal('B'), goal('B')];
    const { body } = await caller.patch(`${PLANS}/${id}`, { goals: sent }, 1);
    const ids = body.goals.map((each: { id: string }) => each.id);
    expect(ids.slice(1, 4)).toEqual([b, a, again]);
    expect(new Set(ids).size).toBe(5);
    expect(body.goals[2].title).toBe('A2');
  });

  it('is not taken for another by an id that the plan does not have, or that stands there twice', async () => {
    const caller = await livline.freshMunicipality();
    const { id, goals } = await makePlan(caller);
    const elsewhere = (await makePlan(caller)).goals;
    const path = `${PLANS}/${id}`;
    expectProblem(await caller.patch(path, { goals: elsewhere }, 1), 422, 'validation_failed', '/goals/0/id');
    const twice = await caller.patch(path, { goals: [...goals, ...goals] }, 1);
    expectProblem(twice, 422, 'validation_failed', '/goals/1/id');
    const odd = await caller.patch(path, { goals: [{ ...GOAL, id: 'A' }] }, 1);
    expectProblem(odd, 422, 'validation_failed', '/goals/0/id');
  });

  it('of a draft can be removed, and of an agreed plan is not removed but dropped', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makePlan(caller, { goals: [goal('A'), goal('B'), goal('C')] });
    const path = `${PLANS}/${id}`;
    expect(titles(await caller.patch(path, { goals: [goal('A'), goal('B')] }, 1))).toEqual(['A', 'B']);
    await caller.status(path, 2, { status: 'agreed' });
    for (const goals of [[goal('A')], [goal('A'), goal('C')], [], null]) {
      expectProblem(await caller.patch(path, { goals }, 3), 422, 'validation_failed', '/goals');
    }
    const dropped = [goal('A'), goal('B', { status: 'dropped' }), goal('C')];
    expect(titles(await caller.patch(path, { goals: dropped }, 3))).toEqual(['A', 'B', 'C']);
    await caller.status(path, 4, { status: 'completed' });
    expectProblem(await caller.patch(path, { goals: [goal('A')] }, 5), 422, 'validation_failed', '/goals');
  });

  it('put again under the external id of its plan changes nothing', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const plan = { familyId, goals: [goal('A'), goal('B')], status: 'agreed' };
    const path = `${PLANS}/external/municipal/P-1`;
    const first = await caller.put(path, plan);
    const requests = await livline.requestsOf(async () => {
      expect((await caller.put(path, plan)).body).toEqual(first.body);
    });
    expect(writesIn(requests)).toEqual([]);
    expectProblem(await caller.put(path, { ...plan, goals: [goal('A')] }), 422, 'validation_failed', '/goals');
  });
});
