import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CALL, MAKERS, makeCall, makeConcernReport, makeFamily } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const REPORTS = '/concern-reports';
const HANDED_OVER = { status: 'handed_over', reason: 'Journal 26/4711' };

describe('a concern report', () => {
  it('says what gave cause for it, when, and is due 24 hours later', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeCall(caller, { concern: true });
    const source = { type: 'call', id };
    const note = 'Barnet har blå mærker';
    const made = await makeConcernReport(caller, { source, receivedAt: '2026-11-20T00:30:00+01:00', note });
    expect(made).toMatchObject({
      source,
      receivedAt: '2026-11-19T23:30:00.000Z',
      dueAt: '2026-11-20T23:30:00.000Z',
      status: 'open',
      organisation: 'municipal',
    });
    expect(made.note).toBeUndefined();
    expect((await caller.get(`${REPORTS}/${made.id}`)).body).toMatchObject({ note, source });
    const corrected = await caller.patch(`${REPORTS}/${made.id}`, { receivedAt: '2026-11-18T08:00:00Z' }, 1);
    expect(corrected.body.dueAt).toBe('2026-11-19T08:00:00.000Z');
  });

  it.each([
    ['family', 'families'],
    ['child', 'children'],
    ['call', 'calls'],
    ['contact', 'contacts'],
    ['visit', 'visits'],
    ['placement', 'placements'],
    ['inquiry', 'inquiries'],
    ['supervision-session', 'supervision-sessions'],
  ])('may be about a %s, also by the name of the collection', async (type, path) => {
    const caller = await livline.freshMunicipality();
    const about = await MAKERS[path]?.(caller);
    const source = { type, id: about.id };
    const byType = await makeConcernReport(caller, { source });
    const byPath = await makeConcernReport(caller, { source: { ...source, type: path } });
    expect([byType.source, byPath.source]).toEqual([source, source]);
  });

  it('is about a record of the municipality, of just the type it names', async () => {
    const caller = await livline.freshMunicipality();
    const call = await makeCall(caller);
    const foreign = await makeFamily(await livline.freshMunicipality());
    const report = (source: object) => caller.post(REPORTS, { receivedAt: CALL.receivedAt, source });
    for (const id of [call.id, foreign.id, randomUUID()]) {
      expectProblem(await report({ type: 'family', id }), 422, 'unknown_reference', '/source/id');
    }
    for (const type of ['helpline', 'theme', 'concern-report', 7]) {
      expectProblem(await report({ type, id: call.id }), 422, 'validation_failed', '/source/type');
    }
    expectProblem(await report({ id: call.id }), 422, 'validation_failed', '/source/type');
  });

  it('stays about what it is about', async () => {
    const caller = await livline.freshMunicipality();
    const { id, source } = await makeConcernReport(caller);
    const other = { type: 'call', id: (await makeCall(caller)).id };
    const reply = await caller.patch(`${REPORTS}/${id}`, { source: other }, 1);
    expectProblem(reply, 422, 'validation_failed', '/source');
    const same = await caller.patch(`${REPORTS}/${id}`, { source: { ...source, type: 'calls' } }, 1);
    expect(same.body).toMatchObject({ source, version: 1 });
  });

  it('is not received in the future', async () => {
    const caller = await livline.freshMunicipality();
    const source = { type: 'family', id: (await makeFamily(caller)).id };
    const reply = await caller.post(REPORTS, { source, receivedAt: '2026-11-20T09:02:00Z' });
    expectProblem(reply, 422, 'validation_failed', '/receivedAt');
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const source = { type: 'call', id: (await makeCall(caller)).id };
    await expectMachine({
      caller,
      relay: livline.relay,
      path: REPORTS,
      steps: stepsOf('open→handed_over (receipt) →acknowledged'),
      reasonFor: ['handed_over'],
      make: () => makeConcernReport(caller, { source }),
    });
  });

  it('is handed over with a receipt, which it keeps, and when, once it is acknowledged', async () => {
    const caller = await livline.freshMunicipality();
    const { id, source } = await makeConcernReport(caller);
    const path = `${REPORTS}/${id}`;
    const without = await caller.status(path, 1, { status: 'handed_over' });
    expectProblem(without, 422, 'validation_failed', '/reason');
    for (const status of ['handed_over', 'acknowledged']) {
      const born = await caller.post(REPORTS, { source, receivedAt: CALL.receivedAt, status });
      expectProblem(born, 422, 'validation_failed', '/statusReason');
    }
    const at = '2026-11-20T08:20:00.000Z';
    const handed = await caller.status(path, 1, { ...HANDED_OVER, at });
    expect(handed.body).toMatchObject({ handedOverAt: at });
    expect((await caller.get(path)).body.receipt).toBe(HANDED_OVER.reason);
    const later = { status: 'acknowledged', at: '2026-11-20T08:50:00.000Z' };
    expect((await caller.status(path, 2, later)).status).toBe(200);
    expect((await caller.get(path)).body).toMatchObject({
      status: 'acknowledged',
      statusAt: later.at,
      handedOverAt: at,
      receipt: HANDED_OVER.reason,
    });
  });

  it('is entered as handed over, or as acknowledged, with its receipt', async () => {
    const caller = await livline.freshMunicipality();
    const at = '2026-11-20T08:20:00.000Z';
    for (const status of ['handed_over', 'acknowledged']) {
      const made = await makeConcernReport(caller, { status, statusAt: at, statusReason: 'Journal 26/4711' });
      const { body } = await caller.get(`${REPORTS}/${made.id}`);
      expect(body).toMatchObject({ status, handedOverAt: at, receipt: 'Journal 26/4711' });
    }
  });

  it('is received, handed over and acknowledged in this order', async () => {
    const caller = await livline.freshMunicipality();
    const { id, source } = await makeConcernReport(caller);
    const path = `${REPORTS}/${id}`;
    const early = await caller.status(path, 1, { ...HANDED_OVER, at: '2026-11-20T07:50:00Z' });
    expectProblem(early, 422, 'validation_failed', '/at');
    const entered = { source, receivedAt: CALL.receivedAt, status: 'handed_over', statusReason: 'Journal 26/4711' };
    const born = await caller.post(REPORTS, { ...entered, statusAt: '2026-11-20T07:50:00Z' });
    expectProblem(born, 422, 'validation_failed', '/statusAt');
    await caller.status(path, 1, { ...HANDED_OVER, at: '2026-11-20T08:20:00Z' });
    const late = await caller.patch(path, { receivedAt: '2026-11-20T08:30:00Z' }, 2);
    expectProblem(late, 422, 'validation_failed', '/receivedAt');
    const before = await caller.status(path, 2, { status: 'acknowledged', at: '2026-11-20T08:10:00Z' });
    expectProblem(before, 422, 'validation_failed', '/at');
  });

  it('and another about the same call can be handed over at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const call = await makeCall(caller, { concern: true, status: 'answered' });
    const source = { type: 'call', id: call.id };
    const reports = await Promise.all([1, 2, 3, 4].map(() => makeConcernReport(caller, { source })));
    const replies = await Promise.all(reports.map(({ id }) => caller.status(`${REPORTS}/${id}`, 1, HANDED_OVER)));
    expect(replies.map(({ body }) => body.status)).toEqual(reports.map(() => 'handed_over'));
    expect((await caller.status(`/calls/${call.id}`, 1, { status: 'closed' })).status).toBe(200);
  });

  it("is listed newest first, by status and source and between two times, and in no family's timeline", async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller);
    const call = await makeCall(caller, { familyId: family.id });
    const [ofFamily, ofCall] = [
      { type: 'family', id: family.id },
      { type: 'call', id: call.id },
    ];
    const late = await makeConcernReport(caller, { source: ofCall });
    const early = await makeConcernReport(caller, { source: ofFamily, receivedAt: '2026-11-10T08:00:00.000Z' });
    const done = { source: ofCall, receivedAt: '2026-11-15T08:00:00.000Z' };
    const middle = await makeConcernReport(caller, { ...done, status: 'handed_over', statusReason: 'Modtaget' });
    const list = async (query: Record<string, string>) => (await caller.get(REPORTS, query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ status: 'open' })).toEqual([late, early]);
    expect(await list({ sourceId: call.id })).toEqual([late, middle]);
    expect(await list({ sourceId: family.id })).toEqual([early]);
    expect(await list({ from: '2026-11-12', to: '2026-11-16' })).toEqual([middle]);
    const timeline = await caller.get(`/families/${family.id}/timeline`);
    expect(timeline.body.items.map(({ type }: { type: string }) => type)).toEqual(['calls']);
  });

  it('is created, handed over and acknowledged in the feed', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id, source } = await makeConcernReport(caller, { note: 'Hemmeligt' });
    await caller.status(`${REPORTS}/${id}`, 1, HANDED_OVER);
    await caller.status(`${REPORTS}/${id}`, 2, { status: 'acknowledged' });
    await makeConcernReport(caller, { source, status: 'handed_over', statusReason: 'Modtaget' });
    await livline.relay();
    const { body, text } = await caller.get('/events', { types: 'concern.*' });
    expect(body.items.map(({ type }: { type: string }) => type.slice('dk.livline.concern.'.length))).toEqual([
      'created',
      'handed_over',
      'acknowledged',
      'handed_over',
    ]);
    expect(body.items[0].data).toMatchObject({ objectType: 'concern-report', objectId: id });
    expect(text).not.toContain('Hemmeligt');
  });
});
