import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeEnrolment, makeFamily, makeProgramme, makeRound } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** The id of a round of a new programme that is for such families. */
async function roundFor(by: Caller, eligible: Record<string, string[]>): Promise<string> {
  const { id: programmeId } = await makeProgramme(by, eligible);
  return (await makeRound(by, { programmeId })).id;
}

const eventsOf = async (by: Caller): Promise<{ type: string; data: { action: string } }[]> => {
  await livline.relay();
  return (await by.get('/events', { types: 'enrolment.*' })).body.items;
};

describe('an enrolment', () => {
  it('invites a family to a round', async () => {
    const caller = await livline.freshMunicipality();
    const [{ id: roundId }, { id: familyId }] = [await makeRound(caller), await makeFamily(caller)];
    const { id } = await makeEnrolment(caller, { roundId, familyId });
    expect((await caller.get(`/enrolments/${id}`)).body).toMatchObject({ roundId, familyId, status: 'invited' });
  });

  it('goes invited→started→completed; →withdrawn (reason)', async () => {
    const caller = await livline.freshMunicipality();
    const { id: roundId } = await makeRound(caller);
    await expectMachine({
      caller,
      path: '/enrolments',
      steps: stepsOf('invited→started→completed; invited, started→withdrawn (reason)'),
      reasonFor: ['withdrawn'],
      make: () => makeEnrolment(caller, { roundId }),
      relay: () => livline.relay(),
    });
  });

  it('is withdrawn for a reason, whether it had started or not', async () => {
    const caller = await livline.freshMunicipality();
    const { id: roundId } = await makeRound(caller);
    for (const status of ['invited', 'started']) {
      const { id } = await makeEnrolment(caller, { roundId, status });
      const path = `/enrolments/${id}`;
      expectProblem(await caller.status(path, 1, { status: 'withdrawn' }), 422, 'validation_failed', '/reason');
      const reply = await caller.status(path, 1, { status: 'withdrawn', reason: 'Sygdom' });
      expect(reply.body).toMatchObject({ status: 'withdrawn' });
      expect((await caller.get(path)).body.statusReason).toBe('Sygdom');
    }
    const body = { roundId, familyId: (await makeFamily(caller)).id, status: 'withdrawn' };
    expectProblem(await caller.post('/enrolments', body), 422, 'validation_failed', '/statusReason');
  });

  it('names a round and a family of its own municipality', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const [own, theirs] = [await makeEnrolment(here), await makeEnrolment(there)];
    const whole = { roundId: own.roundId, familyId: (await makeFamily(here)).id };
    for (const name of ['roundId', 'familyId'] as const) {
      const ask = (id: string) => here.post('/enrolments', { ...whole, [name]: id });
      const [foreign, unknown] = [await ask(theirs[name]), await ask(randomUUID())];
      expectProblem(foreign, 422, 'unknown_reference', `/${name}`);
      expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
      expectProblem(await ask(own.id), 422, 'unknown_reference', `/${name}`);
    }
  });

  it('keeps its round and its family', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeEnrolment(caller);
    const others = { roundId: (await makeRound(caller)).id, familyId: (await makeFamily(caller)).id };
    for (const [name, value] of Object.entries(others)) {
      const reply = await caller.patch(`/enrolments/${id}`, { [name]: value }, 1);
      expectProblem(reply, 422, 'validation_failed', `/${name}`);
    }
    expect((await caller.patch(`/enrolments/${id}`, { externalId: 'E-1' }, 1)).status).toBe(200);
  });
});

describe('an enrolment of an ineligible kind', () => {
  const KINDS = ['almen', 'forstaerket', 'specialiseret', 'netvaerk'];

  it('is refused, and one of each eligible kind is taken', async () => {
    const caller = await livline.freshMunicipality();
    const eligibleKinds = ['almen', 'netvaerk'];
    const roundId = await roundFor(caller, { eligibleKinds });
    for (const kind of KINDS) {
      const { id: familyId } = await makeFamily(caller, { kind });
      const reply = await caller.post('/enrolments', { roundId, familyId });
      if (eligibleKinds.includes(kind)) expect(reply.status).toBe(201);
      else expectProblem(reply, 422, 'validation_failed', '/familyId');
    }
    expect((await caller.get('/enrolments', { roundId })).body.items).toHaveLength(eligibleKinds.length);
  });

  it('is refused with none of the eligible forms of care, and taken with one of them', async () => {
    const caller = await livline.freshMunicipality();
    const roundId = await roundFor(caller, { eligibleCareForms: ['doegn'] });
    const { id: relief } = await makeFamily(caller, { careForms: ['stoetteophold'] });
    expectProblem(
      await caller.post('/enrolments', { roundId, familyId: relief }),
      422,
      'validation_failed',
      '/familyId',
    );
    for (const careForms of [['doegn'], ['stoetteophold', 'doegn']]) {
      const { id: familyId } = await makeFamily(caller, { careForms });
      await makeEnrolment(caller, { roundId, familyId });
    }
  });

  it('does not exist where the programme names no kind and no form of care', async () => {
    const caller = await livline.freshMunicipality();
    const roundId = await roundFor(caller, {});
    for (const kind of KINDS) {
      const { id: familyId } = await makeFamily(caller, { kind, careForms: ['stoetteophold'] });
      await makeEnrolment(caller, { roundId, familyId });
    }
  });

  it('stays when it became so later, and goes on', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const roundId = await roundFor(caller, { eligibleKinds: ['almen'] });
    const { id } = await makeEnrolment(caller, { roundId, familyId });
    expect((await caller.patch(`/families/${familyId}`, { kind: 'forstaerket' }, 1)).status).toBe(200);
    expect((await caller.status(`/enrolments/${id}`, 1, { status: 'started' })).status).toBe(200);
  });

  it('is refused in a round of a programme that the municipality has left', async () => {
    const caller = await livline.freshMunicipality();
    const { id: roundId, programmeId } = await makeRound(caller);
    const { id } = await makeEnrolment(caller, { roundId });
    const left = { body: { municipalities: [] }, headers: { 'if-match': '"1"' } };
    await livline.operator('PATCH', `/programmes/${programmeId}`, left);
    const late = await caller.post('/enrolments', { roundId, familyId: (await makeFamily(caller)).id });
    expectProblem(late, 422, 'validation_failed', '/roundId');
    expect((await caller.status(`/enrolments/${id}`, 1, { status: 'started' })).status).toBe(200);
  });
});

describe('a second enrolment in one round', () => {
  it('is refused, also after the first was withdrawn; in another round it is taken', async () => {
    const caller = await livline.freshMunicipality();
    const { id, roundId, familyId } = await makeEnrolment(caller);
    const again = () => caller.post('/enrolments', { roundId, familyId });
    expectProblem(await again(), 409, 'already_exists');
    await caller.status(`/enrolments/${id}`, 1, { status: 'withdrawn', reason: 'Flyttet' });
    expectProblem(await again(), 409, 'already_exists');
    await makeEnrolment(caller, { familyId });
    await makeEnrolment(caller, { roundId });
    expect((await caller.get('/enrolments', { familyId })).body.items).toHaveLength(2);
  });

  it('at the same instant is refused: of five only one is stored', async () => {
    const caller = await livline.freshMunicipality();
    const [{ id: roundId }, { id: familyId }] = [await makeRound(caller), await makeFamily(caller)];
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => caller.post('/enrolments', { roundId, familyId })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    expect((await caller.get('/enrolments', { roundId })).body.items).toHaveLength(1);
  });
});

describe('enrolments', () => {
  it('are listed by round, by family and by status, and stand in the family’s timeline', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeRound(caller), await makeRound(caller)];
    const { id: familyId } = await makeFamily(caller);
    const first = await makeEnrolment(caller, { roundId: one.id, familyId });
    livline.advance(60);
    const second = await makeEnrolment(caller, { roundId: other.id, familyId, status: 'started' });
    livline.advance(60);
    const third = await makeEnrolment(caller, { roundId: one.id });
    const list = async (query: Record<string, string>) => (await caller.get('/enrolments', query)).body.items;
    expect(await list({})).toEqual([first, second, third]);
    expect(await list({ roundId: one.id })).toEqual([first, third]);
    expect(await list({ familyId })).toEqual([first, second]);
    expect(await list({ status: 'started' })).toEqual([second]);
    const { items } = (await caller.get(`/families/${familyId}/timeline`)).body;
    expect(items).toEqual([
      { type: 'enrolments', at: second.createdAt, record: second },
      { type: 'enrolments', at: first.createdAt, record: first },
    ]);
  });

  it('wait three times for the database: round with family, programme, and the commit', async () => {
    const caller = await livline.freshMunicipality();
    const body = { roundId: (await makeRound(caller)).id, familyId: (await makeFamily(caller)).id };
    expect(await livline.roundTripsOf(() => caller.post('/enrolments', body))).toBe(3);
  });
});

describe('the event enrolment.completed', () => {
  it('tells of a family that has finished, and other names of what went before', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeEnrolment(caller);
    await caller.status(`/enrolments/${id}`, 1, { status: 'started' });
    await caller.status(`/enrolments/${id}`, 2, { status: 'completed' });
    const events = await eventsOf(caller);
    expect(events.map(({ type, data }) => [type, data.action])).toEqual([
      ['dk.livline.enrolment.created', 'created'],
      ['dk.livline.enrolment.updated', 'updated'],
      ['dk.livline.enrolment.completed', 'ended'],
    ]);
  });

  it('also tells of one that is entered as completed', async () => {
    const caller = await livline.freshMunicipality();
    await makeEnrolment(caller, { status: 'completed', statusAt: '2026-06-30T12:00:00Z' });
    expect(await eventsOf(caller)).toMatchObject([
      { type: 'dk.livline.enrolment.completed', data: { action: 'created' } },
    ]);
  });
});
