import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Fields } from '#shared/record/resource.ts';
import { viewSchema } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { aboutChild, aboutFamily, type Saying } from '#test/support/about.ts';
import { sendSigned } from '#test/support/case-system.ts';
import {
  APPROVAL,
  makeCall,
  makeChild,
  makeConnection,
  makeConsultant,
  makeContact,
  makeErasure,
  makeFamily,
  makeGroup,
  makeLegalHold,
  makePlacement,
  makePlan,
  makeProgress,
  makeSession,
  makeShift,
  makeStaff,
} from '#test/support/examples.ts';
import { historyOf } from '#test/support/history.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { plantedFields, remainderOf } from '#test/support/planted.ts';
import { expectProblem } from '#test/support/problems.ts';
import { pathOf } from '#test/support/records.ts';

// An erasure takes several rounds, each of them many requests.
vi.setConfig({ testTimeout: 60_000 });

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

type Made = Reply['body'];

const resourceOf = (path: string) => RESOURCES.find((one) => one.path === path) as (typeof RESOURCES)[number];

/** A family may take the child, and what stands in the way of an erasure is over: a concern is handed over. */
const OVER: Readonly<Record<string, Fields>> = {
  families: { approval: { ...APPROVAL, authority: 'SLETMIG' } },
  'concern-reports': { status: 'handed_over' },
};
const planting: Saying = (path) => ({ ...plantedFields(resourceOf(path)), ...OVER[path] });

/** A caller whose every creation is idempotent: its answer is kept beside the event. */
const keyed = (caller: Caller): Caller => ({
  ...caller,
  post: (path, body, headers) => caller.post(path, body, { 'idempotency-key': randomUUID(), ...headers }),
});

/** Rounds of the system until nothing is requested. */
async function untilErased(): Promise<void> {
  await livline.lifecycle();
  livline.advance(61);
  await livline.lifecycle();
}

async function erased(caller: Caller, type: string, id: string): Promise<Made> {
  const { id: erasure } = await makeErasure(caller, { subject: { type, id } });
  await untilErased();
  return (await caller.get(`/erasures/${erasure}`)).body;
}

async function close(caller: Caller, id: string): Promise<void> {
  const { version } = (await caller.get(`/families/${id}`)).body;
  const { status } = await caller.status(`/families/${id}`, version, { status: 'closed', reason: 'SLETMIG' });
  expect(status).toBe(200);
}

describe('the erasure of a family', () => {
  it('leaves nothing that says who it was, in any row, key or sealed field, whatever was said of it', async () => {
    const caller = keyed(await livline.freshMunicipality());
    const { familyId, made } = await aboutFamily(caller, planting);
    await close(caller, familyId);
    await livline.relay();
    const { childId } = made.get('placements');
    const before = await remainderOf(livline, caller.code, [familyId]);
    expect(before.length).toBeGreaterThan(30);

    const erasure = await erased(caller, 'family', familyId);
    expect(erasure).toMatchObject({ status: 'completed', kept: 0 });
    const group = made.get('supervision-groups').id;
    const ids = [...made.values()].map(({ id }) => id);
    expect(erasure.erased).toBe(ids.length);
    const left = await remainderOf(livline, caller.code, [familyId, ...ids]);
    // The name of a group and the title of a course, their external ids and case numbers, are about none of its families.
    const others = new RegExp(`${group}|${made.get('courses').id}|external#(?:courses|supervision-groups)`);
    expect(left.filter((row) => !others.test(row))).toEqual([]);
    expect((await caller.get(`/children/${childId}`)).status).toBe(200);
  }, 60_000);

  it('keeps of what is about it what reports count, in the form that its collection has', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, made } = await aboutFamily(caller, planting);
    await close(caller, familyId);
    await erased(caller, 'family', familyId);
    for (const [path, record] of made) {
      const resource = resourceOf(path);
      const { status, body } = await caller.get(pathOf(resource, record));
      expect(status, path).toBe(200);
      expect(viewSchema(resource).safeParse(body).error?.issues, path).toBeUndefined();
      expect(body, path).not.toHaveProperty('statusReason');
      for (const name of ['id', 'status', 'createdAt', 'createdBy', 'source'])
        expect(body[name], `${path} ${name}`).toEqual(record[name]);
    }
    const { topic, severity, receivedAt, callerKind } = made.get('calls');
    const call = (await caller.get(`/calls/${made.get('calls').id}`)).body;
    expect(call).toMatchObject({ topic, severity, receivedAt, callerKind, familyId, version: 2 });
    const plan = (await caller.get(`/development-plans/${made.get('development-plans').id}`)).body;
    expect(plan.goals).toMatchObject([{ title: '[slettet]', frequency: 'daily', status: 'open' }]);
    expect((await caller.get(`/placements/${made.get('placements').id}`)).body.legalBasis).toBe('BL §46');
  });

  it('leaves of its own record the id, that it was erased and when, and a history without values', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { alias: 'SLETMIG', status: 'closed', statusReason: 'SLETMIG' });
    await erased(caller, 'family', id);
    await livline.relay();
    for (const path of [`/families/${id}`, `/families/${id}/timeline`, `/subjects/${id}/export`])
      expectProblem(await caller.get(path), 404, 'not_found');
    for (const path of ['/families', '/family-overviews']) expect((await caller.get(path)).body.items).toEqual([]);
    expect(await historyOf(caller, `/families/${id}`)).toMatchObject([
      { event: 'family.created', action: 'created' },
      { event: 'family.deleted', action: 'deleted', actor: { kind: 'system' }, changed: [] },
    ]);
    expect((await caller.get('/audit/verify')).body.verified).toBe(true);
  });

  it('tells of each record that was changed, by the names of its fields', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller, { status: 'closed', statusReason: 'Flyttet' });
    await makeCall(caller, { familyId, note: 'GEMTNAVN', outcome: 'SLETMIG' });
    await livline.relay();
    const last = (await caller.get('/events')).body.items.length;
    await erased(caller, 'family', familyId);
    await livline.relay();
    const events = (await caller.get('/events')).body.items.slice(last);
    expect(events.map(({ type, data }: Made) => [type.replace('dk.livline.', ''), data.action, data.changed])).toEqual(
      expect.arrayContaining([
        ['call.updated', 'updated', ['note', 'outcome']],
        ['family.deleted', 'deleted', []],
      ]),
    );
    expect(JSON.stringify(events)).not.toMatch(/SLETMIG|GEMTNAVN/);
  });

  it('keeps a record that is about a child who is held, and counts it', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, made } = await aboutFamily(caller, planting);
    await close(caller, familyId);
    const placement = made.get('placements');
    await makeLegalHold(caller, { subject: { type: 'child', id: placement.childId } });
    const path = `/placements/${placement.id}`;
    const standing = (await caller.get(path)).body;
    const erasure = await erased(caller, 'family', familyId);
    expect(erasure).toMatchObject({ status: 'completed', kept: 2 });
    expect((await caller.get(path)).body).toEqual(standing);
    expect((await caller.get(`/visits/${made.get('visits').id}`)).body.note).toBe('GEMTNAVN');
    expect((await caller.get(`/calls/${made.get('calls').id}`)).body).not.toHaveProperty('note');
  });

  it('takes from a session of several families what is sensitive, and leaves what is about their group', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeFamily(caller), await makeFamily(caller)];
    const group = await makeGroup(caller, { familyIds: [one.id, other.id], name: 'Hold Nord' });
    const attendance = [one, other].map(({ id: familyId }) => ({ familyId, present: true, rating: 4 }));
    const session = await makeSession(caller, { groupId: group.id, attendance, summary: 'GEMTNAVN', status: 'held' });
    await caller.patch(`/families/${other.id}`, { outsideWork: 'Lærer' }, 1);
    await caller.status(`/families/${one.id}`, 1, { status: 'closed', reason: 'Flyttet' });
    await erased(caller, 'family', one.id);
    const { summary, ...left } = (await caller.get(`/supervision-sessions/${session.id}`)).body;
    expect([summary, left.attendance]).toEqual([undefined, attendance]);
    expect((await caller.get(`/supervision-groups/${group.id}`)).body.name).toBe('Hold Nord');
    expect((await caller.get(`/families/${other.id}`)).body.outsideWork).toBe('Lærer');
    const added = { addenda: [{ at: '2026-11-20T08:30:00.000Z', text: 'Om de andre' }] };
    expect((await caller.patch(`/supervision-sessions/${session.id}`, added, left.version)).status).toBe(200);
  });
});

describe('the erasure of a child', () => {
  it('leaves nothing that says who it was, and what is about its family stays the family’s', async () => {
    const caller = keyed(await livline.freshMunicipality());
    const { childId, familyId, made } = await aboutChild(caller, planting);
    const contact = await makeContact(caller, { familyId, note: 'Familiens' });
    const erasure = await erased(caller, 'child', childId);
    const ids = [...made.values()].map(({ id }) => id);
    expect(erasure).toMatchObject({ status: 'completed', erased: ids.length, kept: 0 });
    expect(await remainderOf(livline, caller.code, [childId, ...ids])).toEqual([]);
    expect((await caller.get(`/contacts/${contact.id}`)).body.note).toBe('Familiens');
    expect((await caller.get(`/families/${familyId}`)).body.alias).toBe('Familien ved åen');
  });

  it('takes from the messages of other systems about it what they say, however long', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller);
    const connection = await makeConnection(caller);
    for (const name of ['GEMTNAVN', 'GEMTNAVN'.repeat(20_000)])
      await sendSigned(caller, connection, {
        type: 'child.responsibility_changed',
        data: { childId: id, responsibleMunicipality: '0630', name },
      });
    await erased(caller, 'child', id);
    const { items } = (await caller.get('/inbox')).body;
    for (const message of items) {
      expect(message).toMatchObject({ status: 'applied', objectId: id });
      expect((await caller.get(`/inbox/${message.id}`)).body).not.toHaveProperty('payload');
    }
    expect(items).toHaveLength(2);
    const sealed = items.map((message: { id: string }) => message.id);
    expect(await remainderOf(livline, caller.code, [id, ...sealed])).toEqual([]);
  });
});

describe('the erasure of a consultant or staff member', () => {
  it('leaves nothing of its own record, and what it wrote of families as it is', async () => {
    const caller = keyed(await livline.freshMunicipality());
    for (const [type, path, make] of [
      ['consultant', 'consultants', makeConsultant],
      ['staff-member', 'staff', makeStaff],
    ] as const) {
      const { id } = await make(caller, planting(path));
      await makeShift(caller, { staffId: id });
      const contact = type === 'consultant' && (await makeContact(caller, { consultantId: id, note: 'Familiens' }));
      expect(await erased(caller, type, id)).toMatchObject({ status: 'completed', erased: 1 });
      expect(await remainderOf(livline, caller.code, [id])).toEqual([]);
      if (contact)
        expect((await caller.get(`/contacts/${contact.id}`)).body).toMatchObject({
          consultantId: id,
          note: 'Familiens',
        });
    }
  });
});

describe('what was erased', () => {
  it('takes no text any more, but goes on to another status', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller, { status: 'closed', statusReason: 'Flyttet' });
    const call = await makeCall(caller, { familyId, status: 'answered', answeredAt: '2026-11-20T08:01:00.000Z' });
    await erased(caller, 'family', familyId);
    const path = `/calls/${call.id}`;
    for (const patch of [
      { note: 'Igen' },
      { outcome: 'Igen' },
      { externalId: 'X-1' },
      { caseRefs: [{ system: 'DUBU' }] },
    ])
      expectProblem(await caller.patch(path, patch, 2), 409, 'conflict');
    expectProblem(await caller.status(path, 2, { status: 'closed', reason: 'Anne ringede igen' }), 409, 'conflict');
    expect((await caller.patch(path, { severity: 3 }, 2)).body).toMatchObject({ severity: 3, version: 3 });
    expect((await caller.status(path, 3, { status: 'closed' })).body).toMatchObject({ status: 'closed' });
    expectProblem(await caller.patch(path, { note: 'Igen' }, 4), 409, 'conflict');
  });

  it('cannot be named by anything new from the round in which it begins', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller, { status: 'closed', statusReason: 'Flyttet', alias: 'SLETMIG' });
    await makeErasure(caller, { subject: { type: 'family', id: familyId } });
    await livline.lifecycle();
    const call = { helplineId: randomUUID(), receivedAt: '2026-11-20T08:00:00Z', callerKind: 'other', topic: 'other' };
    const reply = await caller.post('/inquiries', {
      familyId,
      subject: 'Nyt',
      raisedAt: call.receivedAt,
      handledBy: 'other',
    });
    expectProblem(reply, 422, 'unknown_reference', '/familyId');
    const [erasure] = (await caller.get('/erasures')).body.items;
    expect(erasure.startedAt).toBe(livline.now().toISOString());
    const refused = await caller.status(`/erasures/${erasure.id}`, erasure.version, {
      status: 'refused',
      reason: 'Nej',
    });
    expectProblem(refused, 409, 'conflict');
  });

  it('has nothing left in what was deleted before, and a deletion leaves nothing', async () => {
    const caller = keyed(await livline.freshMunicipality());
    const plan = await makePlan(caller, { status: 'agreed' });
    const at = { planId: plan.id, goalId: plan.goals[0].id };
    const entry = await makeProgress(caller, { ...at, note: 'GEMTNAVN', externalId: 'sletmig-1' });
    const path = `/development-plans/${plan.id}/goals/${at.goalId}/progress/${entry.id}`;
    expect((await caller.remove(path, 1)).status).toBe(204);
    const left = await remainderOf(livline, caller.code, [entry.id]);
    // What its creation was answered expires within seven days, because it had an Idempotency-Key.
    expect(left.filter((row) => !row.startsWith('answer '))).toEqual([]);
  });
});

describe('a request that is refused before the system begins', () => {
  it('erases nothing', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeConsultant(caller, { name: 'Konsulent B' });
    const erasure = await makeErasure(caller, { subject: { type: 'consultant', id } });
    await caller.status(`/erasures/${erasure.id}`, 1, { status: 'refused', reason: 'Der er klaget' });
    await untilErased();
    expect((await caller.get(`/consultants/${id}`)).body.name).toBe('Konsulent B');
  });
});

it('a placement that was proposed to a family that is erased begins no more', async () => {
  const caller = await livline.freshMunicipality();
  const placement = await makePlacement(caller, { status: 'decided' });
  await close(caller, placement.familyId);
  await erased(caller, 'family', placement.familyId);
  const { version } = (await caller.get(`/placements/${placement.id}`)).body;
  expect((await caller.status(`/placements/${placement.id}`, version, { status: 'active' })).status).toBe(409);
});
