import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '#shared/resources/registry.ts';
import {
  makeAffiliation,
  makeApprovedFamily,
  makeCall,
  makeFamily,
  makeGroup,
  makeSession,
} from '#test/support/examples.ts';
import { type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { makeOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

interface Entry {
  readonly type: string;
  readonly at: string;
  readonly record: { readonly id: string };
}

/** How a record names a family where it is not by its `familyId`, given what is about the family already. */
const namesFamily: Readonly<
  Record<string, (familyId: string, made: ReadonlyMap<string, Reply['body']>) => Readonly<Record<string, unknown>>>
> = {
  visits: (_, made) => ({ placementId: made.get('placements').id }),
  'supervision-groups': (familyId) => ({ familyIds: [familyId] }),
  courses: (familyId) => ({ status: 'held', attendance: [{ familyId, hours: 6 }] }),
  'development-plans': (familyId) => ({ familyId, status: 'agreed' }),
  progress: (_, made) => ({
    planId: made.get('development-plans').id,
    goalId: made.get('development-plans').goals[0].id,
  }),
  actions: (familyId) => ({ about: { type: 'family', id: familyId } }),
};

describe("a family's timeline", () => {
  it('is everything about the family, newest first, without what is sensitive', async () => {
    const caller = await livline.freshMunicipality();
    const [family, other] = [await makeFamily(caller), await makeFamily(caller)];
    const familyId = family.id;
    const call = await makeCall(caller, { familyId, receivedAt: '2026-11-18T20:00:00.000Z', note: 'Hemmeligt' });
    await makeCall(caller, { familyId: other.id });
    await makeCall(caller);
    const group = await makeGroup(caller, { familyIds: [other.id, familyId] });
    const attendance = [{ familyId, present: true }];
    const held = await makeSession(caller, { groupId: group.id, attendance, summary: 'Hemmeligt', status: 'held' });
    const alone = await makeSession(caller, { familyId, at: '2026-11-01T09:00:00.000Z' });
    await makeSession(caller, { groupId: group.id, attendance: [{ familyId: other.id, present: true }] });
    const affiliation = await makeAffiliation(caller, { familyId, from: '2026-01-01' });

    const { body } = await caller.get(`/families/${familyId}/timeline`);
    expect(body).toEqual({
      items: [
        { type: 'supervision-groups', at: group.createdAt, record: group },
        { type: 'supervision-sessions', at: '2026-11-19T08:00:00.000Z', record: held },
        { type: 'calls', at: '2026-11-18T20:00:00.000Z', record: call },
        { type: 'supervision-sessions', at: '2026-11-01T09:00:00.000Z', record: alone },
        // What holds from a day on stands where it began, at Danish midnight.
        { type: 'affiliations', at: '2025-12-31T23:00:00.000Z', record: affiliation },
      ],
    });
    expect(JSON.stringify(body)).not.toContain('Hemmeligt');
  });

  it('has a place for each kind of record that is about a family', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeApprovedFamily(caller);
    const kinds = RESOURCES.filter(({ about, edges = {} }) => about || 'familyId' in edges).map(({ path }) => path);
    const made = new Map<string, Reply['body']>();
    for (const path of kinds) {
      const fields = namesFamily[path]?.(familyId, made) ?? { familyId };
      made.set(path, await makeOf(path, caller, fields));
    }
    const { items } = (await caller.get(`/families/${familyId}/timeline`)).body;
    const told = new Map(items.map(({ type, record }: Entry) => [type, record]));
    expect(items).toHaveLength(kinds.length);
    expect(told).toEqual(made);
    const times = items.map(({ at }: Entry) => at);
    expect(times).toEqual(times.toSorted().toReversed());
    for (const at of times) expect(at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
  });

  it('comes one page at a time', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const times = ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04', '2026-11-05'];
    for (const day of times) await makeCall(caller, { familyId, receivedAt: `${day}T12:00:00.000Z` });
    const seen: Entry[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: '2', ...(cursor !== undefined && { cursor }) };
      const { body } = await caller.get(`/families/${familyId}/timeline`, query);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items);
      cursor = body.nextCursor;
    } while (cursor !== undefined);
    expect(seen.map(({ at }) => at.slice(0, 10))).toEqual(times.toReversed());
  });

  it('shows a record as it stands now, and no more once it is about another family', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeFamily(caller), await makeFamily(caller)];
    const call = await makeCall(caller, { familyId: one.id });
    const timeline = async (id: string) => (await caller.get(`/families/${id}/timeline`)).body.items as Entry[];
    await caller.status(`/calls/${call.id}`, 1, { status: 'missed' });
    expect(await timeline(one.id)).toMatchObject([{ record: { id: call.id, status: 'missed', version: 2 } }]);
    await caller.patch(`/calls/${call.id}`, { familyId: other.id }, 2);
    expect(await timeline(one.id)).toEqual([]);
    expect(await timeline(other.id)).toHaveLength(1);
    const { id: groupId } = await makeGroup(caller, { familyIds: [one.id] });
    expect(await timeline(one.id)).toHaveLength(1);
    await caller.patch(`/supervision-groups/${groupId}`, { familyIds: [] }, 1);
    expect(await timeline(one.id)).toEqual([]);
  });

  it('of a family that does not exist here is not found', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const call = await makeCall(caller);
    for (const id of [randomUUID(), (await makeFamily(other)).id, call.id, 'x']) {
      expectProblem(await caller.get(`/families/${id}/timeline`), 404, 'not_found');
    }
  });

  it('is shown only to who may read all that it shows', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const needed = [
      'families:read',
      'placements:read',
      'support:read',
      'helpline:read',
      'supervision:read',
      'courses:read',
      'plans:read',
      'programmes:read',
    ];
    for (const missing of needed) {
      const less = caller.withScopes(...needed.filter((scope) => scope !== missing));
      expectProblem(await less.get(`/families/${id}/timeline`), 403, 'forbidden');
    }
    expect((await caller.withScopes(...needed).get(`/families/${id}/timeline`)).status).toBe(200);
  });
});
