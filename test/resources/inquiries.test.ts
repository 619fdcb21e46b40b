import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { INQUIRY, makeChild, makeFamily, makeInquiry } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('an inquiry', () => {
  it('keeps every field of the domain page', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id } = await makeInquiry(caller, { familyId, raisedAt: '2026-11-17T09:00:00+01:00' });
    expect((await caller.get(`/inquiries/${id}`)).body).toEqual({
      ...INQUIRY,
      raisedAt: '2026-11-17T08:00:00.000Z',
      familyId,
      status: 'open',
      statusAt: '2026-11-20T09:00:00.000Z',
      id,
      municipality: caller.code,
      version: 1,
      source: 'municipal',
      createdAt: '2026-11-20T09:00:00.000Z',
      createdBy: caller.clientId,
      updatedAt: '2026-11-20T09:00:00.000Z',
      updatedBy: caller.clientId,
    });
  });

  it('is handled by the consultant, the municipality or somebody else', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    for (const handledBy of ['consultant', 'municipality', 'other']) {
      expect((await makeInquiry(caller, { familyId, handledBy })).handledBy).toBe(handledBy);
    }
    for (const handledBy of ['nobody', undefined]) {
      const reply = await caller.post('/inquiries', { ...INQUIRY, familyId, handledBy });
      expectProblem(reply, 422, 'validation_failed', '/handledBy');
    }
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    await expectMachine({
      caller,
      path: '/inquiries',
      steps: stepsOf('open→closed'),
      reasonFor: [],
      make: () => makeInquiry(caller, { familyId }),
      relay: livline.relay,
    });
  });

  it('is not raised in the future', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeInquiry(caller);
    const raisedAt = '2026-11-20T09:02:00Z';
    const born = await caller.post('/inquiries', { ...INQUIRY, familyId, raisedAt });
    expectProblem(born, 422, 'validation_failed', '/raisedAt');
    expectProblem(await caller.patch(`/inquiries/${id}`, { raisedAt }, 1), 422, 'validation_failed', '/raisedAt');
  });

  it('is not closed before it was raised', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeInquiry(caller);
    const early = '2026-11-17T07:58:00.000Z';
    const close = await caller.status(`/inquiries/${id}`, 1, { status: 'closed', at: early });
    expectProblem(close, 422, 'validation_failed', '/at');
    const born = await caller.post('/inquiries', { ...INQUIRY, familyId, status: 'closed', statusAt: early });
    expectProblem(born, 422, 'validation_failed', '/statusAt');
    const closed = await caller.status(`/inquiries/${id}`, 1, { status: 'closed', at: INQUIRY.raisedAt });
    expect(closed.body).toMatchObject({ status: 'closed', statusAt: INQUIRY.raisedAt });
    const later = await caller.patch(`/inquiries/${id}`, { raisedAt: '2026-11-18T08:00:00Z' }, 2);
    expectProblem(later, 422, 'validation_failed', '/raisedAt');
    expect((await caller.patch(`/inquiries/${id}`, { raisedAt: '2026-11-16T08:00:00Z' }, 2)).status).toBe(200);
  });

  it('that was dealt with already is entered as closed', async () => {
    const caller = await livline.freshMunicipality();
    const statusAt = '2026-11-18T08:00:00.000Z';
    expect(await makeInquiry(caller, { status: 'closed', statusAt })).toMatchObject({ status: 'closed', statusAt });
  });

  it('is of a family of this municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const familyId of [randomUUID(), (await makeFamily(other)).id, (await makeChild(caller)).id]) {
      const reply = await caller.post('/inquiries', { ...INQUIRY, familyId });
      expectProblem(reply, 422, 'unknown_reference', '/familyId');
    }
  });

  it('is told of as created and updated, its closing as the end', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeInquiry(caller, { subject: 'HEMMELIG' });
    await caller.patch(`/inquiries/${id}`, { handledBy: 'other' }, 1);
    await caller.status(`/inquiries/${id}`, 2, { status: 'closed', at: '2026-11-19T08:00:00Z' });
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'inquiry.*' });
    expect(body.items).toMatchObject([
      { type: 'dk.livline.inquiry.created', subject: id, data: { action: 'created' } },
      { type: 'dk.livline.inquiry.updated', data: { action: 'updated', changed: ['handledBy'] } },
      { type: 'dk.livline.inquiry.updated', data: { action: 'ended', changed: ['status', 'statusAt'] } },
    ]);
    expect(JSON.stringify(body)).not.toContain('HEMMELIG');
  });
});

describe('inquiries', () => {
  it('are listed newest first, by family, by status and by period, and stand in the family’s timeline', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makeInquiry(caller, { raisedAt: '2026-09-01T10:00:00.000Z', status: 'closed' });
    const { familyId } = first;
    const last = await makeInquiry(caller, { familyId, raisedAt: '2026-11-01T10:00:00.000Z' });
    const other = await makeInquiry(caller, { raisedAt: '2026-10-01T10:00:00.000Z' });
    const list = async (query = {}) => (await caller.get('/inquiries', query)).body.items;
    expect(await list()).toEqual([last, other, first]);
    expect(await list({ familyId })).toEqual([last, first]);
    expect(await list({ status: 'open' })).toEqual([last, other]);
    expect(await list({ status: 'closed' })).toEqual([first]);
    expect(await list({ from: '2026-10-01', to: '2026-11-01' })).toEqual([other]);
    expect((await caller.get(`/families/${familyId}/timeline`)).body.items).toEqual([
      { type: 'inquiries', at: last.raisedAt, record: last },
      { type: 'inquiries', at: first.raisedAt, record: first },
    ]);
  });
});
