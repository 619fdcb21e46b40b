import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeConsultant, makeFamily, makeHelpline, makeShift, makeStaff, SHIFT } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const hour = (day: number, hour: number) => new Date(Date.UTC(2026, 10, day, hour)).toISOString();

describe('a shift', () => {
  it('is had by a staff member or a consultant, and by nobody else', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const [member, consultant, family] = [
      await makeStaff(caller),
      await makeConsultant(caller),
      await makeFamily(caller),
    ];
    for (const { id: staffId } of [member, consultant]) {
      expect(await makeShift(caller, { helplineId, staffId })).toMatchObject({ ...SHIFT, helplineId, staffId });
    }
    for (const staffId of [family.id, helplineId, randomUUID()]) {
      const reply = await caller.post('/shifts', { ...SHIFT, helplineId, staffId });
      expectProblem(reply, 422, 'unknown_reference', '/staffId');
    }
  });

  it.each([
    ['before it starts', hour(23, 5)],
    ['as it starts', hour(23, 6)],
    ['more than a week later', hour(30, 7)],
  ])('does not end %s', async (_, endsAt) => {
    const caller = await livline.freshMunicipality();
    const [helplineId, staffId] = [(await makeHelpline(caller)).id, (await makeConsultant(caller)).id];
    const reply = await caller.post('/shifts', { startsAt: hour(23, 6), endsAt, helplineId, staffId });
    expectProblem(reply, 422, 'validation_failed', '/endsAt');
  });

  it('is kept in UTC, whatever offset it was given in', async () => {
    const caller = await livline.freshMunicipality();
    const given = { startsAt: '2026-11-23T07:00:00+01:00', endsAt: '2026-11-23T09:00:00-05:00' };
    expect(await makeShift(caller, given)).toMatchObject(SHIFT);
  });

  it('of one person overlaps no other of that person, as a list of all shifts would show', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const spans = fc.array(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 30 })), {
      minLength: 2,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(spans, async (wanted) => {
        const { id: staffId } = await makeConsultant(caller);
        const taken: [number, number][] = [];
        for (const [start, length] of wanted) {
          const end = start + length;
          const body = { startsAt: hour(1, start), endsAt: hour(1, end), helplineId, staffId };
          const reply = await caller.post('/shifts', body);
          if (taken.some(([from, to]) => from < end && start < to)) expectProblem(reply, 409, 'conflict');
          else {
            expect(reply.status).toBe(201);
            taken.push([start, end]);
          }
        }
        expect((await caller.get('/shifts', { staffId })).body.items).toHaveLength(taken.length);
      }),
      { numRuns: 6 },
    );
  });

  it('may begin as the one before ends', async () => {
    const caller = await livline.freshMunicipality();
    const { helplineId, staffId } = await makeShift(caller);
    const next = { startsAt: SHIFT.endsAt, endsAt: hour(24, 6), helplineId, staffId };
    await makeShift(caller, next);
    await makeShift(caller, { startsAt: hour(23, 0), endsAt: SHIFT.startsAt, helplineId, staffId });
    expect((await caller.get('/shifts', { staffId })).body.items).toHaveLength(3);
  });

  it('may be at the same time as another person’s', async () => {
    const caller = await livline.freshMunicipality();
    const { helplineId } = await makeShift(caller);
    expect((await makeShift(caller, { helplineId })).version).toBe(1);
  });

  it('can be moved, is in no one’s way where it was, and in the way where it is', async () => {
    const caller = await livline.freshMunicipality();
    const { id, helplineId, staffId } = await makeShift(caller);
    const later = { startsAt: hour(24, 6), endsAt: hour(25, 6) };
    expect((await caller.patch(`/shifts/${id}`, later, 1)).body).toMatchObject(later);
    await makeShift(caller, { helplineId, staffId });
    expectProblem(await caller.post('/shifts', { ...SHIFT, ...later, helplineId, staffId }), 409, 'conflict');
    expectProblem(await caller.patch(`/shifts/${id}`, SHIFT, 2), 409, 'conflict');
    expect((await caller.get(`/shifts/${id}`)).body).toMatchObject({ ...later, version: 2 });
  });

  it('may grow over its own time', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeShift(caller);
    expect((await caller.patch(`/shifts/${id}`, { endsAt: hour(24, 6) }, 1)).status).toBe(200);
  });

  it('that is deleted is gone, and its time is free', async () => {
    const caller = await livline.freshMunicipality();
    const { id, helplineId, staffId } = await makeShift(caller, { externalId: 'v-1' });
    livline.takeStream();
    const deleted = await caller.remove(`/shifts/${id}`, 1);
    expect(deleted).toMatchObject({ status: 204, body: undefined });
    expect(deleted.headers['etag']).toBeUndefined();
    const replies = [
      await caller.get(`/shifts/${id}`),
      await caller.patch(`/shifts/${id}`, SHIFT, 2),
      await caller.remove(`/shifts/${id}`, 2),
      await caller.get('/shifts/external/municipal/v-1'),
    ];
    for (const reply of replies) expectProblem(reply, 404, 'not_found');
    for (const query of [{}, { helplineId }, { staffId }]) {
      expect((await caller.get('/shifts', query)).body.items).toEqual([]);
    }
    expect(await makeShift(caller, { helplineId, staffId, externalId: 'v-1' })).toMatchObject({ version: 1 });
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'shift.deleted' });
    expect(body.items[0].data).toMatchObject({ action: 'deleted', objectId: id });
  });

  it('is listed by helpline and by person, in the order of its start', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const { id: staffId } = await makeConsultant(caller);
    const second = await makeShift(caller, { helplineId, startsAt: hour(24, 0), endsAt: hour(24, 8) });
    const first = await makeShift(caller, { helplineId, staffId });
    const other = await makeShift(caller, { staffId, startsAt: hour(25, 0), endsAt: hour(25, 8) });
    const list = async (query: Record<string, string>) => (await caller.get('/shifts', query)).body.items;
    expect(await list({ helplineId })).toEqual([first, second]);
    expect(await list({ staffId })).toEqual([first, other]);
    expect(await list({ from: hour(24, 0), to: hour(25, 0) })).toEqual([second]);
  });
});
