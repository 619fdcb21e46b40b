import { randomUUID } from 'node:crypto';
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { deliverQueue } from '#functions/deliver/app.ts';
import { relayStream } from '#functions/relay/app.ts';
import type { Template } from '#infra/local/table.ts';
import { externalName } from '#shared/record/guards.ts';
import { families } from '#shared/resources/families.ts';
import {
  accessPartition,
  answerKey,
  deliveryKey,
  encodeKey,
  endpointHealthKey,
  eventKey,
  type IndexName,
  type Key,
  ledgerKey,
  lockKey,
  PERSON_KEYS,
  personKey,
  recordKey,
  type Segments,
  sequenceKey,
} from '#shared/table/keys.ts';
import type { Store } from '#shared/table/store.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { TYPICAL_FAMILY } from './typical-family.ts';
import { entryOf, type Index, type Item, indexesOf, meterOf, readUnits, type Units, writeUnits } from './units.ts';

/** A municipality that has a database and one client, and nothing in its record. */
export interface Plant {
  readonly store: Store;
  /** The table as relay and deliver reach it, where each has a role of its own. */
  readonly storeOf?: (name: 'relay' | 'deliver') => Store;
  readonly template: Template;
  readonly code: string;
  readonly now: () => Date;
  /** Sends a request of the client. Throws unless it is answered with 2xx. */
  readonly send: (
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; query?: Record<string, string> },
  ) => Promise<{ readonly id: string; readonly items?: readonly unknown[] }>;
}

/** What one operation cost, and the least that its guarantee can cost. */
export interface UnitCase {
  readonly operation: string;
  readonly units: Units;
  readonly least: Pick<Units, 'read' | 'write'>;
}

/** A row that a change must write, and the index entries it must write with it: a name stands twice for one that moves. */
interface Written {
  readonly row: Item;
  readonly entries: readonly IndexName[];
}

/** Entries of a family: the list, each of its three filters, its case, and what has changed. */
const FAMILY_ENTRIES = ['list', 'filter1', 'filter2', 'filter3', 'changed', 'case'] as const;
/** A change moves its entry among those. */
const CHANGED_ENTRIES = [...FAMILY_ENTRIES, 'changed'] as const;
/** Entries of its standing: all families, those that need attention, those without a consultant, those with a free place. */
const STANDING_ENTRIES = ['list', 'filter1', 'filter2', 'filter3'] as const;

/**
 * Puts the ordinary operations through, one after another, and counts each. The least is worked out from the rows that
 * are there afterwards: two units for each KB of a row in a transaction, one for each KB of a row by itself and of an
 * index entry that a list or a reader needs, and no row, entry or read besides.
 */
export async function measureUnits(plant: Plant): Promise<UnitCase[]> {
  const { store, code, send } = plant;
  const meter = await meterOf(store, code, plant.template);
  const inside = store.tenantClient(code);
  const indexes = new Map(indexesOf(plant.template).map((index) => [index.name, index]));

  const rowOf = async ({ pk, sk }: Key): Promise<Item> => {
    const Key = { pk: encodeKey(['T', code, ...pk]), sk: encodeKey(sk) };
    const TableName = pk[0] === PERSON_KEYS ? store.keysTableName : store.tableName;
    const { Item } = await inside.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
    if (!Item) throw new Error(`There is no row ${Key.pk}`);
    return Item;
  };
  const newestIn = async (partition: Segments): Promise<Item> => {
    const { Items = [] } = await inside.send(
      new QueryCommand({
        TableName: store.tableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': encodeKey(['T', code, ...partition]) },
        ScanIndexForward: false,
        Limit: 1,
      }),
    );
    const [item] = Items;
    if (!item) throw new Error(`There is no row in ${partition}`);
    return item;
  };
  /** The rows beside a record: here, one for each telephone number that it is looked up by. */
  const edgesOf = async (id: string): Promise<Item[]> => {
    const { Items = [] } = await inside.send(
      new QueryCommand({
        TableName: store.tableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :edge)',
        ExpressionAttributeValues: { ':pk': encodeKey(['T', code, ...recordKey(id).pk]), ':edge': 'E#' },
      }),
    );
    return Items;
  };
  const entriesCost = ({ row, entries }: Written): number =>
    entries.reduce((sum, name) => sum + writeUnits(entryOf(indexes.get(name) as Index, row)), 0);
  /** Rows written together, all or none. */
  const together = (...rows: readonly Written[]): number =>
    rows.reduce((sum, written) => sum + 2 * writeUnits(written.row) + entriesCost(written), 0);
  const alone = (written: Written): number => writeUnits(written.row) + entriesCost(written);

  /** A family as it is stored, and the event of its last change. */
  const stored = async (id: string): Promise<{ record: Item; event: Item }> => {
    const record = await rowOf(recordKey(id));
    return { record, event: await rowOf(eventKey(record['lastEvent'] as string)) };
  };
  const commit = ({ record, event }: { record: Item; event: Item }, entries: readonly IndexName[] = CHANGED_ENTRIES) =>
    together({ row: record, entries }, { row: event, entries: ['due'] });
  /**
   * A new family is there with its standing, on which what is to hold about it is checked, what it is looked up by, and
   * the key that seals what is said of it: one row of the table of keys, which has no index, two units.
   */
  const founded = async (id: string, rows: { record: Item; event: Item }) => {
    const standing = await rowOf(ledgerKey('family', id));
    const entries = STANDING_ENTRIES.filter((name) => entryOf(indexes.get(name) as Index, standing));
    const edges = (await edgesOf(id)).map((row): Written => ({ row, entries: ['list'] }));
    const key = { row: await rowOf(personKey(id)), entries: [] };
    return commit(rows, FAMILY_ENTRIES) + together({ row: standing, entries }, key, ...edges);
  };

  const cases: UnitCase[] = [];
  const add = (operation: string, units: Units, read: number, write: number) =>
    cases.push({ operation, units, least: { read, write } });

  // Client, grant, municipality and the day of the last use, which is missing and then written.
  const first = await meter(() => send('GET', '/families', { query: { limit: '1' } }));
  const context =
    'a client’s first of the day: an empty list, with the context and the lease that are kept for a minute';
  add(context, first.units, 4 + readUnits([], false), 2);

  const created = await meter(() => send('POST', '/families', { body: TYPICAL_FAMILY }));
  const { id } = created.result;
  const atFirst = await stored(id);
  add('create', created.units, 0, await founded(id, atFirst));

  const got = await meter(() => send('GET', `/families/${id}`));
  const entry = await newestIn(accessPartition(id));
  // Its place among all entries is what the chain of the log is made of, and it stands in the list of the actor.
  const shown = alone({ row: entry, entries: ['list', 'about'] });
  add('get, with the entry that its sensitive fields were shown', got.units, readUnits([atFirst.record], true), shown);

  const patched = await meter(() =>
    send('PATCH', `/families/${id}`, { body: { capacity: 3 }, headers: { 'if-match': '"1"' } }),
  );
  const atSecond = await stored(id);
  // The check that no legal hold is on the family, in the shared row of its person, which is not there: two units.
  const unheld = 2 * writeUnits(undefined);
  add('patch', patched.units, readUnits([atFirst.record], true), commit(atSecond) + unheld);

  const unchanged = await meter(() =>
    send('PATCH', `/families/${id}`, { body: { capacity: 3 }, headers: { 'if-match': '"2"' } }),
  );
  add('patch that changes nothing', unchanged.units, readUnits([atSecond.record], true), 0);

  const stepped = await meter(() =>
    send('POST', `/families/${id}/status`, { body: { status: 'in_training' }, headers: { 'if-match': '"2"' } }),
  );
  // The status is the first filter, so its entry leaves one list and enters another.
  const standing = await rowOf(ledgerKey('family', id));
  const listed = STANDING_ENTRIES.filter((name) => entryOf(indexes.get(name) as Index, standing));
  const leastOfStep =
    commit(await stored(id), [...CHANGED_ENTRIES, 'filter1']) + together({ row: standing, entries: listed }) + unheld;
  add('status', stepped.units, readUnits([atSecond.record], true) + readUnits([standing], true), leastOfStep);

  const external = `/families/external/municipal/${randomUUID()}`;
  const upserted = await meter(() => send('PUT', external, { body: TYPICAL_FAMILY }));
  const foreign = await stored(upserted.result.id);
  const name = externalName(families, 'municipal', JSON.parse(String(foreign.record['view'])).externalId);
  const lock = await rowOf(lockKey(...name));
  const leastOfNew = (await founded(upserted.result.id, foreign)) + together({ row: lock, entries: [] });
  add('upsert of a new one', upserted.units, readUnits([], true), leastOfNew);
  const again = await meter(() => send('PUT', external, { body: TYPICAL_FAMILY }));
  const readAgain = readUnits([lock], true) + readUnits([foreign.record], true);
  // What is sensitive in it makes a version, since an answer that told whether it was the same would tell what stood there.
  const leastOfSame = commit(await stored(upserted.result.id)) + unheld;
  add('upsert of the same with sensitive fields', again.units, readAgain, leastOfSame);

  const { outsideWork: _work, adults: _adults, ...plainFamily } = TYPICAL_FAMILY;
  const plainPath = `/families/external/municipal/${randomUUID()}`;
  const plain = await send('PUT', plainPath, { body: plainFamily });
  const samePlain = await meter(() => send('PUT', plainPath, { body: plainFamily }));
  const plainRow = (await stored(plain.id)).record;
  add('upsert of the same', samePlain.units, readUnits([lock], true) + readUnits([plainRow], true), 0);

  const keyed = { body: TYPICAL_FAMILY, headers: { 'idempotency-key': randomUUID() } };
  const once = await meter(() => send('POST', '/families', keyed));
  const kept = await stored(once.result.id);
  // The answer is a row of its own beside the event, so that it expires by itself.
  const answer = await rowOf(answerKey(kept.record['lastEvent'] as string));
  const leastOfKeyed = (await founded(once.result.id, kept)) + together({ row: answer, entries: [] });
  add('create with an Idempotency-Key', once.units, 0, leastOfKeyed);
  const replayed = await meter(() => send('POST', '/families', keyed));
  // The transaction that is refused brings along the answer that stands in its way, so nothing has to be read.
  const keptStanding = await rowOf(ledgerKey('family', once.result.id));
  const keptKey = await rowOf(personKey(once.result.id));
  const unwritten = [answer, kept.record, kept.event, keptStanding, keptKey, ...(await edgesOf(once.result.id))].reduce(
    (sum, row) => sum + 2 * writeUnits(row),
    0,
  );
  add('its replay', replayed.units, 0, unwritten);

  const ids = [id, upserted.result.id, plain.id, once.result.id];
  while (ids.length < 50) ids.push((await send('POST', '/families', { body: TYPICAL_FAMILY })).id);
  const page = await meter(() => send('GET', '/families', { query: { limit: '50' } }));
  if (page.result.items?.length !== 50) throw new Error(`The page has ${page.result.items?.length} items`);
  const pageRows = await Promise.all(ids.map(async (each) => rowOf(recordKey(each))));
  const entries = pageRows.map((row) => entryOf(indexes.get('list') as Index, row) as Item);
  add('list, a page of 50', page.units, readUnits(entries, false), 0);

  await addDelivery(plant, { meter, add, rowOf, together, alone });
  return cases;
}

interface Tools {
  readonly meter: Awaited<ReturnType<typeof meterOf>>;
  readonly add: (operation: string, units: Units, read: number, write: number) => void;
  readonly rowOf: (key: Key) => Promise<Item>;
  readonly together: (...rows: readonly Written[]) => number;
  readonly alone: (written: Written) => number;
}

/** An event on its way to one endpoint that takes it at once: relayed, then delivered. */
async function addDelivery(plant: Plant, { meter, add, rowOf, together, alone }: Tools) {
  const { store, code, now, send, template } = plant;
  const workingIn = async (name: 'relay' | 'deliver') => {
    const own = plant.storeOf?.(name);
    return own ? { store: own, meter: await meterOf(own, code, template) } : { store, meter };
  };
  const [relaying, delivering] = [await workingIn('relay'), await workingIn('deliver')];
  await send('POST', '/webhook-endpoints', { body: { url: 'https://sag.example.dk/livline' } });
  const { id } = await send('POST', '/families', { body: TYPICAL_FAMILY });
  const eventId = (await rowOf(recordKey(id)))['lastEvent'] as string;
  const { duePk, dueSk } = await rowOf(eventKey(eventId));

  const hints: DelayedHint[] = [];
  const sendHints = async (some: readonly DelayedHint[]) => void hints.push(...some);
  const relay = relayStream({ store: relaying.store, sendHints, now });
  const image = { type: { S: 'event' }, municipality: { S: code }, eventId: { S: eventId } };
  const arrival = { Records: [{ eventName: 'INSERT' as const, dynamodb: { SequenceNumber: '1', NewImage: image } }] };
  const relayed = await relaying.meter(() => relay(arrival, { awsRequestId: 'units' }));
  const [hint] = hints;
  if (!hint) throw new Error('The relay hinted at nothing');
  /** The event as it is once it has its number and while it is still to be relayed. */
  const event = { ...(await rowOf(eventKey(eventId))), duePk, dueSk };
  const counter = await rowOf(sequenceKey);
  const delivery = await rowOf(deliveryKey(hint.deliveryId));
  const numbered = together({ row: counter, entries: [] }, { row: event, entries: ['list', 'about'] });
  const underway = alone({ row: delivery, entries: ['list', 'due'] });
  const done = alone({ row: event, entries: ['due'] });
  // Municipality, event, counter and the endpoints' ledger; once a minute for each owner its client, grant and municipality.
  add('relay of an event to one endpoint', relayed.units, 4 + 3, numbered + underway + done);

  const deliver = deliverQueue({
    store: delivering.store,
    now,
    post: async () => ({ status: 204, durationMs: 1, body: '' }),
    sendHints,
    endpoints: webhookEndpoints({ allowLocal: false }),
    random: () => 0,
  });
  const { delayS: _, ...body } = hint;
  const message = { Records: [{ messageId: '1', body: JSON.stringify({ ...body, isSlow: true }) }] };
  const delivered = await delivering.meter(() => deliver(message as never, { awsRequestId: 'units' }));
  const health = await rowOf(endpointHealthKey(hint.endpointId));
  // The slot beside the endpoint, then the delivery.
  const claimed = alone({ row: health, entries: [] }) + alone({ row: delivery, entries: ['list', 'due', 'due'] });
  // The result with its attempt, and the entry in the list of what is due taken away; then the slot is given back.
  const settled = together({ row: delivery, entries: ['list', 'due'] }) + 2 + alone({ row: health, entries: [] });
  // Municipality, delivery, event, endpoint and its health; once a minute the grant of its owner, as above.
  add('delivery at the first attempt', delivered.units, 5 + 3, claimed + settled);
}
