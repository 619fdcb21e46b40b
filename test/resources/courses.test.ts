import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { COURSE, makeConsultant, makeCourse, makeFamily, makeStaff } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a course', () => {
  it('is entered as it was held: its days, who led it, and which families came for how long', async () => {
    const caller = await livline.freshMunicipality();
    const [family, other, teacher] = [await makeFamily(caller), await makeFamily(caller), await makeStaff(caller)];
    const whole = {
      title: 'Selvskade',
      kind: 'grund',
      specialty: 'self_harm',
      days: [
        { date: '2026-11-12', hours: 6 },
        { date: '2026-11-05', hours: 3.75 },
      ],
      facilitatorIds: [teacher.id, (await makeConsultant(caller)).id],
      attendance: [
        { familyId: family.id, hours: 9.75 },
        { familyId: other.id, hours: 0 },
      ],
      status: 'held',
    };
    const { id } = await makeCourse(caller, whole);
    const { body } = await caller.get(`/courses/${id}`);
    expect(body).toMatchObject({ ...whole, institutionIds: [teacher.institutionId] });
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    await expectMachine({
      caller,
      relay: livline.relay,
      path: '/courses',
      steps: stepsOf('planned→held; planned→cancelled'),
      reasonFor: [],
      make: () => makeCourse(caller),
    });
  });

  it.each([
    ['without a day', { days: [] }, '/days'],
    ['with one date twice', { days: [COURSE.days[0], { date: '2026-11-19', hours: 2 }] }, '/days'],
    ['with a day of no time', { days: [{ date: '2026-11-19', hours: 0 }] }, '/days/0/hours'],
    ['with a day of 25 hours', { days: [{ date: '2026-11-19', hours: 25 }] }, '/days/0/hours'],
    ['with less than a quarter of an hour', { days: [{ date: '2026-11-19', hours: 1.1 }] }, '/days/0/hours'],
    ['of another kind', { kind: 'temadag' }, '/kind'],
    ['for more families than are stored together', { attendance: eightyOne(), status: 'held' }, '/attendance'],
  ])('is refused %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.post('/courses', { ...COURSE, ...fields }), 422, 'validation_failed', pointer);
  });

  it('is not held before its last day, in Denmark', async () => {
    const caller = await livline.freshMunicipality();
    const days = [
      { date: '2026-11-21', hours: 6 },
      { date: '2026-11-14', hours: 6 },
    ];
    const { id } = await makeCourse(caller, { days });
    const early = await caller.status(`/courses/${id}`, 1, { status: 'held' });
    expectProblem(early, 422, 'validation_failed', '/at');
    const born = await caller.post('/courses', { ...COURSE, days, status: 'held' });
    expectProblem(born, 422, 'validation_failed', '/days');
    const held = await makeCourse(caller, { status: 'held' });
    const moved = await caller.patch(`/courses/${held.id}`, { days }, 1);
    expectProblem(moved, 422, 'validation_failed', '/days');
    // 23:00 UTC on the 18th is midnight in Denmark: the 19th begins.
    const { id: yesterday } = await makeCourse(caller);
    const before = await caller.status(`/courses/${yesterday}`, 1, { status: 'held', at: '2026-11-18T22:59:59Z' });
    expectProblem(before, 422, 'validation_failed', '/at');
    const reply = await caller.status(`/courses/${yesterday}`, 1, { status: 'held', at: '2026-11-18T23:00:00Z' });
    expect(reply.status).toBe(200);
    expect((await makeCourse(caller, { days: [{ date: '2026-11-20', hours: 6 }], status: 'held' })).status).toBe(
      'held',
    );
  });

  it('is attended once it has been held, by each family once and no longer than it took', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const came = (...hours: number[]) => ({ attendance: hours.map((some) => ({ familyId, hours: some })) });
    for (const status of ['planned', 'cancelled']) {
      const born = await caller.post('/courses', { ...COURSE, ...came(6), status });
      expectProblem(born, 422, 'validation_failed', '/attendance');
    }
    const { id } = await makeCourse(caller);
    expectProblem(await caller.patch(`/courses/${id}`, came(6), 1), 422, 'validation_failed', '/attendance');
    await caller.status(`/courses/${id}`, 1, { status: 'held' });
    const [twice, long] = [await caller.patch(`/courses/${id}`, came(3, 3), 2), came(6.25)];
    expectProblem(twice, 422, 'validation_failed', '/attendance');
    expectProblem(await caller.patch(`/courses/${id}`, long, 2), 422, 'validation_failed', '/attendance/0/hours');
    expect((await caller.patch(`/courses/${id}`, came(6), 2)).body).toMatchObject(came(6));
    const shorter = await caller.patch(`/courses/${id}`, { days: [{ date: '2026-11-19', hours: 5 }] }, 3);
    expectProblem(shorter, 422, 'validation_failed', '/attendance/0/hours');
  });

  it('is attended by up to 80 families at once', async () => {
    const caller = await livline.freshMunicipality();
    const families = await Promise.all(Array.from({ length: 80 }, () => makeFamily(caller)));
    const attendance = families.map(({ id }) => ({ familyId: id, hours: 6 }));
    const { id } = await makeCourse(caller, { attendance, status: 'held' });
    const last = await caller.get('/courses', { familyId: families[79].id });
    expect(last.body.items).toMatchObject([{ id, attendance }]);
  });

  it('has facilitators and families of the municipality', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id: foreign } = await makeConsultant(await livline.freshMunicipality());
    for (const facilitator of [familyId, foreign, randomUUID()]) {
      const reply = await caller.post('/courses', { ...COURSE, facilitatorIds: [facilitator] });
      expectProblem(reply, 422, 'unknown_reference', '/facilitatorIds/0');
    }
    const attendance = [
      { familyId, hours: 1 },
      { familyId: randomUUID(), hours: 1 },
    ];
    const reply = await caller.post('/courses', { ...COURSE, attendance, status: 'held' });
    expectProblem(reply, 422, 'unknown_reference', '/attendance/1/familyId');
  });

  it("is listed with the institutions whose staff lead it, and in its families' timelines", async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeStaff(caller), await makeStaff(caller)];
    const colleague = await makeStaff(caller, { institutionId: one.institutionId });
    const consultant = await makeConsultant(caller);
    const { id: familyId } = await makeFamily(caller);
    const of = async (institutionId: string) =>
      (await caller.get('/courses', { institutionId })).body.items.map(({ id }: { id: string }) => id);
    const { id } = await makeCourse(caller, {
      facilitatorIds: [one.id, colleague.id, consultant.id],
      attendance: [{ familyId, hours: 6 }],
      status: 'held',
    });
    expect([await of(one.institutionId), await of(other.institutionId)]).toEqual([[id], []]);
    const { body } = await caller.patch(`/courses/${id}`, { facilitatorIds: [other.id] }, 1);
    expect(body.institutionIds).toEqual([other.institutionId]);
    expect([await of(one.institutionId), await of(other.institutionId)]).toEqual([[], [id]]);
    const alone = await caller.patch(`/courses/${id}`, { facilitatorIds: [consultant.id] }, 2);
    expect(alone.body.institutionIds).toEqual([]);
    expect(await of(other.institutionId)).toEqual([]);
    const timeline = await caller.get(`/families/${familyId}/timeline`);
    // Its first instant in Denmark.
    expect(timeline.body.items).toMatchObject([{ type: 'courses', at: '2026-11-18T23:00:00.000Z', record: { id } }]);
  });

  it('is listed newest first by its first day, by status, kind, specialty and family, and between two days', async () => {
    const caller = await livline.freshMunicipality();
    const on = (...dates: string[]) => ({ days: dates.map((date) => ({ date, hours: 6 })) });
    const { id: familyId } = await makeFamily(caller);
    const attendance = [{ familyId, hours: 6 }];
    const early = await makeCourse(caller, { ...on('2026-11-30', '2026-10-01'), kind: 'grund', specialty: 'adhd' });
    const middle = await makeCourse(caller, { ...on('2026-11-01'), attendance, status: 'held' });
    const late = await makeCourse(caller, { ...on('2026-12-01'), specialty: 'adhd' });
    const list = async (query: Record<string, string>) => (await caller.get('/courses', query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ status: 'planned' })).toEqual([late, early]);
    expect(await list({ kind: 'efter' })).toEqual([late, middle]);
    expect(await list({ specialty: 'adhd' })).toEqual([late, early]);
    expect(await list({ familyId })).toEqual([middle]);
    expect(await list({ from: '2026-11-01', to: '2026-12-01' })).toEqual([middle]);
    expect(await list({ specialty: 'adhd', from: '2026-10-02' })).toEqual([late]);
  });

  it('is held in the feed, however it came to be, and ended with that', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeCourse(caller);
    await caller.status(`/courses/${id}`, 1, { status: 'held' });
    await makeCourse(caller, { status: 'held' });
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'course.*' })).body;
    expect(items.map(({ type, data }: { type: string; data: { action: string } }) => [type, data.action])).toEqual([
      ['dk.livline.course.created', 'created'],
      ['dk.livline.course.held', 'ended'],
      ['dk.livline.course.held', 'created'],
    ]);
  });
});

function eightyOne() {
  return Array.from({ length: 81 }, () => ({ familyId: randomUUID(), hours: 6 }));
}
