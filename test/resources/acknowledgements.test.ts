import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAcknowledgement, makeAnnouncement, makeFamily } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const pathOf = (announcementId: string) => `/announcements/${announcementId}/acknowledgements`;

describe('an acknowledgement', () => {
  it('is a family’s, now unless it says when', async () => {
    const caller = await livline.freshMunicipality();
    const { id: announcementId } = await makeAnnouncement(caller, { publishedAt: '2026-11-16T08:00:00.000Z' });
    const { id: familyId } = await makeFamily(caller);
    const created = await caller.post(pathOf(announcementId), { familyId });
    expect(created.body).toMatchObject({ announcementId, familyId, at: created.body.createdAt });
    expect(created.headers['location']).toBe(
      `/v1/municipalities/${caller.code}${pathOf(announcementId)}/${created.body.id}`,
    );
    expect((await caller.get(`${pathOf(announcementId)}/${created.body.id}`)).body).toEqual(created.body);
    const earlier = await makeAcknowledgement(caller, { announcementId, at: '2026-11-17T19:20:00+01:00' });
    expect(earlier.at).toBe('2026-11-17T18:20:00.000Z');
  });

  it('is one per family, also when many are sent at the same instant', async () => {
    const caller = await livline.freshMunicipality();
    const [{ id: announcementId }, { id: familyId }] = [await makeAnnouncement(caller), await makeFamily(caller)];
    const path = pathOf(announcementId);
    const replies = await Promise.all([1, 2, 3, 4].map(() => caller.post(path, { familyId })));
    const refused = replies.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(3);
    for (const reply of refused) expectProblem(reply, 409, 'already_exists');
    expect((await caller.get(path)).body.items).toHaveLength(1);
    await makeAcknowledgement(caller, { announcementId });
    await makeAcknowledgement(caller, { familyId });
  });

  it('is by a family of a kind that the announcement is for', async () => {
    const caller = await livline.freshMunicipality();
    const families = await Promise.all(
      ['almen', 'forstaerket', 'specialiseret'].map((kind) => makeFamily(caller, { kind })),
    );
    const [almen, forstaerket, specialiseret] = families.map(({ id }) => id);
    const path = pathOf((await makeAnnouncement(caller, { audience: { kinds: ['almen', 'forstaerket'] } })).id);
    const outside = await caller.post(path, { familyId: specialiseret });
    expectProblem(outside, 422, 'validation_failed', '/familyId');
    for (const familyId of [almen, forstaerket]) expect((await caller.post(path, { familyId })).status).toBe(201);
    const { id: toAll } = await makeAnnouncement(caller);
    await makeAcknowledgement(caller, { announcementId: toAll, familyId: specialiseret });
  });

  it('does not lie in the future, nor before the announcement is out', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const out = pathOf((await makeAnnouncement(caller, { publishedAt: '2026-11-16T08:00:00.000Z' })).id);
    for (const at of ['2026-11-21T08:00:00.000Z', '2026-11-15T08:00:00.000Z']) {
      expectProblem(await caller.post(out, { familyId, at }), 422, 'validation_failed', '/at');
    }
    const later = pathOf((await makeAnnouncement(caller, { publishedAt: '2026-11-21T08:00:00.000Z' })).id);
    expectProblem(await caller.post(later, { familyId }), 422, 'validation_failed', '/at');
  });

  it('is of a family and an announcement of its own municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const [announcement, family] = [await makeAnnouncement(caller), await makeFamily(caller)];
    for (const familyId of [randomUUID(), (await makeFamily(other)).id, announcement.id]) {
      const reply = await caller.post(pathOf(announcement.id), { familyId });
      expectProblem(reply, 422, 'unknown_reference', '/familyId');
    }
    for (const id of [randomUUID(), (await makeAnnouncement(other)).id, family.id, 'none']) {
      expectProblem(await caller.post(pathOf(id), { familyId: family.id }), 404, 'not_found');
      expectProblem(await caller.get(pathOf(id)), 404, 'not_found');
    }
  });

  it('is listed with its announcement by time, newest first, and by family', async () => {
    const caller = await livline.freshMunicipality();
    const { id: announcementId } = await makeAnnouncement(caller, { publishedAt: '2026-11-01T08:00:00.000Z' });
    const on = (day: string) => makeAcknowledgement(caller, { announcementId, at: `${day}T12:00:00.000Z` });
    const [middle, late, early] = [await on('2026-11-10'), await on('2026-11-19'), await on('2026-11-02')];
    const elsewhere = await makeAcknowledgement(caller);
    const list = async (query: Record<string, string>) => (await caller.get(pathOf(announcementId), query)).body.items;
    expect(await list({})).toEqual([late, middle, early]);
    expect(await list({ from: '2026-11-03', to: '2026-11-19' })).toEqual([middle]);
    expect(await list({ familyId: early.familyId })).toEqual([early]);
    expect(await list({ familyId: elsewhere.familyId })).toEqual([]);
  });

  it('by the wrong family is put right, and cannot be deleted', async () => {
    const caller = await livline.freshMunicipality();
    const { id: announcementId } = await makeAnnouncement(caller, { audience: { kinds: ['almen'] } });
    const { id, familyId } = await makeAcknowledgement(caller, { announcementId });
    const path = `${pathOf(announcementId)}/${id}`;
    const outside = await makeFamily(caller, { kind: 'specialiseret' });
    const refused = await caller.patch(path, { familyId: outside.id }, 1);
    expectProblem(refused, 422, 'validation_failed', '/familyId');
    const right = await makeFamily(caller);
    expect((await caller.patch(path, { familyId: right.id }, 1)).body.familyId).toBe(right.id);
    await makeAcknowledgement(caller, { announcementId, familyId });
    const taken = await caller.post(pathOf(announcementId), { familyId: right.id });
    expectProblem(taken, 409, 'already_exists');
    expectProblem(await caller.remove(path, 2), 405, 'method_not_allowed');
  });

  it('stands in the timeline of its family', async () => {
    const caller = await livline.freshMunicipality();
    const record = await makeAcknowledgement(caller);
    const { items } = (await caller.get(`/families/${record.familyId}/timeline`)).body;
    expect(items).toEqual([{ type: 'acknowledgements', at: record.at, record }]);
  });
});
