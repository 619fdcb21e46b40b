import { beforeAll, describe, expect, it } from 'vitest';
import { isRewriteEvent } from '#shared/record/event-names.ts';
import type { Fields } from '#shared/record/resource.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { aboutFamily } from '#test/support/about.ts';
import { sendSigned, signedBy } from '#test/support/case-system.ts';
import { type AnyRow, contentOf, rowsOf } from '#test/support/content.ts';
import { subscribe } from '#test/support/endpoints.ts';
import { APPROVAL, makeChild, makeConnection, makeErasure, makeFamily, makeLegalHold } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { plantedFields, remainderIn } from '#test/support/planted.ts';
import { expectProblem } from '#test/support/problems.ts';

/** A group and a course, which are about none of the families that take part in them. */
const SHARED = ['supervision-groups', 'courses'];
const OVER: Readonly<Record<string, Fields>> = {
  families: { approval: { ...APPROVAL, authority: 'SLETMIG' } },
  'concern-reports': { status: 'handed_over' },
};
const planting = (path: string): Fields => {
  const resource = RESOURCES.find((one) => one.path === path) as (typeof RESOURCES)[number];
  return { ...plantedFields(resource), ...OVER[path] };
};

let livline: Livline;
let at: Caller;
let familyId: string;
let erasure: AnyRow;
/** The ids of the family, of the records about it, one of which was deleted before. */
let ids: string[];
let sharedIds: string[];
/** The rows of both tables before and after the erasure. */
let before: AnyRow[];
let after: AnyRow[];

async function erased(caller: Caller, type: string, id: string): Promise<AnyRow> {
  const { id: erasureId } = await makeErasure(caller, { subject: { type, id } });
  await livline.lifecycle();
  livline.advance(61);
  await livline.lifecycle();
  return (await caller.get(`/erasures/${erasureId}`)).body;
}

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  await subscribe(livline, at, 'receiver', { types: ['*'] });
  const connection = await makeConnection(at);
  const about = await aboutFamily(at, planting);
  familyId = about.familyId;
  const plan = about.made.get('development-plans');
  // A record that was deleted before is in no list any more, and its events are there.
  const deletedId = about.made.get('progress').id;
  const progress = `/development-plans/${plan.id}/goals/${plan.goals[0].id}/progress/${deletedId}`;
  expect((await at.remove(progress, 1)).status).toBe(204);
  const callId = about.made.get('calls').id;
  for (const data of [
    { navn: 'GEMTNAVN', plejefamilie: { id: familyId } },
    { navn: 'GEMTNAVN', kilde: `https://sag.example.dk/opkald/${callId}` },
    { navn: 'GEMTNAVN', [familyId.toUpperCase()]: true },
  ])
    expect((await sendSigned(at, connection, { type: 'sag.noget', data })).status).toBe(202);
  const { version } = (await at.get(`/families/${familyId}`)).body;
  const closing = { status: 'closed', reason: 'GEMTNAVN' };
  expect((await at.status(`/families/${familyId}`, version, closing)).status).toBe(200);
  await livline.relay();
  before = await contentOf(livline.store);
  sharedIds = SHARED.map((path) => about.made.get(path).id);
  ids = [familyId, ...[...about.made.values()].map(({ id }) => id)];
  erasure = await erased(at, 'family', familyId);
  after = await contentOf(livline.store);
});

/** How many rows of each kind say something of the family, as somebody finds them who reads the whole table. */
function found(rows: readonly AnyRow[]): Record<string, number> {
  const ours = rows.filter(({ pk }) => String(pk).startsWith(`T#${at.code}#`));
  const events = ours.filter(({ type, objectId }) => type === 'event' && ids.includes(objectId));
  const viewOf = ({ view }: AnyRow) => JSON.parse(view);
  const eventIds = events.map(({ eventId }) => eventId);
  const many = (wanted: (row: AnyRow) => boolean) => ours.filter(wanted).length;
  const counts = {
    records: many(({ pk, sk }) => sk === 'A' && ids.some((id) => pk.endsWith(`#R#${id}`))),
    events: events.length,
    history: events.filter(({ name }) => !isRewriteEvent(name)).length,
    access_log: many(({ pk }) => ids.some((id) => pk.endsWith(`#A#${id}`))),
    messages: many((row) => row['type'] === 'inbox' && row['sk'] === 'A'),
    deliveries: many((row) => row['type'] === 'delivery' && eventIds.includes(viewOf(row).eventId)),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('after the erasure of a family', () => {
  it('no row of either table holds a value, an alias, an external id or a case number that was planted about it', () => {
    const isShared = (row: string) =>
      sharedIds.some((id) => row.includes(id)) || /external#(?:courses|super)/.test(row);
    const mine = (rows: readonly AnyRow[]) => remainderIn(rows, at.code, ids).filter((row) => !isShared(row));
    expect(mine(before).length).toBeGreaterThan(50);
    expect(mine(before).filter((row) => row.startsWith('event ')).length).toBeGreaterThan(15);
    expect(mine(after)).toEqual([]);
  });

  it('what is left is listed by its erasure as the table has it', () => {
    expect(erasure).toMatchObject({ status: 'completed', kept: 0 });
    const { left } = erasure as { left: { where: string; count: number; what: string }[] };
    expect(Object.fromEntries(left.map(({ where, count }) => [where, count]))).toEqual(found(after));
    expect(Object.keys(found(after))).toEqual(['records', 'events', 'history', 'access_log', 'messages', 'deliveries']);
    for (const { what } of left) expect(what).toMatch(/^[A-Z].+\.$/);
  });

  it('each message that named it, or a record about it, in any field has no payload', async () => {
    const { items } = (await at.get('/inbox')).body;
    expect(items).toHaveLength(3);
    for (const { id } of items) expect((await at.get(`/inbox/${id}`)).body).not.toHaveProperty('payload');
  });

  it('the feed and the deliveries that were still waiting have its events without case numbers', async () => {
    await livline.relay();
    const { items } = (await at.get('/events', { limit: '200' })).body;
    const own = items.filter(({ data }: AnyRow) => ids.includes(data.objectId) && !sharedIds.includes(data.objectId));
    expect(own.length).toBeGreaterThan(20);
    for (const { data } of own) expect(data).not.toHaveProperty('caseRefs');
    const shared = items.filter(({ data }: AnyRow) => sharedIds.includes(data.objectId));
    for (const { data } of shared) expect(data.caseRefs).toHaveLength(1);
    livline.posts.length = 0;
    await livline.deliverAll();
    const posted = livline.posts.filter(({ body }) => !sharedIds.some((id) => body.includes(id)));
    expect(posted.some(({ body }) => body.includes(familyId))).toBe(true);
    expect(JSON.stringify(posted)).not.toMatch(/sletmig/i);
  });

  it('the history is verified', async () => {
    await livline.relay();
    expect((await at.get('/audit/verify')).body).toMatchObject({ verified: true });
  });
});

describe('a message that names a child who is erased', () => {
  it('keeps its payload while it names somebody who is held', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeChild(caller), await makeChild(caller)];
    await makeLegalHold(caller, { subject: { type: 'child', id: other.id } });
    const data = { children: [one.id, other.id] };
    await sendSigned(caller, await makeConnection(caller), { type: 'sag.noget', data });
    await erased(caller, 'child', one.id);
    const [message] = (await caller.get('/inbox')).body.items;
    expect((await caller.get(`/inbox/${message.id}`)).body.payload).toContain(one.id);
  });
});

describe('a message', () => {
  it('remembers the ids that it names, each once, in whatever spelling', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeFamily(caller), await makeFamily(caller)];
    const raw = `{"type":"sag.noget","data":{"objectId":"${one.id}","a":"${one.id}","b":"\\u0030${other.id.slice(1)}","b":"x","c":"${other.id}"}}`;
    const { id, secret } = await makeConnection(caller);
    await caller.inbox(id, { raw, headers: signedBy(secret, raw, { at: caller.now() }) });
    const [{ view }] = (await rowsOf(livline.store, caller.code, 'inbox')).filter(({ sk }) => sk === 'A') as [AnyRow];
    expect(view).toMatchObject({ objectId: one.id, mentions: [other.id] });
  });

  it('is refused where it names more ids than can be remembered', async () => {
    const caller = await livline.freshMunicipality();
    const connection = await makeConnection(caller);
    const idsOf = (count: number) =>
      Array.from({ length: count }, (_, at) => `01930000-0000-7000-8000-${String(at).padStart(12, '0')}`);
    expect((await sendSigned(caller, connection, { type: 'sag.noget', data: idsOf(50) })).status).toBe(202);
    const refused = await sendSigned(caller, connection, { type: 'sag.noget', data: idsOf(51) });
    expectProblem(refused, 422, 'validation_failed', '');
  });
});
