import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeApprovedFamily, makeFamily, makePlacement, makeVisit, VISIT } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a visit', () => {
  it('keeps every field of the domain page, and the family and the child of its placement', async () => {
    const caller = await livline.freshMunicipality();
    const { id: placementId, familyId, childId } = await makePlacement(caller);
    const fields = { ...VISIT, placementId, note: 'Barnet viste sit værelse' };
    const { id } = await makeVisit(caller, fields);
    expect((await caller.get(`/visits/${id}`)).body).toEqual({
      ...fields,
      familyId,
      childId,
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

  it.each(['personrettet', 'drift'])('can be %s', async (kind) => {
    expect((await makeVisit(await livline.freshMunicipality(), { kind })).kind).toBe(kind);
  });

  it('is refused without its kind or any of its answers', async () => {
    const caller = await livline.freshMunicipality();
    const { id: placementId } = await makePlacement(caller);
    for (const name of ['kind', 'at', 'childSpokenTo', 'staffPresent', 'announced', 'worrying']) {
      const reply = await caller.post('/visits', { ...VISIT, placementId, [name]: undefined });
      expectProblem(reply, 422, 'validation_failed', `/${name}`);
    }
    const reply = await caller.post('/visits', { ...VISIT, placementId, kind: 'andet' });
    expectProblem(reply, 422, 'validation_failed', '/kind');
  });

  it('is not in the future', async () => {
    const caller = await livline.freshMunicipality();
    const { id, placementId } = await makeVisit(caller);
    const at = '2026-11-20T09:02:00Z';
    expectProblem(await caller.post('/visits', { ...VISIT, placementId, at }), 422, 'validation_failed', '/at');
    expectProblem(await caller.patch(`/visits/${id}`, { at }, 1), 422, 'validation_failed', '/at');
  });

  it('is to a placement of this municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const placementId of [randomUUID(), (await makePlacement(other)).id, (await makeFamily(caller)).id]) {
      const reply = await caller.post('/visits', { ...VISIT, placementId });
      expectProblem(reply, 422, 'unknown_reference', '/placementId');
    }
  });

  it('has the family of its placement, which nobody else can say', async () => {
    const caller = await livline.freshMunicipality();
    const { id: placementId } = await makePlacement(caller);
    const { id: familyId } = await makeFamily(caller);
    const born = await caller.post('/visits', { ...VISIT, placementId, familyId });
    expectProblem(born, 422, 'validation_failed', '/familyId');
  });

  it('that was entered for the wrong placement moves to the family of the right one', async () => {
    const caller = await livline.freshMunicipality();
    const [wrong, right] = [await makePlacement(caller), await makePlacement(caller)];
    const { id } = await makeVisit(caller, { placementId: wrong.id });
    const { body } = await caller.patch(`/visits/${id}`, { placementId: right.id }, 1);
    expect(body).toMatchObject({ placementId: right.id, familyId: right.familyId });
    expect((await caller.get('/visits', { familyId: wrong.familyId })).body.items).toEqual([]);
    expect((await caller.get('/visits', { familyId: right.familyId })).body.items).toEqual([body]);
  });

  it('whose placement stays is changed without reading it again', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeVisit(caller);
    const requests = await livline.requestsOf(async () => {
      const { body } = await caller.patch(`/visits/${id}`, { worrying: true }, 1);
      expect(body).toMatchObject({ worrying: true, familyId });
    });
    expect(requests.map(({ command }) => command)).toEqual(['GetItem', 'TransactWriteItems']);
  });

  it('is visit.recorded once, and updated when it is corrected', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeVisit(caller, { note: 'HEMMELIG' });
    await caller.patch(`/visits/${id}`, { announced: false }, 1);
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'visit.*' });
    expect(body.items).toMatchObject([
      { type: 'dk.livline.visit.recorded', subject: id, data: { objectType: 'visit', action: 'created' } },
      { type: 'dk.livline.visit.updated', subject: id, data: { action: 'updated', changed: ['announced'] } },
    ]);
    expect(JSON.stringify(body)).not.toContain('HEMMELIG');
  });
});

describe('visits', () => {
  it('are listed newest first, by placement, by family and by period', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller);
    const [one, other] = [await makePlacement(caller, { familyId }), await makePlacement(caller, { familyId })];
    const first = await makeVisit(caller, { placementId: one.id, at: '2026-11-01T10:00:00.000Z' });
    const last = await makeVisit(caller, { placementId: one.id, at: '2026-11-19T10:00:00.000Z' });
    const between = await makeVisit(caller, { placementId: other.id, at: '2026-11-10T10:00:00.000Z' });
    const elsewhere = await makeVisit(caller, { at: '2026-11-05T10:00:00.000Z' });
    const list = async (query = {}) => (await caller.get('/visits', query)).body.items;
    expect(await list()).toEqual([last, between, elsewhere, first]);
    expect(await list({ placementId: one.id })).toEqual([last, first]);
    expect(await list({ familyId })).toEqual([last, between, first]);
    expect(await list({ from: '2026-11-05', to: '2026-11-11' })).toEqual([between, elsewhere]);
  });

  it('stand in the timeline of the family, without what is sensitive', async () => {
    const caller = await livline.freshMunicipality();
    const visit = await makeVisit(caller, { note: 'HEMMELIG' });
    const { body } = await caller.get(`/families/${visit.familyId}/timeline`);
    expect(body.items).toContainEqual({ type: 'visits', at: visit.at, record: visit });
    expect(JSON.stringify(body)).not.toContain('HEMMELIG');
    expect((await caller.get(`/visits/${visit.id}`)).body.note).toBe('HEMMELIG');
    const less = caller.withScopes('placements:read');
    expect((await less.get(`/visits/${visit.id}`)).body).toEqual(visit);
  });
});
