import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CALL, makeCall, makeConcernReport, makeFamily, makeHelpline } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** A concern report about a call, taken to this status. */
const reportOn = (by: Caller, callId: string, status = 'handed_over') =>
  makeConcernReport(by, { source: { type: 'call', id: callId }, status, statusReason: 'Journal 26/4711' });

describe('a call', () => {
  it('that was answered and ended is logged afterwards as it stands', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const whole = {
      receivedAt: '2026-11-19T22:14:00+01:00',
      answeredAt: '2026-11-19T22:14:40+01:00',
      endedAt: '2026-11-19T22:41:00+01:00',
      callerKind: 'foster_family',
      familyId,
      topic: 'conflict',
      severity: 2,
      outcome: 'Konsulenten ringer i morgen',
      callerPhone: '12 34 56 78',
      note: 'Faldt til ro',
      status: 'closed',
    };
    const { id } = await makeCall(caller, whole);
    expect((await caller.get(`/calls/${id}`)).body).toMatchObject({
      ...whole,
      receivedAt: '2026-11-19T21:14:00.000Z',
      answeredAt: '2026-11-19T21:14:40.000Z',
      endedAt: '2026-11-19T21:41:00.000Z',
      callerPhone: '12345678',
      concern: false,
    });
  });

  it.each([
    ['a caller of another kind', { callerKind: 'neighbour' }, '/callerKind'],
    ['a topic that does not exist', { topic: 'weather' }, '/topic'],
    ['a severity below mild', { severity: 0 }, '/severity'],
    ['a severity above acute', { severity: 5 }, '/severity'],
    ['a telephone with letters', { callerPhone: 'ukendt' }, '/callerPhone'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { ...CALL, helplineId: randomUUID(), ...fields };
    expectProblem(await caller.post('/calls', body), 422, 'validation_failed', pointer);
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    await expectMachine({
      caller,
      relay: livline.relay,
      path: '/calls',
      steps: stepsOf('received→answered→closed; answered→escalated→closed; received→missed→called_back→closed'),
      reasonFor: [],
      make: () => makeCall(caller, { helplineId }),
    });
  });

  it('was answered when it became answered, and ended when it was closed, unless said otherwise', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeCall(caller);
    const at = '2026-11-20T08:01:00.000Z';
    expect((await caller.status(`/calls/${id}`, 1, { status: 'answered', at })).body.answeredAt).toBe(at);
    const closed = await caller.status(`/calls/${id}`, 2, { status: 'closed', at: '2026-11-20T08:30:00.000Z' });
    expect(closed.body).toMatchObject({ answeredAt: at, endedAt: '2026-11-20T08:30:00.000Z' });
  });

  it.each([
    ['answered before it was received', { answeredAt: '2026-11-20T07:59:59Z' }, '/answeredAt'],
    [
      'ended before it was answered',
      { answeredAt: '2026-11-20T08:05:00Z', endedAt: '2026-11-20T08:04:59Z' },
      '/endedAt',
    ],
    ['ended before it was received', { endedAt: '2026-11-20T07:59:59Z' }, '/endedAt'],
    ['received in the future', { receivedAt: '2026-11-20T09:02:00Z' }, '/receivedAt'],
    ['answered in the future', { answeredAt: '2026-11-20T09:02:00Z' }, '/answeredAt'],
    ['ended in the future', { answeredAt: '2026-11-20T08:05:00Z', endedAt: '2026-11-20T09:02:00Z' }, '/endedAt'],
  ])('cannot be %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const born = await caller.post('/calls', { ...CALL, helplineId, ...fields });
    expectProblem(born, 422, 'validation_failed', pointer);
    const { id } = await makeCall(caller, { helplineId });
    expectProblem(await caller.patch(`/calls/${id}`, fields, 1), 422, 'validation_failed', pointer);
    expect((await caller.get(`/calls/${id}`)).body.version).toBe(1);
  });

  it.each(['answered', 'missed'])('cannot become %s before it was received', async (status) => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeCall(caller);
    const early = await caller.status(`/calls/${id}`, 1, { status, at: '2026-11-20T07:00:00Z' });
    expectProblem(early, 422, 'validation_failed', '/at');
  });

  it('with a concern closes only after a concern report has been handed over', async () => {
    const caller = await livline.freshMunicipality();
    const { id, helplineId } = await makeCall(caller, { concern: true, status: 'answered' });
    expectProblem(await caller.status(`/calls/${id}`, 1, { status: 'closed' }), 409, 'concern_open');
    expect((await caller.get(`/calls/${id}`)).body).toMatchObject({ status: 'answered', version: 1 });
    const born = await caller.post('/calls', { ...CALL, helplineId, concern: true, status: 'closed' });
    expectProblem(born, 409, 'concern_open');
    await reportOn(caller, id, 'open');
    await reportOn(caller, (await makeCall(caller, { helplineId })).id);
    expectProblem(await caller.status(`/calls/${id}`, 1, { status: 'closed' }), 409, 'concern_open');
    await reportOn(caller, id);
    expect((await caller.status(`/calls/${id}`, 1, { status: 'closed' })).body.status).toBe('closed');
  });

  it('with a concern that is closed as its report is handed over, at the same instant, is closed after it or not at all', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    for (let round = 0; round < 5; round += 1) {
      const { id } = await makeCall(caller, { helplineId, concern: true, status: 'answered' });
      const [first, second] = await Promise.all([reportOn(caller, id, 'open'), reportOn(caller, id, 'open')]);
      const handOver = (report: { id: string }) =>
        caller.status(`/concern-reports/${report.id}`, 1, { status: 'handed_over', reason: 'Journal 26/4711' });
      const close = () => caller.status(`/calls/${id}`, 1, { status: 'closed' });
      const tooEarly = await Promise.all([close(), close()]);
      for (const reply of tooEarly) expectProblem(reply, 409, 'concern_open');
      const [closed, ...handed] = await Promise.all([close(), handOver(first), handOver(second)]);
      expect(handed.map(({ status }) => status)).toEqual([200, 200]);
      if (closed.status === 200) continue;
      expectProblem(closed, 409, 'concern_open');
      expect((await close()).status).toBe(200);
    }
  });

  it('that is closed already can be given a concern only after it has been handed over', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeCall(caller, { status: 'closed' });
    expectProblem(await caller.patch(`/calls/${id}`, { concern: true }, 1), 409, 'concern_open');
    await reportOn(caller, id);
    expect((await caller.patch(`/calls/${id}`, { concern: true }, 1)).status).toBe(200);
  });

  it('is listed newest first, by helpline, family and status, and between two times', async () => {
    const caller = await livline.freshMunicipality();
    const [line, family] = [(await makeHelpline(caller)).id, (await makeFamily(caller)).id];
    const early = await makeCall(caller, { helplineId: line, receivedAt: '2026-11-18T23:30:00.000Z' });
    const middle = await makeCall(caller, { familyId: family, receivedAt: '2026-11-19T10:00:00.000Z' });
    const late = await makeCall(caller, { helplineId: line, familyId: family, status: 'missed' });
    const list = async (query: Record<string, string>) => (await caller.get('/calls', query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ helplineId: line })).toEqual([late, early]);
    expect(await list({ familyId: family })).toEqual([late, middle]);
    expect(await list({ status: 'missed' })).toEqual([late]);
    // 23:30 UTC on the 18th is the 19th in Denmark.
    expect(await list({ from: '2026-11-19', to: '2026-11-20' })).toEqual([middle, early]);
    expect(await list({ from: '2026-11-19T10:00:00Z' })).toEqual([late, middle]);
    expect(await list({ to: '2026-11-19T11:00:00+01:00' })).toEqual([early]);
    expect(await list({ helplineId: line, from: '2026-11-20' })).toEqual([late]);
  });

  it('is received in the feed however it was entered, and then what it became', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeCall(caller);
    await caller.status(`/calls/${id}`, 1, { status: 'missed' });
    await caller.status(`/calls/${id}`, 2, { status: 'called_back' });
    await caller.status(`/calls/${id}`, 3, { status: 'closed' });
    const { id: other } = await makeCall(caller);
    await caller.status(`/calls/${other}`, 1, { status: 'answered' });
    await caller.status(`/calls/${other}`, 2, { status: 'escalated' });
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'call.*' });
    expect(body.items.map(({ type }: { type: string }) => type.slice('dk.livline.call.'.length))).toEqual([
      'received',
      'missed',
      'updated',
      'closed',
      'received',
      'answered',
      'escalated',
    ]);
  });
});
