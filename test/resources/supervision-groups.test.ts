import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { GROUP, makeConsultant, makeFamily, makeGroup, makeLeaders, makeStaff } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const makeFamilies = async (by: Caller, count: number): Promise<string[]> =>
  (await Promise.all(Array.from({ length: count }, (_, at) => makeFamily(by, { alias: `Familie ${at}` })))).map(
    ({ id }) => id,
  );

describe('a supervision group', () => {
  it('has families, consultants of both kinds, and the time it meets', async () => {
    const caller = await livline.freshMunicipality();
    const whole = {
      name: 'Hold 1',
      familyIds: await makeFamilies(caller, 3),
      consultantIds: await makeLeaders(caller),
      criteria: 'Børn under 10',
      from: '2026-10-01',
      to: '2027-09-30',
    };
    const { id } = await makeGroup(caller, whole);
    expect((await caller.get(`/supervision-groups/${id}`)).body).toMatchObject(whole);
  });

  it('is refused without both kinds of consultant, at first and later', async () => {
    const caller = await livline.freshMunicipality();
    const [one = '', other = ''] = await makeLeaders(caller);
    const { id: another } = await makeConsultant(caller, { kind: 'familiekonsulent' });
    for (const consultantIds of [[], [one], [other, another]]) {
      const reply = await caller.post('/supervision-groups', { ...GROUP, consultantIds });
      expectProblem(reply, 422, 'validation_failed', '/consultantIds');
    }
    const { id } = await makeGroup(caller, { consultantIds: [one, other] });
    const path = `/supervision-groups/${id}`;
    expectProblem(await caller.patch(path, { consultantIds: [one] }, 1), 422, 'validation_failed', '/consultantIds');
    expect((await caller.patch(path, { consultantIds: [one, another] }, 1)).status).toBe(200);
  });

  it('has families and consultants of its own municipality only', async () => {
    const caller = await livline.freshMunicipality();
    const leaders = await makeLeaders(caller);
    const member = await makeStaff(caller);
    const group = { ...GROUP, consultantIds: leaders };
    const strangers = await caller.post('/supervision-groups', { ...group, familyIds: [randomUUID()] });
    expectProblem(strangers, 422, 'unknown_reference', '/familyIds/0');
    const leader = await caller.post('/supervision-groups', { ...group, consultantIds: [...leaders, member.id] });
    expectProblem(leader, 422, 'unknown_reference', '/consultantIds/2');
    expect((await caller.get('/supervision-groups')).body.items).toEqual([]);
  });

  it('does not end before it starts', async () => {
    const caller = await livline.freshMunicipality();
    const group = { ...GROUP, consultantIds: await makeLeaders(caller) };
    const reply = await caller.post('/supervision-groups', { ...group, to: '2026-09-30' });
    expectProblem(reply, 422, 'validation_failed', '/to');
    expect((await makeGroup(caller, { ...group, to: '2026-10-01' })).to).toBe('2026-10-01');
  });

  it('has no family that is in another group in that time', async () => {
    const caller = await livline.freshMunicipality();
    const familyIds = await makeFamilies(caller, 1);
    const consultantIds = await makeLeaders(caller);
    await makeGroup(caller, { consultantIds, familyIds, from: '2026-01-01', to: '2026-06-30' });
    const next = { ...GROUP, consultantIds, familyIds };
    const during: [string, string?][] = [['2025-01-01'], ['2026-06-30', '2026-12-31'], ['2025-12-01', '2026-01-01']];
    for (const [from, to] of during) {
      expectProblem(await caller.post('/supervision-groups', { ...next, from, to }), 409, 'conflict');
    }
    await makeGroup(caller, { ...next, from: '2026-07-01' });
    await makeGroup(caller, { ...next, from: '2025-07-01', to: '2025-12-31' });
    expectProblem(await caller.post('/supervision-groups', { ...next, from: '2027-01-01' }), 409, 'conflict');
  });

  it('lets a family go, which is then free for another', async () => {
    const caller = await livline.freshMunicipality();
    const [stays = '', leaves = ''] = await makeFamilies(caller, 2);
    const consultantIds = await makeLeaders(caller);
    const { id } = await makeGroup(caller, { consultantIds, familyIds: [stays, leaves] });
    await caller.patch(`/supervision-groups/${id}`, { familyIds: [stays] }, 1);
    await makeGroup(caller, { consultantIds, familyIds: [leaves] });
    const back = await caller.patch(`/supervision-groups/${id}`, { familyIds: [stays, leaves] }, 2);
    expectProblem(back, 409, 'conflict');
    expect((await caller.get('/supervision-groups', { familyId: stays })).body.items).toHaveLength(1);
    expect((await caller.get('/supervision-groups', { familyId: leaves })).body.items).toHaveLength(1);
  });

  it('of 16 families can exchange all of them, and has no 17th', async () => {
    const caller = await livline.freshMunicipality();
    const families = await makeFamilies(caller, 32);
    const [first, second] = [families.slice(0, 16), families.slice(16)];
    const { id } = await makeGroup(caller, { familyIds: first, externalId: 'h-1' });
    const path = `/supervision-groups/${id}`;
    const many = await caller.patch(path, { familyIds: families.slice(0, 17) }, 1);
    expectProblem(many, 422, 'validation_failed', '/familyIds');
    const all = { familyIds: second, consultantIds: await makeLeaders(caller), externalId: 'h-2' };
    expect((await caller.patch(path, all, 1)).body).toMatchObject(all);
    for (const [familyId, groups] of [
      [first[0], 0],
      [second[0], 1],
    ] as const) {
      expect((await caller.get('/supervision-groups', { familyId: familyId as string })).body.items).toHaveLength(
        groups,
      );
    }
  });

  it('is renamed without touching what its families have agreed on', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeGroup(caller, { familyIds: await makeFamilies(caller, 2) });
    const requests = await livline.requestsOf(() => caller.patch(`/supervision-groups/${id}`, { name: 'Hold 2' }, 1));
    const writes = requests.find(({ command }) => command === 'TransactWriteItems')?.input.TransactItems;
    // The record, its event, and the two edges that show it under its families.
    // Of the two families it is checked besides that no legal hold is on them.
    expect(writes).toHaveLength(6);
  });
});
