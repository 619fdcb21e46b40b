import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { GOAL, makePlan, makeProgress, PROGRESS } from '#test/support/examples.ts';
import { expectReplay } from '#test/support/history.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const pathOf = ({ planId, goalId }: { planId: string; goalId: string }) =>
  `/development-plans/${planId}/goals/${goalId}/progress`;

/** Where the progress of a new agreed plan's goals is noted. */
async function newGoals(by: Caller, ...goals: object[]): Promise<string[]> {
  const plan = await makePlan(by, {
    goals: goals.map((goal, at) => ({ ...GOAL, title: `Mål ${at}`, ...goal })),
    status: 'agreed',
  });
  return plan.goals.map(({ id }: { id: string }) => pathOf({ planId: plan.id, goalId: id }));
}

describe('progress', () => {
  it('with a goal is noted under it: the day, whether it was done, and how it went', async () => {
    const caller = await livline.freshMunicipality();
    const { id: planId, goals } = await makePlan(caller, { status: 'agreed' });
    const path = pathOf({ planId, goalId: goals[0].id });
    const { status, headers, body } = await caller.post(path, { ...PROGRESS, note: 'Vi spillede kort' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...PROGRESS, planId, goalId: goals[0].id });
    expect(headers['location']).toBe(`/v1/municipalities/${caller.code}${path}/${body.id}`);
    expect((await caller.get(`${path}/${body.id}`)).body).toEqual({ ...body, note: 'Vi spillede kort' });
    expect((await caller.get(path)).body.items).toEqual([body]);
    const reader = caller.withScopes('plans:read');
    expect((await reader.get(`${path}/${body.id}`)).body.note).toBeUndefined();
    expectProblem(await reader.post(path, PROGRESS), 403, 'forbidden');
  });

  it('has a history, and events that say where it is', async () => {
    const caller = await livline.freshMunicipality();
    const entry = await makeProgress(caller, { note: 'Hemmeligt' });
    const path = `${pathOf(entry)}/${entry.id}`;
    await caller.patch(path, { done: false, note: 'Også hemmeligt' }, 1);
    await livline.relay();
    const history = await expectReplay(caller, path);
    expect(history.map(({ event, changed }) => [event, changed])).toEqual([
      ['progress-entry.created', []],
      ['progress-entry.updated', ['done', 'note']],
    ]);
    const { items } = (await caller.get('/events', { types: 'progress-entry.*' })).body;
    for (const { data, subject } of items) {
      expect(data.href).toBe(`v1/municipalities/${caller.code}${path}`);
      expect(subject).toBe(entry.id);
    }
    expect(items).toHaveLength(2);
    expect(JSON.stringify(items)).not.toContain('emmeligt');
  });

  it.each([
    ['without a day', { date: undefined }, '/date'],
    ['without saying whether it was done', { done: undefined }, '/done'],
    ['with an instant for a day', { date: '2026-11-19T08:00:00Z' }, '/date'],
    ['with another goal than that of its path', { goalId: randomUUID() }, '/goalId'],
  ])('%s is refused', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const [path = ''] = await newGoals(caller, {});
    expectProblem(await caller.post(path, { ...PROGRESS, ...fields }), 422, 'validation_failed', pointer);
  });

  it('is one entry for each goal and day, also when many are sent at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const [one = '', other = ''] = await newGoals(caller, {}, {});
    const replies = await Promise.all([1, 2, 3, 4].map(() => caller.post(one, PROGRESS)));
    const refused = replies.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(3);
    for (const reply of refused) expectProblem(reply, 409, 'already_exists');
    expect((await caller.get(one)).body.items).toHaveLength(1);
    expect((await caller.post(other, PROGRESS)).status).toBe(201);
    const { body: next } = await caller.post(one, { ...PROGRESS, date: '2026-11-18' });
    const moved = await caller.patch(`${one}/${next.id}`, { date: PROGRESS.date }, 1);
    expectProblem(moved, 409, 'already_exists');
  });

  it('is noted of days that have come in Denmark', async () => {
    const caller = await livline.freshMunicipality();
    const [path = ''] = await newGoals(caller, {});
    const today = await makeProgress(caller);
    const tomorrow = { ...PROGRESS, date: '2026-11-21' };
    expectProblem(await caller.post(path, tomorrow), 422, 'validation_failed', '/date');
    const moved = await caller.patch(`${pathOf(today)}/${today.id}`, { date: tomorrow.date }, 1);
    expectProblem(moved, 422, 'validation_failed', '/date');
    // 23:30 UTC on 20 November is past midnight in Denmark.
    const later = 14.5 * 3600;
    livline.advance(later);
    expect((await caller.post(path, tomorrow)).status).toBe(201);
    livline.advance(-later);
  });

  it('is noted of days on which its goal holds', async () => {
    const caller = await livline.freshMunicipality();
    const [path = ''] = await newGoals(caller, { from: '2026-11-10', to: '2026-11-12' });
    for (const date of ['2026-11-09', '2026-11-13']) {
      expectProblem(await caller.post(path, { ...PROGRESS, date }), 422, 'validation_failed', '/date');
    }
    for (const date of ['2026-11-10', '2026-11-12']) {
      expect((await caller.post(path, { ...PROGRESS, date })).status).toBe(201);
    }
  });

  it('is noted once the plan is agreed, also when it is completed or replaced since, and never in a draft', async () => {
    const caller = await livline.freshMunicipality();
    const { id: planId, goals } = await makePlan(caller);
    const path = pathOf({ planId, goalId: goals[0].id });
    expectProblem(await caller.post(path, PROGRESS), 422, 'validation_failed', '/path/parentId');
    await caller.status(`/development-plans/${planId}`, 1, { status: 'agreed' });
    expect((await caller.post(path, PROGRESS)).status).toBe(201);
    for (const status of ['completed', 'replaced']) {
      const ended = await makePlan(caller, { status });
      expect((await makeProgress(caller, { planId: ended.id, goalId: ended.goals[0].id })).version).toBe(1);
    }
  });

  it('with a goal that the plan does not have is not found, whatever is asked', async () => {
    const [caller, stranger] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const entry = await makeProgress(caller, { externalId: 'E-1' });
    const other = await makeProgress(caller);
    const foreign = await makeProgress(stranger);
    const places = [
      { planId: entry.planId, goalId: randomUUID() },
      { planId: entry.planId, goalId: other.goalId },
      { planId: other.planId, goalId: entry.goalId },
      { planId: randomUUID(), goalId: entry.goalId },
      { planId: entry.planId, goalId: 'none' },
      { planId: 'none', goalId: entry.goalId },
      foreign,
    ];
    for (const path of places.map(pathOf)) {
      const one = `${path}/${entry.id}`;
      const replies = [
        await caller.post(path, { ...PROGRESS, date: '2026-11-18' }),
        await caller.get(path),
        await caller.get(one),
        await caller.get(`${one}/history`),
        await caller.patch(one, { done: false }, 1),
        await caller.remove(one, 1),
        await caller.get(`${path}/external/municipal/E-1`),
        await caller.put(`${path}/external/municipal/E-1`, PROGRESS),
        await caller.put(`${path}/external/municipal/E-2`, PROGRESS),
      ];
      for (const reply of replies) expectProblem(reply, 404, 'not_found');
    }
    expect((await caller.get(pathOf(entry))).body.items).toEqual([entry]);
  });

  it('is listed newest day first, between two days', async () => {
    const caller = await livline.freshMunicipality();
    const [path = ''] = await newGoals(caller, {});
    const days = ['2026-11-18', '2026-11-20', '2026-11-17', '2026-11-19'];
    for (const date of days) await caller.post(path, { ...PROGRESS, date });
    const list = async (query: Record<string, string>) =>
      (await caller.get(path, query)).body.items.map(({ date }: typeof PROGRESS) => date);
    expect(await list({})).toEqual(days.toSorted().toReversed());
    expect(await list({ from: '2026-11-18', to: '2026-11-20' })).toEqual(['2026-11-19', '2026-11-18']);
  });

  it('put under its external id is created under its goal, and the same again changes nothing', async () => {
    const caller = await livline.freshMunicipality();
    const [path = ''] = await newGoals(caller, {});
    const external = `${path}/external/municipal/E-1`;
    const first = await caller.put(external, PROGRESS);
    expect(first.status).toBe(201);
    expect(first.headers['location']).toBe(`/v1/municipalities/${caller.code}${path}/${first.body.id}`);
    const requests = await livline.requestsOf(async () => {
      expect(await caller.put(external, PROGRESS)).toMatchObject({ status: 200, body: first.body });
    });
    expect(writesIn(requests)).toEqual([]);
    const changed = await caller.put(external, { ...PROGRESS, done: false });
    expect(changed.body).toMatchObject({ id: first.body.id, done: false, version: 2 });
    expect((await caller.get(external)).body).toEqual(changed.body);
  });

  it('that was a mistake is deleted, and leaves its day free', async () => {
    const caller = await livline.freshMunicipality();
    const entry = await makeProgress(caller);
    const path = pathOf(entry);
    expect((await caller.remove(`${path}/${entry.id}`, 1)).status).toBe(204);
    expectProblem(await caller.get(`${path}/${entry.id}`), 404, 'not_found');
    expect((await caller.get(path)).body.items).toEqual([]);
    expect((await caller.post(path, PROGRESS)).status).toBe(201);
  });

  it('that keeps its day is changed without its plan being read', async () => {
    const caller = await livline.freshMunicipality();
    const entry = await makeProgress(caller);
    const requests = await livline.requestsOf(() => caller.patch(`${pathOf(entry)}/${entry.id}`, { done: false }, 1));
    expect(requests.map(({ command }) => command)).toEqual(['GetItem', 'TransactWriteItems']);
  });
});
