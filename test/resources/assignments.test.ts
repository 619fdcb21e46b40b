import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAssignment, makeConsultant, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  caller = await livline.freshMunicipality();
});

describe('an assignment', () => {
  it('says which consultant is a family’s, from when to when', async () => {
    const [family, consultant] = [await makeFamily(caller), await makeConsultant(caller)];
    const whole = { familyId: family.id, consultantId: consultant.id, from: '2026-01-01', to: '2026-12-31' };
    expect(await makeAssignment(caller, whole)).toMatchObject(whole);
    for (const field of ['familyId', 'consultantId']) {
      const reply = await caller.post('/assignments', { ...whole, [field]: randomUUID() });
      expectProblem(reply, 422, 'unknown_reference', `/${field}`);
    }
  });

  it('does not end before it starts', async () => {
    const [family, consultant] = [await makeFamily(caller), await makeConsultant(caller)];
    const body = { familyId: family.id, consultantId: consultant.id, from: '2026-10-01' };
    const reply = await caller.post('/assignments', { ...body, to: '2026-09-30' });
    expectProblem(reply, 422, 'validation_failed', '/to');
    expect((await makeAssignment(caller, { ...body, to: '2026-10-01' })).to).toBe('2026-10-01');
  });

  it('keeps its family and its consultant: a change of consultant is a new one, so the old one is not lost', async () => {
    const { id, familyId } = await makeAssignment(caller, { from: '2026-01-01' });
    const { id: successor } = await makeConsultant(caller);
    const path = `/assignments/${id}`;
    expectProblem(await caller.patch(path, { consultantId: successor }, 1), 422, 'validation_failed', '/consultantId');
    const { id: other } = await makeFamily(caller);
    expectProblem(await caller.patch(path, { familyId: other }, 1), 422, 'validation_failed', '/familyId');
    await caller.patch(path, { to: '2026-10-31' }, 1);
    await makeAssignment(caller, { familyId, consultantId: successor, from: '2026-11-01' });
    const on = async (day: string) =>
      (await caller.get('/assignments', { familyId, on: day })).body.items.map(
        (item: Reply['body']) => item.consultantId,
      );
    expect(await on('2026-10-31')).not.toContain(successor);
    expect(await on('2026-11-01')).toEqual([successor]);
    expect((await caller.get('/assignments', { familyId })).body.items).toHaveLength(2);
  });

  it('tells when a consultant is assigned and unassigned', async () => {
    const own = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeAssignment(own);
    await own.patch(`/assignments/${id}`, { from: '2026-09-01' }, 1);
    await own.patch(`/assignments/${id}`, { to: '2026-11-30' }, 2);
    await own.patch(`/assignments/${id}`, { to: '2026-12-31' }, 3);
    await livline.relay();
    const { items } = (await own.get('/events')).body;
    const told = items.filter(({ data }: Reply['body']) => data.objectId === id);
    expect(told.map(({ type, data }: Reply['body']) => [type, data.action])).toEqual([
      ['dk.livline.consultant.assigned', 'created'],
      ['dk.livline.assignment.updated', 'updated'],
      ['dk.livline.consultant.unassigned', 'ended'],
      ['dk.livline.assignment.updated', 'updated'],
    ]);
  });
});
