import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeApprovedFamily,
  makeCall,
  makeChild,
  makeConcernReport,
  makeConsultant,
  makeErasure,
  makeFamily,
  makeLegalHold,
  makePlacement,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const ERASURES = '/erasures';
const ask = (caller: Caller, type: string, id: string) =>
  caller.post(ERASURES, { subject: { type, id }, cause: 'request' });

describe('an erasure', () => {
  it('says who is erased and why', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller, { status: 'closed', statusReason: 'Flyttet' });
    const subjects = {
      family,
      child: await makeChild(caller),
      consultant: await makeConsultant(caller),
      'staff-member': await makeStaff(caller),
    };
    for (const [type, { id }] of Object.entries(subjects)) {
      const made = await makeErasure(caller, { subject: { type, id }, cause: 'retention' });
      expect(made).toMatchObject({ subject: { type, id }, cause: 'retention', status: 'requested' });
    }
  });

  it('names a person or household of the municipality, of the type it says, and keeps it', async () => {
    const caller = await livline.freshMunicipality();
    const erasure = await makeErasure(caller);
    const foreign = await makeChild(await livline.freshMunicipality());
    for (const id of [foreign.id, randomUUID(), erasure.id, erasure.subject.id]) {
      expectProblem(await ask(caller, 'child', id), 422, 'unknown_reference', '/subject/id');
    }
    const other = { type: 'child', id: (await makeChild(caller)).id };
    const moved = await caller.patch(`${ERASURES}/${erasure.id}`, { subject: other }, 1);
    expectProblem(moved, 422, 'validation_failed', '/subject');
    const changed = await caller.patch(`${ERASURES}/${erasure.id}`, { cause: 'retention' }, 1);
    expectProblem(changed, 422, 'validation_failed', '/cause');
  });

  it('is completed by the system alone, and refused with a reason', async () => {
    const caller = await livline.freshMunicipality();
    const { id, subject } = await makeErasure(caller);
    const at = `${ERASURES}/${id}`;
    expectProblem(await caller.status(at, 1, { status: 'completed' }), 409, 'illegal_transition');
    const other = { type: 'consultant', id: (await makeConsultant(caller)).id };
    const born = await caller.post(ERASURES, { subject: other, cause: 'request', status: 'completed' });
    expectProblem(born, 409, 'illegal_transition');
    expectProblem(await caller.status(at, 1, { status: 'refused' }), 422, 'validation_failed', '/reason');
    const refused = await caller.status(at, 1, { status: 'refused', reason: 'Der er klaget' });
    expect(refused.body).toMatchObject({ status: 'refused', subject });
    expectProblem(await caller.status(at, 2, { status: 'requested' }), 409, 'illegal_transition');
  });

  it('can be entered as refused while the person is held: that it was asked for is documented', async () => {
    const caller = await livline.freshMunicipality();
    const { subject } = await makeLegalHold(caller);
    const body = { subject, cause: 'request', status: 'refused', statusReason: 'Der er klaget' };
    expect((await caller.post(ERASURES, body)).body).toMatchObject({ status: 'refused' });
  });

  it('is one at a time, also at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeConsultant(caller);
    const replies = await Promise.all([1, 2, 3].map(() => ask(caller, 'consultant', id)));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('of a child is refused while the child is placed', async () => {
    const caller = await livline.freshMunicipality();
    const { id, childId } = await makePlacement(caller, { status: 'active' });
    expectProblem(await ask(caller, 'child', childId), 409, 'conflict');
    await caller.status(`/placements/${id}`, 1, { status: 'ended', reason: 'planned' });
    expect((await ask(caller, 'child', childId)).status).toBe(201);
  });

  it('of a child and the beginning of a placement at the same instant cannot both win', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller);
    for (let round = 0; round < 4; round += 1) {
      const placement = await makePlacement(caller, { familyId, status: 'decided', type: 'stoetteophold' });
      const [begun, erased] = await Promise.all([
        caller.status(`/placements/${placement.id}`, 1, { status: 'active' }),
        ask(caller, 'child', placement.childId),
      ]);
      const [won, lost] = begun.status === 200 ? [begun, erased] : [erased, begun];
      expect(won.status).toBeLessThan(300);
      expectProblem(lost, 409, 'conflict');
      if (won === begun) await caller.status(`/placements/${placement.id}`, 2, { status: 'ended', reason: 'planned' });
    }
  });

  it('is refused while a concern about the person is open, whatever gave cause for it', async () => {
    const caller = await livline.freshMunicipality();
    const closed = { status: 'closed', statusReason: 'Flyttet' };
    const { id: familyId } = await makeFamily(caller, closed);
    const call = await makeCall(caller, { familyId, concern: true });
    const { id: childId } = await makeChild(caller);
    for (const [type, id, source] of [
      ['family', familyId, { type: 'call', id: call.id }],
      ['child', childId, { type: 'child', id: childId }],
    ] as const) {
      const report = await makeConcernReport(caller, { source });
      expect(report[`${type}Id`]).toBe(id);
      expectProblem(await ask(caller, type, id), 409, 'conflict');
      await caller.status(`/concern-reports/${report.id}`, 1, { status: 'handed_over', reason: 'Journal 26/4711' });
      expect((await ask(caller, type, id)).status).toBe(201);
    }
  });

  it('of a family is refused until it is closed and no child is placed with it', async () => {
    const caller = await livline.freshMunicipality();
    const placement = await makePlacement(caller, { status: 'active' });
    const { familyId } = placement;
    expectProblem(await ask(caller, 'family', familyId), 409, 'conflict');
    await caller.status(`/families/${familyId}`, 1, { status: 'closed', reason: 'Flyttet' });
    expectProblem(await ask(caller, 'family', familyId), 409, 'conflict');
    await caller.status(`/placements/${placement.id}`, 1, { status: 'ended', reason: 'planned' });
    expect((await ask(caller, 'family', familyId)).status).toBe(201);
  });

  it('is listed newest first, by status and by whom it is about', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makeErasure(caller);
    livline.advance(1);
    const second = await makeErasure(caller);
    await caller.status(`${ERASURES}/${second.id}`, 1, { status: 'refused', reason: 'Nej' });
    const list = async (query: Record<string, string>) =>
      (await caller.get(ERASURES, query)).body.items.map(({ id }: { id: string }) => id);
    expect(await list({})).toEqual([second.id, first.id]);
    expect(await list({ status: 'requested' })).toEqual([first.id]);
    expect(await list({ subjectId: second.subject.id })).toEqual([second.id]);
  });

  it('needs the scopes for it', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeErasure(caller);
    const reader = caller.withScopes('privacy:read');
    expect((await reader.get(`${ERASURES}/${id}`)).status).toBe(200);
    expectProblem(await reader.status(`${ERASURES}/${id}`, 1, { status: 'refused', reason: 'Nej' }), 403, 'forbidden');
  });
});
