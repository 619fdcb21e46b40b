import type { Context } from '../auth/context.ts';
import type { Principals } from '../auth/principals.ts';
import { count, faultOf, log } from '../log.ts';
import { chained, headOf, type Link } from '../privacy/chain.ts';
import { isRewriteEvent } from '../record/event-names.ts';
import { sequenceText } from '../record/events.ts';
import { partnerOf } from '../record/visibility.ts';
import { audiencePartition, eventKey, feedPartition, historyPartition, ledgerKey, sequenceKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Write, WriteRefused } from '../table/write.ts';
import type { Instant } from '../time.ts';
import { type EventSubject, isToldToAll, judgeEvent } from './audience.ts';
import { deliveryIdOf, hintOf, type NewDelivery, newDelivery, unlessRefused } from './deliveries.ts';
import { ENDPOINTS_LEDGER, type Subscription, typesInclude } from './endpoints.ts';
import { watchGrant } from './grant-watch.ts';
import type { SendHints } from './hints.ts';
import { commitInLine } from './order.ts';

/** An event's row as the relay uses it. */
interface EventRow {
  readonly eventId: string;
  readonly name: string;
  readonly objectId: string;
  readonly at: Instant;
  readonly envelope: string;
  /** The object's version with this event, and its status. */
  readonly view: { readonly version: number } & EventSubject;
  readonly previous?: string;
  readonly mac?: string;
  readonly sequence?: number;
  /** While it is to be relayed. */
  readonly duePk?: string;
}

/** A transaction holds 100 writes, one of them the counter. */
const CHUNK = 90;
/** Attempts at a chunk while other relays number events of the same municipality. */
const TRIES = 20;

async function readEvents(ctx: Context, ids: readonly string[]): Promise<EventRow[]> {
  const rows = await ctx.table.getMany([...new Set(ids)].map(eventKey));
  return rows.filter((row) => row['type'] === 'event').map((row) => row as unknown as EventRow);
}

/**
 * The events and all that must be relayed before them. A stream keeps the order of one row's changes only, and every
 * event is a row of its own; but each names the one before it of the same object, so following these names until one that
 * was relayed puts one object's events in the order of its versions, whatever order the stream brought them in, and
 * whoever died over them before.
 */
async function withPredecessors(ctx: Context, ids: readonly string[]): Promise<EventRow[]> {
  const known = new Map<string, EventRow>();
  let wanted = [...ids];
  while (wanted.length > 0) {
    const found = await readEvents(ctx, wanted);
    for (const event of found) known.set(event.eventId, event);
    wanted = found.flatMap(({ duePk, previous }) =>
      duePk !== undefined && previous && !known.has(previous) ? [previous] : [],
    );
  }
  return inOrder(ids, known);
}

/** In the order given, which is the stream's, but never an event before the one it names. */
function inOrder(ids: readonly string[], known: ReadonlyMap<string, EventRow>): EventRow[] {
  const ordered = new Set<EventRow>();
  for (const id of ids) {
    const chain: EventRow[] = [];
    for (
      let link = known.get(id);
      link && !ordered.has(link);
      link = link.previous ? known.get(link.previous) : undefined
    ) {
      chain.unshift(link);
    }
    for (const link of chain) ordered.add(link);
  }
  return [...ordered];
}

/**
 * Gives numbers to those of the events that have none and chains them to the last: the counter, the numbers and the hashes
 * in one transaction, so there is no hole. Gives the ids of all that are still to be relayed, with those that come before
 * them.
 */
export async function numberEvents(ctx: Context, ids: readonly string[]): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    const pending = (await withPredecessors(ctx, ids)).filter(({ duePk }) => duePk !== undefined);
    const unnumbered = pending.filter(({ sequence }) => sequence === undefined);
    const all = () => pending.map(({ eventId }) => eventId);
    if (unnumbered.length === 0) return all();
    const chunk = unnumbered.slice(0, CHUNK);
    const counter = await ctx.table.get(sequenceKey);
    const head = headOf(ctx.tenant.code, counter);
    let link = head;
    const lastOf = { ...(counter?.['lastOf'] as Readonly<Record<string, number>> | undefined) };
    const numbering = chunk.map((event) => {
      link = chained(link, event);
      const partner = partnerOf(event.view.source);
      if (partner === undefined) return numberWrite(event, link);
      const previous = lastOf[partner] ?? 0;
      lastOf[partner] = link.sequence;
      return numberWrite(event, link, { id: partner, previous });
    });
    const counting: Write = {
      kind: 'put',
      key: sequenceKey,
      item: {
        type: 'sequence',
        last: link.sequence,
        hash: link.hash,
        ...(Object.keys(lastOf).length > 0 && { lastOf }),
      },
      condition: counter ? { expression: '#last = :last', values: { last: head.sequence } } : ABSENT,
    };
    try {
      await ctx.table.transact([counting, ...numbering]);
      if (chunk.length === unnumbered.length) return all();
      attempt = 0;
    } catch (error) {
      // Another relay was quicker, with the counter or with one of the events: look again.
      if (!(error instanceof WriteRefused) || attempt >= TRIES) throw error;
    }
  }
}

/** A partner whose event it is, with the number of that partner's event before it, 0 before the first. */
interface EventOfPartner {
  readonly id: string;
  readonly previous: number;
}

/** Numbers an event. One about what a partner wrote stands in that partner's own feed too, and names the one before it there. */
const numberWrite = (
  { eventId, name, objectId, view }: EventRow,
  { sequence, hash }: Link,
  partner?: EventOfPartner,
): Write => ({
  kind: 'update',
  key: eventKey(eventId),
  set: { sequence, hash, ...(partner && { previousOfPartner: partner.previous }) },
  index: {
    list: { pk: feedPartition, sk: [sequenceText(sequence)] },
    // A row that was written anew is no version of its record, so its history does not list it.
    ...(!isRewriteEvent(name) && {
      about: { pk: historyPartition(objectId), sk: [String(view.version).padStart(8, '0')] },
    }),
    ...(partner && { filter1: { pk: audiencePartition(partner.id, feedPartition), sk: [sequenceText(sequence)] } }),
  },
  condition: { expression: 'attribute_exists(#pk) AND attribute_not_exists(#sequence)' },
});

/** An endpoint that fails or is disabled is not told so itself: the others can say it. */
const isItself = ({ name, objectId }: EventRow, endpointId: string): boolean =>
  objectId === endpointId && ['webhook-endpoint.failing', 'webhook-endpoint.disabled'].includes(name);

/** What relaying needs beside the table. */
export interface RelayDeps {
  readonly principals: Principals;
  readonly sendHints: SendHints;
}

/**
 * The endpoints that were subscribed to an event when it happened. That a row was written anew is posted to nobody,
 * because the record says the same.
 */
const subscribed = (event: EventRow, endpoints: Readonly<Record<string, Subscription>>) =>
  Object.entries(isRewriteEvent(event.name) ? {} : endpoints).filter(
    ([id, { since, types }]) =>
      since <= event.at && (isToldToAll(event.name) || typesInclude(types, event.name)) && !isItself(event, id),
  );

/**
 * Returns the deliveries that an event becomes: one for each endpoint that was subscribed to it and whose owner may read
 * it. Where the endpoint is disabled, or its owner has no live grant, the delivery is held.
 */
async function deliveriesOf(
  principals: Principals,
  ctx: Context,
  event: EventRow,
  endpoints: Readonly<Record<string, Subscription>>,
): Promise<NewDelivery[]> {
  const judged = subscribed(event, endpoints).map(async ([endpointId, { disabled, ordered, owner }]) => {
    const judgement = await judgeEvent(principals, ctx, owner, event);
    if (judgement === 'skip') return [];
    const isHeld = disabled || judgement === 'hold';
    const delivery: NewDelivery = {
      id: deliveryIdOf(ctx, event.eventId, endpointId),
      eventId: event.eventId,
      eventName: event.name,
      endpointId,
      status: isHeld ? 'held' : 'pending',
      ...(!disabled && judgement === 'hold' && { heldFor: 'grant' }),
      ...(ordered && { order: { subject: event.objectId, sequence: event.sequence as number } }),
      createdAt: ctx.now,
    };
    return [delivery];
  });
  return (await Promise.all(judged)).flat();
}

/**
 * Writes a delivery of an ordered endpoint with its place in its line. One that is held for a disabled endpoint has none
 * until it is recovered; one that is held for want of a grant keeps its place, since it goes on by itself.
 */
const enterLine = (ctx: Context, delivery: NewDelivery): Promise<void> =>
  delivery.status === 'held' && delivery.heldFor === undefined
    ? ctx.table.write(newDelivery(delivery))
    : commitInLine(ctx, { ...delivery, version: 1, attempts: 0, notBefore: ctx.now }, 'enter', [newDelivery(delivery)]);

/**
 * Relays events of one municipality: numbers them, writes a delivery for each subscriber, hints, and clears what made
 * them pending, last. Each step can be repeated and finds its own traces, so a relay that dies anywhere is simply run
 * again, and running all of it twice changes nothing.
 */
async function relay(ctx: Context, eventIds: readonly string[], { principals, sendHints }: RelayDeps): Promise<void> {
  const pending = await numberEvents(ctx, eventIds);
  const [events, ledger] = await Promise.all([readEvents(ctx, pending), ctx.table.get(ledgerKey(...ENDPOINTS_LEDGER))]);
  const endpoints = ((ledger as Row | undefined)?.['entries'] ?? {}) as Record<string, Subscription>;
  const waiting = events
    .filter(({ duePk }) => duePk !== undefined)
    .sort((a, b) => (a.sequence as number) - (b.sequence as number));
  const deliveries = (
    await Promise.all(waiting.map((event) => deliveriesOf(principals, ctx, event, endpoints)))
  ).flat();
  const ungranted = deliveries.filter(({ heldFor }) => heldFor === 'grant').map(({ endpointId }) => endpointId);
  await Promise.all([...new Set(ungranted)].map((endpointId) => watchGrant(ctx, endpointId)));
  const [ordered, free] = [deliveries.filter(({ order }) => order), deliveries.filter(({ order }) => !order)];
  await Promise.all(free.map((delivery) => unlessRefused(ctx.table.write(newDelivery(delivery)))));
  // One after another, so that what is told first stands first in its line.
  for (const delivery of ordered) await unlessRefused(enterLine(ctx, delivery));
  const underway = deliveries.filter(({ status }) => status === 'pending');
  await sendHints(underway.map((delivery) => ({ ...hintOf(ctx, delivery), delayS: 0 })));
  await Promise.all(
    waiting.map(({ eventId }) => ctx.table.write({ kind: 'update', key: eventKey(eventId), unindex: ['due'] })),
  );
}

/** Relays events, in halves and halves of halves where that fails, so that a poisoned one holds up no other. Gives those that failed. */
export async function relayAll(ctx: Context, eventIds: readonly string[], deps: RelayDeps): Promise<string[]> {
  const { requestId, tenant } = ctx;
  try {
    await relay(ctx, eventIds, deps);
    return [];
  } catch (error) {
    const [eventId = '', ...others] = eventIds;
    if (others.length === 0) {
      log.error('event not relayed', { requestId, municipality: tenant.code, eventId, ...faultOf(error) });
      count('PoisonRecords', 1);
      return [eventId];
    }
    log.warn('relaying in halves', { requestId, municipality: tenant.code, count: eventIds.length, ...faultOf(error) });
  }
  const half = Math.ceil(eventIds.length / 2);
  const failed = await relayAll(ctx, eventIds.slice(0, half), deps);
  return [...failed, ...(await relayAll(ctx, eventIds.slice(half), deps))];
}
