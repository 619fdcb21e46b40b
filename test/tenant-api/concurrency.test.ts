import { beforeAll, describe, expect, it } from 'vitest';
import {
  CALL,
  FAMILY,
  GROUP,
  makeConsultant,
  makeFamily,
  makeHelpline,
  makeLeaders,
  makeShift,
  type SHIFT,
  THEME,
} from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status).sort();
const items = async (by: Caller, path: string, query = {}) => (await by.get(path, query)).body.items;

/** The events committed about one object since the last look, by version. */
const versionsOf = (id: string) =>
  livline.captured
    .flatMap(({ input }) => input.TransactItems ?? [])
    .flatMap(({ Put }) => (Put?.Item?.type === 'event' && Put.Item.objectId === id ? [Put.Item] : []));

describe('at the same instant', () => {
  it('of two changes to the same version one is made, and the other told that it is late', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const replies = await Promise.all(
      Array.from({ length: 5 }, (_, capacity) => caller.patch(`/families/${id}`, { capacity: 5 + capacity }, 1)),
    );
    expect(statuses(replies)).toEqual([200, 412, 412, 412, 412]);
    const winner = replies.find(({ status }) => status === 200);
    expect((await caller.get(`/families/${id}`)).body).toEqual(winner?.body);
    expect(winner?.body.version).toBe(2);
  });

  it('of a change and a status change to the same version one is made', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const replies = await Promise.all([
      caller.patch(`/families/${id}`, { capacity: 9 }, 1),
      caller.status(`/families/${id}`, 1, { status: 'in_training' }),
    ]);
    expect(statuses(replies)).toEqual([200, 412]);
    const { body } = await caller.get(`/families/${id}`);
    expect([body.capacity === 9, body.status === 'in_training'].filter(Boolean)).toHaveLength(1);
  });

  it('of two steps from the same version one is taken, also under two Idempotency-Keys', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { status: 'active' });
    const replies = await Promise.all(
      ['paused', 'suspended'].map((status) =>
        caller.send('POST', `/families/${id}/status`, {
          body: { status },
          headers: { 'if-match': '"1"', 'idempotency-key': status },
        }),
      ),
    );
    expect(statuses(replies)).toEqual([200, 412]);
    const taken = replies.find(({ status }) => status === 200);
    expect((await caller.get(`/families/${id}`)).body).toEqual(taken?.body);
  });

  it('a quarter gets one theme', async () => {
    const caller = await livline.freshMunicipality();
    const codes = ['mentalisation', 'learning', 'child_development', 'trauma'];
    const replies = await Promise.all(codes.map((code) => caller.post('/themes', { ...THEME, code })));
    expect(statuses(replies)).toEqual([201, 409, 409, 409]);
    expect(await items(caller, '/themes')).toEqual([replies.find(({ status }) => status === 201)?.body]);
  });

  it('a family gets into one group', async () => {
    const caller = await livline.freshMunicipality();
    const [shared, other] = [await makeFamily(caller), await makeFamily(caller)];
    const consultantIds = await makeLeaders(caller);
    const replies = await Promise.all(
      [[shared.id], [other.id, shared.id], [shared.id]].map((familyIds) =>
        caller.post('/supervision-groups', { ...GROUP, consultantIds, familyIds }),
      ),
    );
    expect(statuses(replies)).toEqual([201, 409, 409]);
    expect(await items(caller, '/supervision-groups', { familyId: shared.id })).toHaveLength(1);
    expect(await items(caller, '/supervision-groups')).toHaveLength(1);
  });

  it('a person gets one of the shifts that overlap, and all of those that do not', async () => {
    const caller = await livline.freshMunicipality();
    const [helplineId, staffId] = [(await makeHelpline(caller)).id, (await makeConsultant(caller)).id];
    const shift = (from: number, to: number) => ({
      startsAt: `2026-11-23T${from}:00:00Z`,
      endsAt: `2026-11-23T${to}:00:00Z`,
      helplineId,
      staffId,
    });
    const clashing = [shift(10, 13), shift(11, 12), shift(12, 14)];
    const replies = await Promise.all(clashing.map((body) => caller.post('/shifts', body)));
    const apart = await Promise.all(
      [shift(14, 15), shift(15, 16), shift(16, 17)].map((body) => caller.post('/shifts', body)),
    );
    expect(statuses(apart)).toEqual([201, 201, 201]);
    const taken = replies.filter(({ status }) => status === 201).map(({ body }) => [body.startsAt, body.endsAt]);
    for (const [at, [from, to]] of taken.entries()) {
      for (const [start, end] of taken.slice(at + 1)) expect(start < to && from < end).toBe(false);
    }
    expect(taken.length).toBeGreaterThan(0);
    expect(replies.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    expect(await items(caller, '/shifts', { staffId })).toHaveLength(taken.length + 3);
  });

  it('two shifts moved onto the same time cannot both have it', async () => {
    const caller = await livline.freshMunicipality();
    const { id, helplineId, staffId } = await makeShift(caller);
    const later = { startsAt: '2026-11-24T06:00:00.000Z', endsAt: '2026-11-24T14:00:00.000Z' };
    const other = await makeShift(caller, { ...later, helplineId, staffId });
    const target = { startsAt: '2026-11-25T06:00:00.000Z', endsAt: '2026-11-25T14:00:00.000Z' };
    const replies = await Promise.all([id, other.id].map((shift) => caller.patch(`/shifts/${shift}`, target, 1)));
    expect(statuses(replies)).toEqual([200, 409]);
    const starts = (await items(caller, '/shifts', { staffId })).map(({ startsAt }: typeof SHIFT) => startsAt);
    expect(starts.filter((start: string) => start === target.startsAt)).toHaveLength(1);
  });

  it('one external id becomes one record, put or posted', async () => {
    const caller = await livline.freshMunicipality();
    const put = () => caller.put('/families/external/municipal/F-1', FAMILY);
    const puts = await Promise.all([put(), put(), put(), put()]);
    expect(statuses(puts)).toEqual([200, 200, 200, 201]);
    expect(new Set(puts.map(({ body }) => body.id)).size).toBe(1);
    const post = () => caller.post('/families', { ...FAMILY, externalId: 'F-2' });
    expect(statuses(await Promise.all([post(), post(), post()]))).toEqual([201, 409, 409]);
    expect(await items(caller, '/families')).toHaveLength(2);
  });

  it('replacements under one external id come one after the other, none is lost', async () => {
    const caller = await livline.freshMunicipality();
    const path = '/families/external/municipal/F-3';
    const { body } = await caller.put(path, FAMILY);
    const replies = await Promise.all([3, 4, 5].map((capacity) => caller.put(path, { ...FAMILY, capacity })));
    expect(statuses(replies)).toEqual([200, 200, 200]);
    expect(replies.map((reply) => reply.body.version).sort()).toEqual([2, 3, 4]);
    const last = replies.find((reply) => reply.body.version === 4);
    expect((await caller.get(`/families/${body.id}`)).body).toEqual(last?.body);
  });

  it('of two deletions one is made', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeShift(caller);
    const replies = await Promise.all([caller.remove(`/shifts/${id}`, 1), caller.remove(`/shifts/${id}`, 1)]);
    expect(statuses(replies)).toEqual([204, 404]);
    expect(await items(caller, '/shifts')).toEqual([]);
  });

  it('a hundred calls are logged, each with one event', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const replies = await Promise.all(
      Array.from({ length: 100 }, () => caller.post('/calls', { ...CALL, helplineId })),
    );
    expect(statuses(replies)).toEqual(Array(100).fill(201));
    expect(await items(caller, '/calls', { limit: '200' })).toHaveLength(100);
    for (const { body } of replies.slice(0, 10)) {
      expect(new Set(versionsOf(body.id).map(({ eventId }) => eventId)).size).toBe(1);
    }
  });
});
