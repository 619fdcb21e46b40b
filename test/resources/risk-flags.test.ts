import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makePlacement, makeRiskFlag } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const FLAGS = '/risk-flags';

describe('a risk flag', () => {
  it('says which family and placement are at risk of a breakdown, why and how much', async () => {
    const caller = await livline.freshMunicipality();
    const { id: placementId, familyId } = await makePlacement(caller);
    const whole = { familyId, placementId, reasons: ['conflict', 'exhaustion'], level: 'high' };
    const { id } = await makeRiskFlag(caller, whole);
    expect((await caller.get(`${FLAGS}/${id}`)).body).toMatchObject({ ...whole, status: 'raised' });
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    await expectMachine({
      caller,
      relay: livline.relay,
      path: FLAGS,
      steps: stepsOf('raised→cleared'),
      reasonFor: [],
      make: () => makeRiskFlag(caller, { familyId }),
    });
  });

  it.each([
    ['no reason', { reasons: [] }, '/reasons'],
    ['one reason twice', { reasons: ['conflict', 'conflict'] }, '/reasons'],
    ['a reason without a word', { reasons: [' '] }, '/reasons/0'],
    ['another level', { level: 'extreme' }, '/level'],
    ['no level', { level: undefined }, '/level'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { familyId: randomUUID(), reasons: ['conflict'], level: 'low', ...fields };
    expectProblem(await caller.post(FLAGS, body), 422, 'validation_failed', pointer);
  });

  it('is about a family and a placement of the municipality, and keeps its family', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makeRiskFlag(caller);
    const foreign = await makePlacement(await livline.freshMunicipality());
    const body = { familyId, reasons: ['conflict'], level: 'low' };
    for (const unknown of [foreign.familyId, randomUUID(), id]) {
      const reply = await caller.post(FLAGS, { ...body, familyId: unknown });
      expectProblem(reply, 422, 'unknown_reference', '/familyId');
    }
    for (const placementId of [foreign.id, randomUUID(), familyId]) {
      expectProblem(await caller.post(FLAGS, { ...body, placementId }), 422, 'unknown_reference', '/placementId');
      const later = await caller.patch(`${FLAGS}/${id}`, { placementId }, 1);
      expectProblem(later, 422, 'unknown_reference', '/placementId');
    }
    const other = await makeFamily(caller);
    const moved = await caller.patch(`${FLAGS}/${id}`, { familyId: other.id }, 1);
    expectProblem(moved, 422, 'validation_failed', '/familyId');
  });

  it('names only a placement of its own family', async () => {
    const caller = await livline.freshMunicipality();
    const [own, other] = [await makePlacement(caller), await makePlacement(caller)];
    const body = { familyId: own.familyId, reasons: ['conflict'], level: 'low' };
    const born = await caller.post(FLAGS, { ...body, placementId: other.id });
    expectProblem(born, 422, 'validation_failed', '/placementId');
    const { id } = await makeRiskFlag(caller, body);
    const wrong = await caller.patch(`${FLAGS}/${id}`, { placementId: other.id }, 1);
    expectProblem(wrong, 422, 'validation_failed', '/placementId');
    expect((await caller.patch(`${FLAGS}/${id}`, { placementId: own.id }, 1)).body.placementId).toBe(own.id);
  });

  it("is listed newest first, by family, status and level, and stands in its family's timeline", async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const first = await makeRiskFlag(caller, { familyId, level: 'high' });
    const second = await makeRiskFlag(caller, { familyId, status: 'cleared' });
    const third = await makeRiskFlag(caller, { level: 'high' });
    const list = async (query: Record<string, string>) =>
      (await caller.get(FLAGS, query)).body.items.map(({ id }: { id: string }) => id).sort();
    expect(await list({})).toEqual([first.id, second.id, third.id].sort());
    expect(await list({ familyId })).toEqual([first.id, second.id].sort());
    expect(await list({ status: 'cleared' })).toEqual([second.id]);
    expect(await list({ level: 'high' })).toEqual([first.id, third.id].sort());
    livline.advance(1);
    const latest = await makeRiskFlag(caller, { familyId });
    expect((await caller.get(FLAGS)).body.items[0]).toEqual(latest);
    const { items } = (await caller.get(`/families/${familyId}/timeline`)).body;
    expect(items).toHaveLength(3);
    expect(items[0]).toEqual({ type: 'risk-flags', at: latest.createdAt, record: latest });
  });

  it("counts as its family's risk until it is cleared: the highest of those raised", async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const risk = async () => (await caller.get('/family-overviews')).body.items[0].riskLevel;
    const [low, high] = await Promise.all(['low', 'high'].map((level) => makeRiskFlag(caller, { familyId, level })));
    expect(await risk()).toBe('high');
    await caller.status(`${FLAGS}/${high.id}`, 1, { status: 'cleared' });
    expect(await risk()).toBe('low');
    await caller.patch(`${FLAGS}/${low.id}`, { level: 'medium' }, 1);
    expect(await risk()).toBe('medium');
    await caller.status(`${FLAGS}/${low.id}`, 2, { status: 'cleared' });
    expect(await risk()).toBeUndefined();
  });

  it('is raised and cleared in the feed', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeRiskFlag(caller);
    await caller.patch(`${FLAGS}/${id}`, { level: 'high' }, 1);
    await caller.status(`${FLAGS}/${id}`, 2, { status: 'cleared' });
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'risk.*' })).body;
    expect(items.map(({ type, data }: { type: string; data: { action: string } }) => [type, data.action])).toEqual([
      ['dk.livline.risk.raised', 'created'],
      ['dk.livline.risk.updated', 'updated'],
      ['dk.livline.risk.cleared', 'ended'],
    ]);
  });
});
