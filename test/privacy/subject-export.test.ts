import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fields } from '#shared/record/resource.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { aboutChild, aboutFamily } from '#test/support/about.ts';
import {
  makeCall,
  makeChild,
  makeConcernReport,
  makeConsultant,
  makeFamily,
  makePlacement,
  makeSession,
  makeShift,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';
import { pathOf } from '#test/support/records.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

type Item = { readonly type: string; readonly record: Fields & { readonly id: string } };

/** What the export shows beside the own record, over all of its pages. */
const exported = async (caller: Caller, id: string, limit = 50): Promise<Item[]> =>
  (await pages(caller, `/subjects/${id}/export`, { limit: String(limit) })).flat() as never;
const idsOf = (items: readonly Item[]) => items.map(({ record }) => record.id).sort();

/** A record as its own collection shows it to this caller. */
async function asShown(caller: Caller, { type, record }: Item): Promise<Reply['body']> {
  const resource = RESOURCES.find(({ path }) => path === type);
  if (!resource) throw new Error(`There is no collection ${type}`);
  return (await caller.get(pathOf(resource, record))).body;
}

describe('the export of a subject', () => {
  it('has every record about a family, of each kind there is, as a read of it shows it', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, made } = await aboutFamily(caller);
    await makeCall(caller);
    const items = await exported(caller, familyId);
    expect(idsOf(items)).toEqual([...made.values()].map(({ id }) => id).sort());
    for (const item of items) expect(item.record, item.type).toEqual(await asShown(caller, item));
    const { subject } = (await caller.get(`/subjects/${familyId}/export`)).body;
    expect(subject).toEqual({ type: 'families', record: (await caller.get(`/families/${familyId}`)).body });
  });

  it('has every record about a child, and what is about its family alone is not in it', async () => {
    const caller = await livline.freshMunicipality();
    const { childId, familyId, made } = await aboutChild(caller);
    // Of a child, the approval of a network family holds the id alone; and a visit names it through its placement.
    const named = RESOURCES.filter(({ references = {} }) => Object.values(references).flat().includes('children'));
    const naming = named.map(({ path }) => path).filter((path) => path !== 'families');
    expect([...made.keys()].sort()).toEqual([...naming, 'visits'].sort());
    await makeCall(caller, { familyId, note: 'Familiens' });
    const items = await exported(caller, childId);
    expect(idsOf(items)).toEqual([...made.values()].map(({ id }) => id).sort());
    for (const item of items) {
      const { age: _, party: __, ...shown } = await asShown(caller, item);
      expect(item.record, item.type).toEqual(shown);
    }
  });

  it('has the shifts of a consultant or a staff member, and not what it wrote about families', async () => {
    const caller = await livline.freshMunicipality();
    for (const { id } of [await makeConsultant(caller, { phone: '70605040' }), await makeStaff(caller)]) {
      const shift = await makeShift(caller, { staffId: id });
      await makeShift(caller);
      expect(idsOf(await exported(caller, id))).toEqual([shift.id]);
    }
  });

  it('is in pages, newest first in each of its lists, with nothing twice and nothing left out', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const calls = [];
    for (const day of ['01', '02', '03', '04', '05'])
      calls.push(await makeCall(caller, { familyId, receivedAt: `2026-11-${day}T08:00:00.000Z` }));
    const report = await makeConcernReport(caller, { source: { type: 'call', id: calls[0].id } });
    for (const limit of [1, 2, 3, 5, 7]) {
      const seen = (await exported(caller, familyId, limit)).map(({ record }) => record.id);
      expect(seen, `pages of ${limit}`).toEqual([...calls.toReversed().map(({ id }) => id), report.id]);
    }
    const { headers, body } = await caller.get(`/subjects/${familyId}/export`, { limit: '2' });
    expect(headers['link']).toContain(encodeURIComponent(body.nextCursor));
  });

  it('has pages that an answer can hold, however long its records are', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const addenda = Array.from({ length: 65 }, () => ({ at: '2026-11-20T08:30:00.000Z', text: 'x'.repeat(4_000) }));
    const made = [];
    for (let nth = 0; nth < 14; nth += 1) made.push(await makeSession(caller, { familyId, addenda }));
    const seen = await pages(caller, `/subjects/${familyId}/export`);
    expect(seen[0]?.length).toBeLessThan(made.length);
    expect(idsOf(seen.flat() as never)).toEqual(made.map(({ id }) => id).sort());
  });

  it('shows what only its writer may see to the organisation that wrote it', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [municipality.code]))(municipality.code);
    const { familyId } = await makeSession(carelink, { reflection: 'Kun os', summary: 'Referat' });
    const [theirs] = await exported(carelink, familyId);
    expect(theirs?.record).toMatchObject({ reflection: 'Kun os', summary: 'Referat' });
    const [ours] = await exported(municipality, familyId);
    expect(ours?.record).toMatchObject({ summary: 'Referat' });
    expect(ours?.record).not.toHaveProperty('reflection');
  });

  it('needs the scopes privacy:read and sensitive:read', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, { cpr: '620114-4321' });
    const path = `/subjects/${id}/export`;
    for (const scopes of [['privacy:read'], ['sensitive:read'], ['children:read', 'audit:read']])
      expectProblem(await caller.withScopes(...scopes).get(path), 403, 'forbidden');
    const { body } = await caller.withScopes('privacy:read', 'sensitive:read').get(path);
    expect(body.subject.record.cpr).toBe('6201144321');
  });

  it('is in the access log before it is shown: each page, and what each record shows', async () => {
    const caller = await livline.freshMunicipality();
    const { id, childId } = await makePlacement(caller, { keptRelations: ['Mormor'] });
    const path = `/subjects/${childId}/export`;
    await caller.send('GET', path, { headers: { 'x-access-purpose': 'data_subject_request' } });
    const { items } = (await caller.get('/access-log', { subject: childId })).body;
    expect(items.map(({ what, fields, purpose }: Fields) => ({ what, fields, purpose }))).toEqual(
      expect.arrayContaining([
        { what: { type: 'subject-export', id: childId }, fields: [], purpose: 'data_subject_request' },
        { what: { type: 'placement', id }, fields: ['keptRelations'], purpose: 'data_subject_request' },
      ]),
    );
    expectProblem(await livline.cutOff('sending', 'PutItem', () => caller.get(path)), 500, 'internal_error');
  });

  it('is of a person or household of the municipality alone', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const call = await makeCall(caller);
    for (const id of [randomUUID(), (await makeFamily(other)).id, call.id, 'x'])
      expectProblem(await caller.get(`/subjects/${id}/export`), 404, 'not_found');
  });

  it('opens with no cursor of another subject', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeFamily(caller), await makeFamily(caller)];
    for (const { id } of [one, other]) for (const _ of [1, 2]) await makeCall(caller, { familyId: id });
    const { nextCursor } = (await caller.get(`/subjects/${one.id}/export`, { limit: '1' })).body;
    const reply = await caller.get(`/subjects/${other.id}/export`, { limit: '1', cursor: nextCursor });
    expectProblem(reply, 422, 'invalid_cursor');
  });
});
