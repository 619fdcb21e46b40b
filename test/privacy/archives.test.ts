import { beforeAll, describe, expect, it } from 'vitest';
import { stewardContext } from '#shared/auth/system.ts';
import type { Fields } from '#shared/record/resource.ts';
import { archiveKey } from '#shared/table/keys.ts';
import { controlTable } from '#shared/tenancy/control.ts';
import { loadMunicipality } from '#shared/tenancy/municipality-row.ts';
import { plusMonths } from '#shared/time.ts';
import { makeCall, makeErasure, makeFamily, makeSession } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const DAY_S = 86_400;
const CLOSED = { status: 'closed', statusReason: 'Flyttet' };

/** The rounds in which what is due is erased. */
async function rounds(): Promise<void> {
  for (const _ of [1, 2, 3]) {
    await livline.lifecycle();
    livline.advance(61);
  }
}

/** A municipality with the archive of a family, of which a partner wrote a session. */
async function withArchive(settings: Fields = {}) {
  const caller = await livline.freshMunicipality();
  if (Object.keys(settings).length > 0) expect((await caller.patch('/settings', settings, 1)).status).toBe(200);
  livline.advance(61);
  const partner = (await livline.freshPartner(`partner-${caller.code}`, [caller.code]))(caller.code);
  const { id: familyId } = await makeFamily(caller, { ...CLOSED, alias: 'Familien ved åen', outsideWork: 'Smed' });
  const call = await makeCall(caller, { familyId, note: 'Ringede om natten' });
  const session = await makeSession(partner, { familyId, reflection: 'Partnerens egne ord' });
  const { id } = await makeErasure(caller, { subject: { type: 'family', id: familyId }, cause: 'retention' });
  await rounds();
  return { caller, partner, familyId, call, session, id };
}

const objectOf = ({ code }: Caller, familyId: string) => livline.objects.get(`archive/${code}/${familyId}.ndjson`);
/** The row of the archive's key. */
async function keyOf({ code }: Caller, familyId: string) {
  const store = livline.storeOf('lifecycle');
  const { tenant } = await loadMunicipality(controlTable(store), code);
  return stewardContext(store, tenant, 'test-request', livline.now()).allRows.get(archiveKey(familyId));
}
const itemsOf = async (caller: Caller): Promise<Fields[]> => (await caller.get('/archives')).body.items;
const archiveIn = async (caller: Caller, id: string) => (await caller.get(`/erasures/${id}`)).body.archive;
const entriesOf = async (caller: Caller, id: string): Promise<Fields[]> =>
  (await caller.get('/access-log', { subject: id })).body.items;
const recordIn = (items: readonly { record: Fields }[], id: string) =>
  items.find(({ record }) => record['id'] === id)?.record;

describe('the list of archives', () => {
  it('shows what a retention archived by ids, counts and times alone, with when it expires', async () => {
    const { caller, familyId, id } = await withArchive();
    const items = await itemsOf(caller);
    expect(items).toEqual([
      {
        id,
        subject: { type: 'family', id: familyId },
        records: 3,
        sha256: expect.stringMatching(/^[\da-f]{64}$/),
        archivedAt: expect.any(String),
        expiresAt: plusMonths(String(items[0]?.['archivedAt']), 60),
      },
    ]);
  });

  it('goes on by its cursor', async () => {
    const { caller } = await withArchive();
    const { id: another } = await makeFamily(caller, CLOSED);
    await makeErasure(caller, { subject: { type: 'family', id: another }, cause: 'retention' });
    await rounds();
    const { body: first } = await caller.get('/archives', { limit: '1' });
    const { body: second } = await caller.get('/archives', { limit: '1', cursor: first.nextCursor });
    expect([first, second].map(({ items }) => items.length)).toEqual([1, 1]);
    expect(second.items[0].subject.id).toBe(another);
    expectProblem(await caller.get('/archives', { cursor: 'made-up' }), 422, 'invalid_cursor');
  });

  it('has no archive of an erasure that is not completed, nor of one that a person asked for', async () => {
    const caller = await livline.freshMunicipality();
    const [open, asked] = [await makeFamily(caller, CLOSED), await makeFamily(caller, CLOSED)];
    await makeErasure(caller, { subject: { type: 'family', id: asked.id } });
    await rounds();
    const pending = await makeErasure(caller, { subject: { type: 'family', id: open.id }, cause: 'retention' });
    expect(await itemsOf(caller)).toEqual([]);
    expectProblem(await caller.get(`/archives/${pending.id}`), 404, 'not_found');
  });
});

describe('an archive', () => {
  it('shows its records whole to a client that may read sensitive fields, and enters that under the person before', async () => {
    const { caller, familyId, call, session, id } = await withArchive();
    const headers = { 'x-access-purpose': 'audit', 'x-access-person': 'dpo-1' };
    const { status, body } = await caller.send('GET', `/archives/${id}`, { headers });
    expect(status).toBe(200);
    expect(body.archive).toMatchObject({ id, records: 3 });
    expect(recordIn(body.items, familyId)).toMatchObject({ alias: 'Familien ved åen', outsideWork: 'Smed' });
    expect(recordIn(body.items, call.id)).toMatchObject({ note: 'Ringede om natten' });
    expect(recordIn(body.items, session.id)).toBeDefined();
    const fresh = (await entriesOf(caller, familyId)).filter(({ purpose }) => purpose === 'audit');
    expect(fresh.length).toBeGreaterThan(2);
    for (const entry of fresh)
      expect(entry).toMatchObject({ what: { type: 'archive' }, purpose: 'audit', person: 'dpo-1' });
    expect(fresh.flatMap((entry) => entry['fields'])).toEqual(expect.arrayContaining(['outsideWork', 'note']));
  });

  it('shows an SS field to the organisation that wrote it, and to no other', async () => {
    const { caller, partner, session, id } = await withArchive();
    const own = (await partner.get(`/archives/${id}`)).body.items;
    expect(recordIn(own, session.id)).toMatchObject({ reflection: 'Partnerens egne ord' });
    const { text, body } = await caller.get(`/archives/${id}`);
    expect(recordIn(body.items, session.id)).not.toHaveProperty('reflection');
    expect(text).not.toContain('Partnerens egne ord');
  });

  it('is read by pages, each of which is an access', async () => {
    const { caller, familyId, id } = await withArchive();
    const seen: string[] = [];
    let cursor: string | undefined;
    const before = (await entriesOf(caller, familyId)).length;
    do {
      const { body } = await caller.get(`/archives/${id}`, { limit: '1', ...(cursor && { cursor }) });
      seen.push(...body.items.map(({ record }: { record: Fields }) => record['id']));
      cursor = body.nextCursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(3);
    expect(seen).toHaveLength(3);
    expect((await entriesOf(caller, familyId)).length).toBeGreaterThanOrEqual(before + 3);
  });

  it('is read with the scopes privacy:read and sensitive:read alone, and in its municipality alone', async () => {
    const { caller, id } = await withArchive();
    for (const scope of ['privacy:read', 'sensitive:read'])
      expectProblem(await caller.withScopes(scope).get(`/archives/${id}`), 403, 'forbidden');
    expectProblem(await caller.withScopes('privacy:read').send('DELETE', `/archives/${id}`), 403, 'forbidden');
    const elsewhere = await livline.freshMunicipality();
    expectProblem(await elsewhere.get(`/archives/${id}`), 404, 'not_found');
    expectProblem(await elsewhere.send('DELETE', `/archives/${id}`), 404, 'not_found');
    expect(await itemsOf(elsewhere)).toEqual([]);
  });

  it('is not shown where the municipality asks for a purpose and none is stated', async () => {
    const { caller, id } = await withArchive({ requirePurpose: true });
    const refused = await caller.get(`/archives/${id}`);
    expectProblem(refused, 422, 'validation_failed', '/header/x-access-purpose');
    const stated = await caller.send('GET', `/archives/${id}`, { headers: { 'x-access-purpose': 'audit' } });
    expect(stated.status).toBe(200);
  });

  it('shows nothing where its object was altered or exchanged', async () => {
    const { caller, familyId, id } = await withArchive();
    const object = objectOf(caller, familyId)?.toString() ?? '';
    const bucket = livline.leaving.buckets(caller.code, 'archive');
    await bucket.put(`${familyId}.ndjson`, object.split('\n').slice(1).join('\n'), 'application/x-ndjson');
    expect((await caller.get(`/archives/${id}`)).status).toBe(500);
  });
});

describe('an archive that is deleted', () => {
  it('is read no more from then on, and its object and its key are gone after a round', async () => {
    const { caller, familyId, id } = await withArchive();
    expect((await caller.send('DELETE', `/archives/${id}`)).status).toBe(204);
    expectProblem(await caller.get(`/archives/${id}`), 404, 'not_found');
    expectProblem(await caller.send('DELETE', `/archives/${id}`), 404, 'not_found');
    expect(await itemsOf(caller)).toEqual([]);
    expect(await archiveIn(caller, id)).toMatchObject({ status: 'deleting' });
    expect(objectOf(caller, familyId)).toBeDefined();
    await livline.lifecycle();
    expect(objectOf(caller, familyId)).toBeUndefined();
    expect(await keyOf(caller, familyId)).toMatchObject({ droppedAt: expect.any(String) });
    expect(await keyOf(caller, familyId)).not.toHaveProperty('wrapped');
    expect(await archiveIn(caller, id)).toMatchObject({ status: 'deleted', endedAt: expect.any(String) });
    const again = await livline.requestsOf(() => livline.lifecycle());
    const written = again.filter(
      ({ command, input }) => /Put|Transact/.test(command) && JSON.stringify(input).includes(id),
    );
    expect(written).toEqual([]);
  });

  it('is changed in its erasure by the client that deletes it, and then by the system that removes it', async () => {
    const { caller, id } = await withArchive();
    await caller.send('DELETE', `/archives/${id}`);
    const changedBy = async () => (await caller.get(`/erasures/${id}`)).body.updatedBy;
    expect(await changedBy()).toBe(caller.clientId);
    await livline.lifecycle();
    expect(await changedBy()).toBe('livline');
  });

  it('is deleted once where two ask at the same instant', async () => {
    const { caller, id } = await withArchive();
    const replies = await Promise.all([1, 2].map(() => caller.send('DELETE', `/archives/${id}`)));
    expect(replies.map(({ status }) => status).toSorted()).toEqual([204, 404]);
  });
});

describe('an archive whose time is over', () => {
  it('is read until the months of the setting are over, and then no more, also before the round that removes it', async () => {
    const { caller, familyId, id } = await withArchive({ archiveMonths: 1 });
    livline.advance(27 * DAY_S);
    await livline.lifecycle();
    expect((await caller.get(`/archives/${id}`)).status).toBe(200);
    livline.advance(5 * DAY_S);
    expectProblem(await caller.get(`/archives/${id}`), 404, 'not_found');
    expect(await itemsOf(caller)).toEqual([]);
    await livline.lifecycle();
    expect(objectOf(caller, familyId)).toBeUndefined();
    expect(await keyOf(caller, familyId)).toMatchObject({ droppedAt: expect.any(String) });
    expect(await archiveIn(caller, id)).toMatchObject({ status: 'expired', endedAt: expect.any(String) });
  });

  it('keeps the months that the setting had when it was archived', async () => {
    const { caller, id } = await withArchive({ archiveMonths: 24 });
    await caller.patch('/settings', { archiveMonths: null }, 2);
    const { archivedAt, expiresAt } = await archiveIn(caller, id);
    expect(expiresAt).toBe(plusMonths(archivedAt, 24));
  });

  it.each([
    ['sending', 'PutItem'],
    ['answer', 'PutItem'],
    ['sending', 'TransactWriteItems'],
    ['answer', 'TransactWriteItems'],
  ] as const)('is ended by the next round where a round dies at the %s of its %s', async (point, command) => {
    const { caller, familyId, id } = await withArchive();
    await caller.send('DELETE', `/archives/${id}`);
    await livline.killedAt(point, command, () => livline.lifecycle().catch(() => undefined));
    expectProblem(await caller.get(`/archives/${id}`), 404, 'not_found');
    await livline.lifecycle();
    expect(objectOf(caller, familyId)).toBeUndefined();
    expect(await keyOf(caller, familyId)).not.toHaveProperty('wrapped');
    expect(await archiveIn(caller, id)).toMatchObject({ status: 'deleted' });
  });

  it('is ended though its object was removed before', async () => {
    const { caller, familyId, id } = await withArchive();
    await caller.send('DELETE', `/archives/${id}`);
    await livline.leaving.buckets(caller.code, 'archive').delete(`${familyId}.ndjson`);
    await livline.lifecycle();
    expect(await archiveIn(caller, id)).toMatchObject({ status: 'deleted' });
  });
});
