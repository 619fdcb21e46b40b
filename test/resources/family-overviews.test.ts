import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Assignment, uncoveredFrom } from '#shared/resources/family-standing.ts';
import { plusDays, plusSeconds } from '#shared/time.ts';
import {
  APPROVAL,
  makeApprovedFamily,
  makeAssignment,
  makeConsultant,
  makeContact,
  makeFamily,
  makeGroup,
  makePlacement,
  makeSession,
} from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const TODAY = '2026-11-20';
const daysAgo = (days: number) => plusSeconds('2026-11-20T09:00:00.000Z', -days * 86_400);
const overviews = async (caller: Caller, query: Record<string, string> = {}): Promise<Reply['body'][]> =>
  (await caller.get('/family-overviews', query)).body.items;
const aliases = async (caller: Caller, query: Record<string, string> = {}) =>
  (await overviews(caller, query)).map(({ alias }) => alias);

/** An active family with a consultant since long ago and a contact some days ago. */
async function supportedFamily(
  caller: Caller,
  { alias = 'Familien', contactDays = 1, ...fields }: { alias?: string; contactDays?: number; pressure?: string } = {},
) {
  const { id: consultantId } = await makeConsultant(caller);
  const family = await makeApprovedFamily(caller, { alias, statusAt: '2026-01-01T00:00:00Z', ...fields });
  await makeAssignment(caller, { familyId: family.id, consultantId, from: '2026-01-01' });
  await makeContact(caller, { familyId: family.id, consultantId, at: daysAgo(contactDays) });
  return { familyId: family.id as string, consultantId };
}

describe('my families', () => {
  it('come with last contact, next supervision, open actions, risk and free places', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, consultantId } = await supportedFamily(caller);
    await makeSession(caller, { familyId, at: '2026-12-08T08:00:00.000Z' });
    await makeSession(caller, { familyId, at: '2026-12-01T08:00:00.000Z' });
    await makePlacement(caller, { familyId, status: 'active' });
    const owner = { ownerId: consultantId, about: { type: 'family', id: familyId } };
    const later = await caller.post('/actions', { ...owner, title: 'Ring til skolen', dueOn: '2026-11-30' });
    await caller.post('/actions', { ...owner, title: 'Aftal aflastning', dueOn: '2026-11-25' });
    await caller.post('/risk-flags', { familyId, reasons: ['sleep'], level: 'low' });
    const risk = await caller.post('/risk-flags', { familyId, reasons: ['conflict'], level: 'high' });
    expect(await overviews(caller, { consultantId })).toEqual([
      {
        familyId,
        alias: 'Familien',
        status: 'active',
        pressure: 'normal',
        consultants: [{ consultantId, from: '2026-01-01' }],
        lastContactAt: daysAgo(1),
        contactDueAt: plusSeconds(daysAgo(1), 30 * 86_400),
        nextSupervisionAt: '2026-12-01T08:00:00.000Z',
        openActions: 2,
        nextActionDueOn: '2026-11-25',
        riskLevel: 'high',
        activePlacements: 1,
        freePlaces: 1,
        attention: [],
        needsAttention: false,
      },
    ]);
    await caller.status(`/actions/${later.body.id}`, 1, { status: 'done' });
    await caller.status(`/risk-flags/${risk.body.id}`, 1, { status: 'cleared' });
    expect(await overviews(caller, { consultantId })).toMatchObject([{ openActions: 1, riskLevel: 'low' }]);
  });

  it('show the next supervision of their group too, and no other group’s', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, consultantId } = await supportedFamily(caller);
    const { id: groupId } = await makeGroup(caller, { familyIds: [familyId] });
    const { id: otherId } = await makeGroup(caller, { name: 'Hold 2' });
    const session = await makeSession(caller, { groupId, at: '2026-12-02T08:00:00.000Z' });
    await makeSession(caller, { groupId: otherId, at: '2026-11-24T08:00:00.000Z' });
    await makeSession(caller, { familyId, at: '2026-12-09T08:00:00.000Z' });
    const next = async () => (await overviews(caller, { consultantId }))[0].nextSupervisionAt;
    expect(await next()).toBe('2026-12-02T08:00:00.000Z');
    await caller.status(`/supervision-sessions/${session.id}`, 1, { status: 'cancelled', reason: 'Sygdom' });
    expect(await next()).toBe('2026-12-09T08:00:00.000Z');
  });

  it('are those of the consultant from the first day to the last, in the order of their names', async () => {
    const caller = await livline.freshMunicipality();
    const { id: consultantId } = await makeConsultant(caller);
    const assign = async (alias: string, from: string, to?: string) => {
      const { id: familyId } = await makeApprovedFamily(caller, { alias });
      return makeAssignment(caller, { familyId, consultantId, from, ...(to && { to }) });
    };
    await assign('Birk', '2026-01-01');
    await assign('Ask', '2026-11-20');
    const ending = await assign('Eg', '2026-01-01', TODAY);
    await assign('Gran', '2026-01-01', '2026-11-19');
    expect(await aliases(caller, { consultantId })).toEqual(['Eg', 'Ask', 'Birk']);
    await caller.patch(`/assignments/${ending.id}`, { to: '2026-11-19' }, 1);
    expect(await aliases(caller, { consultantId })).toEqual(['Ask', 'Birk']);
  });

  it('leave the list when their assignment ends, without anything being written', async () => {
    const later = await startLivline();
    const caller = await later.freshMunicipality();
    const { familyId, consultantId } = await makeAssignment(caller, { to: '2026-11-21' });
    expect((await overviews(caller, { consultantId })).map((item) => item.familyId)).toEqual([familyId]);
    later.advance(2 * 86_400);
    expect(await overviews(caller, { consultantId })).toEqual([]);
  });
});

describe('a family needs attention', () => {
  it('without a consultant', async () => {
    const caller = await livline.freshMunicipality();
    await supportedFamily(caller);
    const { id } = await makeApprovedFamily(caller, { alias: 'Uden konsulent' });
    expect(await overviews(caller, { attention: 'true' })).toMatchObject([
      { familyId: id, attention: ['no_consultant'], needsAttention: true },
    ]);
    const assignment = await makeAssignment(caller, { familyId: id, from: TODAY });
    expect(await overviews(caller, { attention: 'true' })).toEqual([]);
    await caller.patch(`/assignments/${assignment.id}`, { to: TODAY }, 1);
    expect(await overviews(caller, { attention: 'true' })).toEqual([]);
  });

  it('without contact for longer than 30 days, or 15 under high pressure, the longest waiting first', async () => {
    const caller = await livline.freshMunicipality();
    await supportedFamily(caller, { alias: '29 dage', contactDays: 29 });
    await supportedFamily(caller, { alias: '33 dage', contactDays: 33 });
    const pressed = await supportedFamily(caller, { alias: '16 dage', contactDays: 16, pressure: 'high' });
    await supportedFamily(caller, { alias: '14 dage', contactDays: 14, pressure: 'high' });
    await supportedFamily(caller, { alias: '40 dage', contactDays: 40, pressure: 'elevated' });
    expect(await aliases(caller, { attention: 'true' })).toEqual(['40 dage', '33 dage', '16 dage']);
    expect(await aliases(caller, { attention: 'true', consultantId: pressed.consultantId })).toEqual(['16 dage']);
    const all = await overviews(caller, { attention: 'true' });
    expect(all.every(({ attention }) => attention.join() === 'no_contact')).toBe(true);
    await caller.patch(`/families/${pressed.familyId}`, { pressure: 'elevated' }, 1);
    expect(await aliases(caller, { attention: 'true' })).toEqual(['40 dage', '33 dage']);
  });

  it('by the passing of time alone', async () => {
    const later = await startLivline();
    const caller = await later.freshMunicipality();
    await supportedFamily(caller, { contactDays: 29 });
    expect(await overviews(caller, { attention: 'true' })).toEqual([]);
    later.advance(2 * 86_400);
    expect(await overviews(caller, { attention: 'true' })).toHaveLength(1);
  });

  it('until somebody talks with it, also when a contact was entered with a wrong time first', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, consultantId } = await supportedFamily(caller, { contactDays: 40 });
    const contact = await makeContact(caller, { familyId, consultantId, at: daysAgo(2) });
    expect(await overviews(caller, { attention: 'true' })).toEqual([]);
    await caller.patch(`/contacts/${contact.id}`, { at: daysAgo(35) }, 1);
    expect(await overviews(caller, { attention: 'true' })).toMatchObject([{ lastContactAt: daysAgo(35) }]);
  });

  it('in the list of whoever is its consultant now, not of who was', async () => {
    const later = await startLivline();
    const caller = await later.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller);
    const { consultantId } = await makeAssignment(caller, { familyId, from: '2026-01-01', to: '2026-11-25' });
    const { consultantId: next } = await makeAssignment(caller, { familyId, from: '2026-11-26' });
    later.advance(60 * 86_400);
    expect(await overviews(caller, { attention: 'true', consultantId })).toEqual([]);
    await makeContact(caller, { familyId, consultantId: next, at: '2026-11-27T09:00:00.000Z' });
    expect(await overviews(caller, { attention: 'true', consultantId: next })).toHaveLength(1);
  });

  it('only from its approval until it closes', async () => {
    const caller = await livline.freshMunicipality();
    await makeFamily(caller, { alias: 'Ansøger' });
    const { id, version } = await makeFamily(caller, { alias: 'Aktiv', status: 'active' });
    expect(await aliases(caller, { attention: 'true' })).toEqual(['Aktiv']);
    await caller.status(`/families/${id}`, version, { status: 'closed', reason: 'Flytter' });
    expect(await aliases(caller, { attention: 'true' })).toEqual([]);
    expect(await aliases(caller)).toEqual(['Aktiv', 'Ansøger']);
  });
});

describe('families without a consultant', () => {
  it('are listed for the manager, and not those who have one', async () => {
    const caller = await livline.freshMunicipality();
    await supportedFamily(caller, { contactDays: 60 });
    const { id: familyId } = await makeApprovedFamily(caller, { alias: 'Ask' });
    await makeAssignment(caller, { familyId, from: '2026-01-01', to: '2026-10-31' });
    await makeAssignment(caller, { familyId, from: '2026-12-01' });
    expect(await aliases(caller, { withoutConsultant: 'true' })).toEqual(['Ask']);
  });

  it('are listed with the longest waiting first, whatever else happens around them', async () => {
    const caller = await livline.freshMunicipality();
    const { id: consultantId } = await makeConsultant(caller);
    for (const [alias, to] of [
      ['Birk', '2026-10-31'],
      ['Ask', '2026-09-30'],
    ] as const) {
      const { id: familyId } = await makeApprovedFamily(caller, { alias, statusAt: '2026-01-01T00:00:00Z' });
      await makeAssignment(caller, { familyId, consultantId, from: '2026-01-01', to });
      await makeContact(caller, { familyId, consultantId, at: daysAgo(1) });
    }
    expect(await aliases(caller, { withoutConsultant: 'true' })).toEqual(['Ask', 'Birk']);
    const [{ familyId }] = await overviews(caller, { withoutConsultant: 'true' });
    await makeContact(caller, { familyId, consultantId, at: daysAgo(0) });
    expect(await aliases(caller, { withoutConsultant: 'true' })).toEqual(['Ask', 'Birk']);
    expect(await aliases(caller, { attention: 'true' })).toEqual(['Ask', 'Birk']);
  });

  it('are no longer listed once a consultant who was agreed for later has begun', async () => {
    const later = await startLivline();
    const caller = await later.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller);
    await makeAssignment(caller, { familyId, from: '2026-11-22' });
    expect(await overviews(caller, { withoutConsultant: 'true' })).toHaveLength(1);
    later.advance(2 * 86_400);
    expect(await overviews(caller, { withoutConsultant: 'true' })).toEqual([]);
  });

  it('are without one from the first day that no assignment holds, as looking at every day finds', () => {
    const start = '2026-01-01';
    const spans = fc.array(fc.tuple(fc.nat(40), fc.option(fc.nat(15))), { maxLength: 6 });
    fc.assert(
      fc.property(spans, fc.nat(20), (given, first) => {
        const assignments: Assignment[] = given.map(([from, length]) => ({
          consultantId: 'c',
          from: plusDays(start, from),
          ...(length !== null && { to: plusDays(start, from + length) }),
        }));
        const holds = (day: string) =>
          assignments.some(({ from, to }) => from <= day && (to === undefined || day <= to));
        const days = Array.from({ length: 100 }, (_, at) => plusDays(start, first + at));
        expect(uncoveredFrom(assignments, plusDays(start, first))).toBe(days.find((day) => !holds(day)));
      }),
    );
  });
});

describe('the overview', () => {
  it('is paged, and a cursor stays good while time passes', async () => {
    const later = await startLivline();
    const caller = await later.freshMunicipality();
    for (const alias of ['Ask', 'Birk', 'Eg']) await makeApprovedFamily(caller, { alias });
    for (const query of [{}, { attention: 'true' }, { withoutConsultant: 'true' }] as Record<string, string>[]) {
      const first = (await caller.get('/family-overviews', { ...query, limit: '2' })).body;
      later.advance(1);
      const { nextCursor: cursor } = first;
      const second = (await caller.get('/family-overviews', { ...query, limit: '2', cursor })).body;
      expect([...first.items, ...second.items].map(({ alias }) => alias).sort()).toEqual(['Ask', 'Birk', 'Eg']);
    }
  });

  it('is one Query for the page, and one read of the groups’ next sessions', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, consultantId } = await supportedFamily(caller);
    const { id: groupId } = await makeGroup(caller, { familyIds: [familyId] });
    await makeSession(caller, { groupId, at: '2026-12-02T08:00:00.000Z' });
    const requests = await livline.requestsOf(() => overviews(caller, { consultantId }));
    expect(requests.map(({ command }) => command)).toEqual(['Query', 'BatchGetItem']);
    const plain = await livline.requestsOf(() => overviews(caller, { withoutConsultant: 'true' }));
    expect(plain.map(({ command }) => command)).toEqual(['Query']);
  });

  it('needs the scopes of all that it shows', async () => {
    const caller = await livline.freshMunicipality();
    const scopes = ['support:read', 'families:read', 'supervision:read', 'placements:read'];
    expect((await caller.withScopes(...scopes).get('/family-overviews')).status).toBe(200);
    for (const missing of scopes) {
      const some = scopes.filter((scope) => scope !== missing);
      expectProblem(await caller.withScopes(...some).get('/family-overviews'), 403, 'forbidden');
    }
    const both = { withoutConsultant: 'true', attention: 'true' };
    expectProblem(await caller.get('/family-overviews', both), 422, 'validation_failed', '/query/withoutConsultant');
  });

  it('stays true when ten contacts and assignments come at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller, { approval: APPROVAL });
    const consultants = await Promise.all(Array.from({ length: 5 }, () => makeConsultant(caller)));
    await Promise.all(
      consultants.flatMap(({ id: consultantId }, at) => [
        makeAssignment(caller, { familyId, consultantId, from: '2026-01-01' }),
        makeContact(caller, { familyId, consultantId, at: daysAgo(at + 1) }),
      ]),
    );
    const [overview] = await overviews(caller);
    expect(overview.consultants).toHaveLength(5);
    expect(overview.lastContactAt).toBe(daysAgo(1));
    for (const { id: consultantId } of consultants) {
      expect((await overviews(caller, { consultantId })).map((item) => item.familyId)).toEqual([familyId]);
    }
  });
});
