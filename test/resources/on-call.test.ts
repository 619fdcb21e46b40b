import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeCall, makeConsultant, makeFamily, makeHelpline, makeShift, makeStaff } from '#test/support/examples.ts';
import { type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

// The clock stands at 2026-11-20T09:00Z.
const NOW = { startsAt: '2026-11-20T06:00:00.000Z', endsAt: '2026-11-20T14:00:00.000Z' };

describe('who is on call now', () => {
  it('is who has a shift that has begun and not ended, by name', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const member = await makeStaff(caller, { name: 'Medarbejder B' });
    const consultant = await makeConsultant(caller, { name: 'Konsulent C' });
    const day = await makeShift(caller, { helplineId, staffId: member.id, ...NOW });
    const week = { startsAt: '2026-11-13T09:00:00.001Z', endsAt: '2026-11-20T09:00:00.001Z' };
    const long = await makeShift(caller, { helplineId, staffId: consultant.id, ...week });
    await makeShift(caller, { helplineId, startsAt: '2026-11-20T01:00:00.000Z', endsAt: '2026-11-20T09:00:00.000Z' });
    await makeShift(caller, { helplineId, startsAt: '2026-11-20T09:00:00.001Z', endsAt: '2026-11-20T17:00:00.000Z' });
    await makeShift(caller, NOW);
    expect((await caller.get(`/helplines/${helplineId}/on-call`)).body.items).toEqual([
      { shiftId: long.id, ...week, person: { id: consultant.id, type: 'consultants', name: 'Konsulent C' } },
      { shiftId: day.id, ...NOW, person: { id: member.id, type: 'staff', name: 'Medarbejder B' } },
    ]);
  });

  it('is nobody while no shift covers this instant, or once it was taken away', async () => {
    const caller = await livline.freshMunicipality();
    const shift = await makeShift(caller, NOW);
    const onCall = async () => (await caller.get(`/helplines/${shift.helplineId}/on-call`)).body.items;
    expect(await onCall()).toHaveLength(1);
    await caller.remove(`/shifts/${shift.id}`, 1);
    expect(await onCall()).toEqual([]);
  });

  it('is asked of a helpline of this municipality', async () => {
    const [caller, foreign] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const id of [(await makeHelpline(foreign)).id, randomUUID(), (await makeFamily(caller)).id]) {
      expectProblem(await caller.get(`/helplines/${id}/on-call`), 404, 'not_found');
    }
    const { id } = await makeHelpline(caller);
    expectProblem(await caller.withScopes('families:read').get(`/helplines/${id}/on-call`), 403, 'forbidden');
  });

  it('is one Query over the helpline’s last week, and one read of the people it names', async () => {
    const caller = await livline.freshMunicipality();
    const { helplineId } = await makeShift(caller, NOW);
    const requests = await livline.requestsOf(() => caller.get(`/helplines/${helplineId}/on-call`));
    expect(requests.map(({ command }) => command).sort()).toEqual(['BatchGetItem', 'GetItem', 'Query']);
  });
});

it('the last five calls of a family are one Query of five', async () => {
  const caller = await livline.freshMunicipality();
  const { id: familyId } = await makeFamily(caller);
  const { id: helplineId } = await makeHelpline(caller);
  const hours = [3, 1, 6, 5, 2, 4, 7];
  for (const hour of hours) {
    await makeCall(caller, { helplineId, familyId, receivedAt: `2026-11-19T0${hour}:00:00.000Z` });
  }
  await makeCall(caller, { helplineId });
  let items: Reply['body'][] = [];
  const requests = await livline.requestsOf(async () => {
    ({ items } = (await caller.get('/calls', { familyId, limit: '5' })).body);
  });
  expect(items.map(({ receivedAt }) => Number(receivedAt.slice(11, 13)))).toEqual([7, 6, 5, 4, 3]);
  expect(requests.map(({ command, input }) => [command, input.Limit])).toEqual([['Query', 5]]);
});
