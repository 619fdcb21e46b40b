import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  APPROVAL,
  makeApprovedFamily,
  makeChild,
  makeFamily,
  makePlacement,
  PLACEMENT,
} from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  // Families and children are new in each test, so they can share a municipality.
  caller = await livline.freshMunicipality();
});

const ACUTE = { type: 'akut', legalBasis: 'BL §12, stk. 3' };
const CONSENTS = { custodyHolder: true, childFrom12: true, placementHeardAt: '2026-11-10T09:00:00.000Z' };
const at = ({ id }: { id: string }) => `/placements/${id}`;

/** Takes a placement along its statuses, and gives the last answer. */
async function step(placement: Reply['body'], ...statuses: string[]): Promise<Reply> {
  let reply: Reply | undefined;
  let { version } = placement;
  for (const status of statuses) {
    reply = await caller.status(at(placement), version, { status, ...(status === 'ended' && { reason: 'planned' }) });
    version = reply.body.version;
  }
  return reply as Reply;
}

const post = (fields: object) => caller.post('/placements', { ...PLACEMENT, ...fields });

/** A child that is placed round the clock with another family than `familyId`. */
async function placedChild(fields: object = {}): Promise<{ childId: string; from: Reply['body'] }> {
  const { id: childId } = await makeChild(caller, { birthYear: 2018, ...fields });
  return { childId, from: await makePlacement(caller, { childId, startsOn: '2025-01-01', status: 'active' }) };
}

describe('a placement', () => {
  it('says who, with whom, since when, on what basis and with whose consent', async () => {
    const whole = {
      ...PLACEMENT,
      familyId: (await makeApprovedFamily(caller)).id,
      childId: (await makeChild(caller)).id,
      endsOn: '2027-06-30',
      acute: false,
      noticeHours: 48,
      consents: { ...CONSENTS, boardDecision: 'Børne- og ungeudvalget 2026-11-01' },
      keptRelations: ['Mormor'],
    };
    const { id } = await makePlacement(caller, whole);
    expect((await caller.get(at({ id }))).body).toMatchObject({ ...whole, status: 'proposed' });
    expect((await caller.get('/placements', { childId: whole.childId })).body.items[0]).not.toHaveProperty(
      'keptRelations',
    );
  });

  it('goes from proposed over decided and active to ended, or is declined', async () => {
    const { id: familyId } = await makeApprovedFamily(caller, { approval: { ...APPROVAL, places: 10 } });
    await expectMachine({
      caller,
      path: '/placements',
      steps: stepsOf('proposed→decided→active→ended (endReason); proposed→declined'),
      reasonFor: ['ended'],
      reasons: { ended: 'planned' },
      make: () => makePlacement(caller, { familyId, type: 'eftervaern' }),
      relay: () => livline.relay(),
      runs: 4,
    });
  });

  it('says by one of the reasons why it ended, and on which day', async () => {
    const placement = await makePlacement(caller, { status: 'active', startsOn: '2026-01-01' });
    for (const body of [{ status: 'ended' }, { status: 'ended', reason: 'fordi' }]) {
      expectProblem(await caller.status(at(placement), 1, body), 422, 'validation_failed', '/reason');
    }
    const early = { status: 'ended', reason: 'planned', at: '2025-12-31T12:00:00Z' };
    expectProblem(await caller.status(at(placement), 1, early), 422, 'validation_failed', '/at');
    const ended = await caller.status(at(placement), 1, {
      status: 'ended',
      reason: 'returned_home',
      at: '2026-11-18T12:00:00Z',
    });
    expect(ended.body).toMatchObject({ endReason: 'returned_home', endsOn: '2026-11-18' });
    const active = await makePlacement(caller, { status: 'active' });
    const reason = await caller.patch(at(active), { endReason: 'other' }, 1);
    expectProblem(reason, 422, 'validation_failed', '/endReason');
  });

  it('keeps why and when it ended when it is sent again, and ends when it did, whatever was planned', async () => {
    const familyId = (await makeApprovedFamily(caller)).id;
    const childId = (await makeChild(caller)).id;
    const body = { ...PLACEMENT, familyId, childId, startsOn: '2026-01-01', status: 'ended', statusReason: 'planned' };
    const path = '/placements/external/municipal/P-1';
    const first = await caller.put(path, body);
    const again = await caller.put(path, body);
    expect(first.body).toMatchObject({ version: 1, endReason: 'planned', endsOn: '2026-11-20' });
    // The reason is sensitive, so sending it makes a version, which says the same.
    expect(again.body).toEqual({ ...first.body, version: 2, updatedAt: again.body.updatedAt });
    const planned = await makePlacement(caller, { status: 'active', startsOn: '2026-01-01', endsOn: '2026-10-31' });
    const ended = await caller.status(at(planned), 1, { status: 'ended', reason: 'planned' });
    expect(ended.body.endsOn).toBe('2026-11-20');
  });

  it('does not end before it starts', async () => {
    const reply = await post({
      familyId: (await makeApprovedFamily(caller)).id,
      childId: (await makeChild(caller)).id,
      endsOn: '2026-11-19',
    });
    expectProblem(reply, 422, 'validation_failed', '/endsOn');
  });

  it('stays with its family and its child', async () => {
    const placement = await makePlacement(caller);
    const [family, child] = [await makeApprovedFamily(caller), await makeChild(caller)];
    for (const [field, value] of [
      ['familyId', family.id],
      ['childId', child.id],
    ] as const) {
      expectProblem(await caller.patch(at(placement), { [field]: value }, 1), 422, 'validation_failed', `/${field}`);
    }
  });

  it('names a family, a child and a placement of this municipality', async () => {
    const [family, child] = [await makeApprovedFamily(caller), await makeChild(caller)];
    const body = { familyId: family.id, childId: child.id };
    for (const field of ['familyId', 'childId', 'previousId']) {
      expectProblem(await post({ ...body, [field]: randomUUID() }), 422, 'unknown_reference', `/${field}`);
    }
    const other = await makePlacement(caller);
    const previous = await post({ ...body, previousId: other.id });
    expectProblem(previous, 422, 'validation_failed', '/previousId');
  });

  it('tells of each of its steps, and of a breakdown by its name', async () => {
    const own = await livline.freshMunicipality();
    livline.takeStream();
    const first = await makePlacement(own);
    for (const [version, status, reason] of [
      [1, 'decided', undefined],
      [2, 'active', undefined],
      [3, 'ended', 'place_gave_up'],
    ] as const) {
      await own.status(at(first), version, { status, ...(reason && { reason }) });
    }
    await makePlacement(own, { status: 'ended', endReason: 'aged_out' });
    await livline.relay();
    const { items } = (await own.get('/events', { types: 'placement.*' })).body;
    expect(
      items.map(({ type, data }: Reply['body']) => [type.replace('dk.livline.placement.', ''), data.action]),
    ).toEqual([
      ['proposed', 'created'],
      ['decided', 'updated'],
      ['started', 'updated'],
      ['broken_down', 'ended'],
      ['ended', 'created'],
    ]);
  });

  it('ending this month is found by status and day, in the order of the days', async () => {
    const own = await livline.freshMunicipality();
    const last = await makePlacement(own, { status: 'active', endsOn: '2026-11-30' });
    const first = await makePlacement(own, { status: 'active', endsOn: '2026-11-20' });
    await makePlacement(own, { status: 'active', endsOn: '2026-12-01' });
    await makePlacement(own, { status: 'active' });
    await makePlacement(own, { endsOn: '2026-11-25' });
    const month = { endsFrom: '2026-11-01', endsTo: '2026-11-30' };
    const { items } = (await own.get('/placements', { status: 'active', ...month })).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual([first.id, last.id]);
    expectProblem(await own.get('/placements', month), 422, 'validation_failed', '/query/endsFrom');
    const bounds = { status: 'active', from: '2026-11-01' };
    expectProblem(await own.get('/placements', bounds), 422, 'validation_failed', '/query/from');
  });
});

describe('the family of a placement', () => {
  it('has an approval that is valid on startsOn', async () => {
    const { id: childId } = await makeChild(caller);
    const approval = { ...APPROVAL, from: '2026-01-01', to: '2026-12-31' };
    const { id: familyId } = await makeApprovedFamily(caller, { approval });
    for (const startsOn of ['2025-12-31', '2027-01-01']) {
      expectProblem(await post({ familyId, childId, startsOn }), 422, 'validation_failed', '/startsOn');
    }
    for (const startsOn of ['2026-01-01', '2026-12-31']) {
      expect((await post({ familyId, childId, startsOn })).status).toBe(201);
    }
    const { id: unapproved } = await makeFamily(caller);
    expectProblem(await post({ familyId: unapproved, childId }), 422, 'validation_failed', '/startsOn');
  });

  it('is approved for the child’s age on that day', async () => {
    const approval = { ...APPROVAL, ageMin: 6, ageMax: 12 };
    const { id: familyId } = await makeApprovedFamily(caller, { approval });
    const born = async (cpr: string) => (await makeChild(caller, { birthYear: undefined, cpr })).id;
    // Demo numbers have 60 added to the day: born 20 and 21 November 2020, and 20 and 21 November 2013.
    const outside = [await born('8111205000'), await born('8011135000')];
    const inside = [await born('8011205000'), await born('8111135000')];
    for (const childId of outside) {
      expectProblem(await post({ familyId, childId }), 422, 'validation_failed', '/childId');
    }
    for (const childId of inside) expect((await post({ familyId, childId })).status).toBe(201);
  });

  it('that is a network family takes its own child only', async () => {
    const [own, other] = [await makeChild(caller), await makeChild(caller)];
    const approval = { ...APPROVAL, childId: own.id };
    const { id: familyId } = await makeApprovedFamily(caller, { kind: 'netvaerk', approval });
    expectProblem(await post({ familyId, childId: other.id }), 422, 'validation_failed', '/childId');
    expect((await post({ familyId, childId: own.id })).status).toBe(201);
  });

  it('has no more active placements than approved places', async () => {
    const { id: familyId } = await makeApprovedFamily(caller);
    const [first, , third] = [
      await makePlacement(caller, { familyId, status: 'active' }),
      await makePlacement(caller, { familyId, status: 'active', type: 'stoetteophold' }),
      await makePlacement(caller, { familyId }),
    ];
    expect((await step(third, 'decided')).status).toBe(200);
    expectProblem(await caller.status(at(third), 2, { status: 'active' }), 409, 'no_capacity');
    await step(first, 'ended');
    expect((await caller.status(at(third), 2, { status: 'active' })).body.status).toBe('active');
  });

  it('takes a child beyond its places only acutely, by BL §12, stk. 3', async () => {
    const { id: familyId } = await makeApprovedFamily(caller, { approval: { ...APPROVAL, places: 0 } });
    const child = async () => (await makeChild(caller)).id;
    for (const fields of [{}, { ...ACUTE, legalBasis: 'BL §46' }, { ...ACUTE, type: 'doegn' }]) {
      const reply = await post({ ...fields, familyId, childId: await child(), status: 'active' });
      expectProblem(reply, 409, 'no_capacity');
    }
    const acute = await post({ ...ACUTE, familyId, childId: await child(), status: 'active' });
    expect(acute.status).toBe(201);
  });

  it('has no place for a child whose acute placement becomes another', async () => {
    const { id: familyId } = await makeApprovedFamily(caller, { approval: { ...APPROVAL, places: 1 } });
    await makePlacement(caller, { familyId, status: 'active' });
    const acute = await makePlacement(caller, { ...ACUTE, familyId, status: 'active' });
    const patch = { type: 'stoetteophold', legalBasis: 'BL §90' };
    expectProblem(await caller.patch(at(acute), patch, 1), 409, 'no_capacity');
  });

  it.each(['suspended', 'closed'])('takes no child while it is %s', async (status) => {
    const family = await makeApprovedFamily(caller);
    await caller.status(`/families/${family.id}`, 1, { status, reason: 'Som aftalt' });
    const { id: childId } = await makeChild(caller);
    expectProblem(await post({ familyId: family.id, childId, status: 'active' }), 409, 'conflict');
  });

  it('has one place left and five children at the same instant: one gets it', async () => {
    const { id: familyId } = await makeApprovedFamily(caller, { approval: { ...APPROVAL, places: 1 } });
    const children = await Promise.all(Array.from({ length: 5 }, () => makeChild(caller)));
    const replies = await Promise.all(children.map(({ id: childId }) => post({ familyId, childId, status: 'active' })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
    for (const reply of replies.filter(({ status }) => status === 409)) expectProblem(reply, 409, 'no_capacity');
    expect((await caller.get('/placements', { familyId })).body.items).toHaveLength(1);
  });
});

describe('a child', () => {
  it('has one active placement round the clock, and support stays beside it that may overlap', async () => {
    const { childId, from } = await placedChild();
    const second = await post({
      familyId: (await makeApprovedFamily(caller)).id,
      childId,
      acute: true,
      status: 'active',
    });
    expectProblem(second, 409, 'conflict');
    for (const type of ['stoetteophold', 'stoetteophold']) {
      await makePlacement(caller, { childId, type, status: 'active' });
    }
    await step(from, 'ended');
    const next = { familyId: (await makeApprovedFamily(caller)).id, childId, acute: true, status: 'active' };
    expect((await post(next)).status).toBe(201);
  });

  it('is placed round the clock by two families at the same instant: one gets it', async () => {
    const { id: childId } = await makeChild(caller);
    const families = await Promise.all(Array.from({ length: 4 }, () => makeApprovedFamily(caller)));
    const replies = await Promise.all(
      families.map(({ id: familyId }) => post({ familyId, childId, status: 'active' })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect((await caller.get('/placements', { childId })).body.items).toHaveLength(1);
  });

  it('keeps the first day of its relation to a family from support stay to full placement', async () => {
    const [family, child] = [await makeApprovedFamily(caller), await makeChild(caller)];
    const relation = { familyId: family.id, childId: child.id };
    const stay = await makePlacement(caller, {
      ...relation,
      type: 'stoetteophold',
      startsOn: '2025-03-01',
      status: 'active',
    });
    await step(stay, 'ended');
    const full = await makePlacement(caller, { ...relation, previousId: stay.id, status: 'active' });
    expect(full).toMatchObject({ startsOn: '2026-11-20', relationSince: '2025-03-01' });
    const elsewhere = await makePlacement(caller, { childId: child.id, type: 'stoetteophold' });
    expect(elsewhere.relationSince).toBe(elsewhere.startsOn);
  });
});

describe('a planned move', () => {
  it('needs the consent of custody, or a board decision', async () => {
    const { childId, from } = await placedChild();
    const { id: familyId } = await makeApprovedFamily(caller);
    const { placementHeardAt } = CONSENTS;
    const move = (consents: object) => post({ familyId, childId, previousId: from.id, status: 'decided', consents });
    expectProblem(await move({ placementHeardAt }), 422, 'validation_failed', '/consents/custodyHolder');
    for (const consents of [{ custodyHolder: true }, { boardDecision: true }, { boardDecision: '2026-11-01' }]) {
      expect((await move({ ...consents, placementHeardAt })).status).toBe(201);
    }
  });

  it('needs the child’s consent from its 12th year, or a board decision', async () => {
    const { childId, from } = await placedChild({ birthYear: 2014 });
    const { id: familyId } = await makeApprovedFamily(caller);
    const move = (consents: object) =>
      post({ familyId, childId, previousId: from.id, status: 'decided', consents: { ...CONSENTS, ...consents } });
    expectProblem(await move({ childFrom12: false }), 422, 'validation_failed', '/consents/childFrom12');
    expect((await move({ childFrom12: false, boardDecision: true })).status).toBe(201);
    expect((await move({})).status).toBe(201);
  });

  it('needs the current placement to have been heard', async () => {
    const { childId, from } = await placedChild();
    const { id: familyId } = await makeApprovedFamily(caller);
    const consents = { custodyHolder: true };
    const reply = await post({ familyId, childId, previousId: from.id, status: 'decided', consents });
    expectProblem(reply, 422, 'validation_failed', '/consents/placementHeardAt');
  });

  it('can be proposed before anybody consents, and is decided with consents only', async () => {
    const { childId } = await placedChild();
    const proposed = await makePlacement(caller, { childId });
    const decide = (version: number) => caller.status(at(proposed), version, { status: 'decided' });
    expectProblem(await decide(1), 422, 'validation_failed', '/consents/custodyHolder');
    await caller.patch(at(proposed), { consents: CONSENTS }, 1);
    expect((await decide(2)).body.status).toBe('decided');
    const withdrawn = await caller.patch(at(proposed), { consents: { placementHeardAt: null } }, 3);
    expectProblem(withdrawn, 422, 'validation_failed', '/consents/placementHeardAt');
  });

  it('is not asked for consents when it is acute', async () => {
    const { childId, from } = await placedChild();
    const { id: familyId } = await makeApprovedFamily(caller);
    expect((await post({ ...ACUTE, familyId, childId, previousId: from.id, status: 'active' })).status).toBe(201);
  });

  it('without kept relations carries a warning', async () => {
    const { childId } = await placedChild();
    const move = await makePlacement(caller, { childId });
    const seen = async () => (await caller.get(at(move))).body.warnings;
    expect(await seen()).toEqual(['no_kept_relations']);
    // It tells whether there is a kept relation, so it is shown as that is.
    expect(move).not.toHaveProperty('warnings');
    expect((await caller.withScopes('placements:read').get(at(move))).body).not.toHaveProperty('warnings');
    const kept = await caller.patch(at(move), { keptRelations: ['Mormor', 'Fodboldholdet'] }, 1);
    expect(kept.body).toMatchObject({ version: 2 });
    expect(kept.body).not.toHaveProperty('keptRelations');
    expect(await seen()).toBeUndefined();
  });

  it('of a child whose age is hidden from the client is refused, whatever its CPR number tells', async () => {
    const plain = caller.withScopes('placements:write', 'families:read', 'children:read');
    const { id: familyId } = await makeApprovedFamily(caller);
    for (const cpr of ['6103144321', '6103754321']) {
      const { id: childId } = await makeChild(caller, { birthYear: undefined, cpr });
      const reply = await plain.post('/placements', { ...PLACEMENT, familyId, childId });
      expectProblem(reply, 422, 'validation_failed', '/childId');
      expect(reply.body.detail).toContain('hidden');
    }
  });
});
