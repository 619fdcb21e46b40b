import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeChild,
  makeConsultant,
  makeErasure,
  makeFamily,
  makeLegalHold,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const HOLDS = '/legal-holds';
const DAY_S = 86_400;

/** Another client of the same municipality: the one that set a hold cannot lift it. */
const colleagueOf = async ({ code }: Caller): Promise<Caller> =>
  (await livline.freshPartner(`partner-${code}`, [code]))(code);

describe('a legal hold', () => {
  it('says whose data must be kept, since when, until when and why, the reason apart', async () => {
    const caller = await livline.freshMunicipality();
    const makers = { family: makeFamily, child: makeChild, consultant: makeConsultant, 'staff-member': makeStaff };
    for (const [type, make] of Object.entries(makers)) {
      const whole = {
        subject: { type, id: (await make(caller)).id },
        reason: 'Klagesag om Anne Prøve',
        from: '2026-11-01',
        to: '2027-11-01',
      };
      const made = await makeLegalHold(caller, whole);
      expect(JSON.stringify(made)).not.toContain('Anne');
      expect((await caller.get(`${HOLDS}/${made.id}`)).body).toMatchObject({ ...whole, status: 'in_force' });
    }
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    await expectMachine({
      caller,
      relay: livline.relay,
      path: HOLDS,
      steps: stepsOf('in_force→lifted'),
      reasonFor: ['lifted'],
      make: () => makeLegalHold(colleague),
    });
  });

  it('is lifted or shortened by another client than the one that set it, which may lengthen it', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    const { id } = await makeLegalHold(caller, { to: '2027-11-01' });
    const path = `${HOLDS}/${id}`;
    expectProblem(await caller.status(path, 1, { status: 'lifted', reason: 'Afgjort' }), 403, 'forbidden');
    expectProblem(await caller.patch(path, { to: '2027-10-31' }, 1), 403, 'forbidden');
    expect((await caller.patch(path, { to: '2027-11-02' }, 1)).status).toBe(200);
    expect((await caller.patch(path, { to: null }, 2)).status).toBe(200);
    expectProblem(await caller.patch(path, { to: '2099-01-01' }, 3), 403, 'forbidden');
    expect((await colleague.patch(path, { to: '2027-10-31' }, 3)).status).toBe(200);
    expect((await colleague.status(path, 4, { status: 'lifted', reason: 'Afgjort' })).status).toBe(200);
  });

  it('names a person or household of the municipality, of the type it says, and keeps it', async () => {
    const caller = await livline.freshMunicipality();
    const hold = await makeLegalHold(caller);
    const { id: other } = await makeFamily(caller);
    const foreign = await makeFamily(await livline.freshMunicipality());
    const body = { reason: 'Klage', from: '2026-11-01' };
    for (const id of [foreign.id, randomUUID(), hold.id, hold.subject.id]) {
      const reply = await caller.post(HOLDS, { ...body, subject: { type: 'family', id } });
      expectProblem(reply, 422, 'unknown_reference', '/subject/id');
    }
    const moved = await caller.patch(`${HOLDS}/${hold.id}`, { subject: { type: 'family', id: other } }, 1);
    expectProblem(moved, 422, 'validation_failed', '/subject');
  });

  it('does not end before it starts', async () => {
    const caller = await livline.freshMunicipality();
    const subject = { type: 'family', id: (await makeFamily(caller)).id };
    const reply = await caller.post(HOLDS, { subject, reason: 'Klage', from: '2026-11-02', to: '2026-11-01' });
    expectProblem(reply, 422, 'validation_failed', '/to');
  });

  it('is listed by status and by whom it is about', async () => {
    const caller = await livline.freshMunicipality();
    const [first, second] = [await makeLegalHold(caller), await makeLegalHold(caller)];
    const colleague = await colleagueOf(caller);
    await colleague.status(`${HOLDS}/${second.id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    const list = async (query: Record<string, string>) =>
      (await caller.get(HOLDS, query)).body.items.map(({ id }: { id: string }) => id).sort();
    expect(await list({})).toEqual([first.id, second.id].sort());
    expect(await list({ status: 'lifted' })).toEqual([second.id]);
    expect(await list({ subjectId: first.subject.id })).toEqual([first.id]);
  });

  it('stands against an erasure until it is lifted, and where it is one of two until both are', async () => {
    const caller = await livline.freshMunicipality();
    const colleague = await colleagueOf(caller);
    const hold = await makeLegalHold(caller);
    const { subject } = hold;
    const second = await makeLegalHold(caller, { subject });
    for (const { id } of [hold, second]) {
      expectProblem(await caller.post('/erasures', { subject, cause: 'request' }), 409, 'legal_hold');
      await colleague.status(`${HOLDS}/${id}`, 1, { status: 'lifted', reason: 'Afgjort' });
    }
    expect((await caller.post('/erasures', { subject, cause: 'request' })).status).toBe(201);
  });

  it('holds on its last day and no longer', async () => {
    const caller = await livline.freshMunicipality();
    const today = livline.now().toISOString().slice(0, 10);
    const { subject } = await makeLegalHold(caller, { from: '2026-01-01', to: today });
    expectProblem(await caller.post('/erasures', { subject, cause: 'request' }), 409, 'legal_hold');
    livline.advance(DAY_S);
    expect((await caller.post('/erasures', { subject, cause: 'request' })).status).toBe(201);
  });

  it('and an erasure at the same instant cannot both win', async () => {
    const caller = await livline.freshMunicipality();
    for (let round = 0; round < 6; round += 1) {
      const subject = { type: 'consultant', id: (await makeConsultant(caller)).id };
      const [held, erased] = await Promise.all([
        caller.post(HOLDS, { subject, reason: 'Klage', from: '2026-11-01' }),
        caller.post('/erasures', { subject, cause: 'request' }),
      ]);
      if (held.status === 201) expectProblem(erased, 409, 'legal_hold');
      else {
        expectProblem(held, 409, 'conflict');
        expect(erased.status).toBe(201);
      }
    }
  });

  it('comes too late once the erasure is requested, and in time again where that is refused', async () => {
    const caller = await livline.freshMunicipality();
    const { id, subject } = await makeErasure(caller);
    const hold = { subject, reason: 'Klage', from: '2026-11-01' };
    expectProblem(await caller.post(HOLDS, hold), 409, 'conflict');
    await caller.status(`/erasures/${id}`, 1, { status: 'refused', reason: 'Der er klaget' });
    expect((await caller.post(HOLDS, hold)).status).toBe(201);
  });
});
