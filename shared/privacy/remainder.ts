import type { Context } from '../auth/context.ts';
import { pagesOf } from '../record/all.ts';
import { isRewriteEvent } from '../record/event-names.ts';
import type { LEFT } from '../resources/erasures.ts';
import { accessPartition, deliveryKey, ledgerKey, recordKey } from '../table/keys.ts';
import { deliveryIdOf } from '../webhooks/deliveries.ts';
import { ENDPOINTS_LEDGER } from '../webhooks/endpoints.ts';
import { eventsOf } from './forget-events.ts';
import { keptVersionKeys } from './kept.ts';

/**
 * What is left of a person at the end of an erasure, as `GET erasures/{id}` lists it. It is counted from the rows
 * themselves, and not from the indexes that may still show what is gone. A record costs one read for each of its events and
 * for each delivery of one, and one Query for its entries in the access log and one for its kept versions.
 */

type Where = (typeof LEFT)[number];

/** What the rows of each kind say. */
const WHAT: Readonly<Record<Where, string>> = {
  records: 'Records without what says who the person is: ids, kinds, statuses, dates and times.',
  events: 'Events: ids, types, names of fields, who acted and when. Only those of a group or course have case numbers.',
  history: 'Versions in the histories of the records, which are told by these events.',
  access_log: 'Entries of the access log: who was shown which fields, for what purpose and when.',
  messages: 'Messages of other systems that named the person, without what they said: ids, types and times.',
  deliveries:
    'Deliveries of the events to the webhook endpoints that there are: ids, names of events, statuses and times.',
  kept_versions: 'Earlier versions of the records, whole, which a legal hold on another person keeps.',
  archive: 'Records in the archive, whole, sealed with a key of its own.',
};

/** Rows of one kind that are left. */
export interface Left {
  readonly where: Where;
  readonly count: number;
  readonly what: string;
}

/** What an erasure came by. */
export interface Passed {
  /** The person's own record, the records about the person that were erased, and those that were deleted before. */
  readonly recordIds: readonly string[];
  /** The messages that named one of them. */
  readonly messageIds: readonly string[];
  /** How many records the archive has. */
  readonly archived: number;
}

async function countAccesses(ctx: Context, recordId: string): Promise<number> {
  let entries = 0;
  for await (const rows of pagesOf(ctx.table, { partition: accessPartition(recordId) })) entries += rows.length;
  return entries;
}

/** Counts what is left of one record. */
async function countOfRecord(
  ctx: Context,
  recordId: string,
  endpointIds: readonly string[],
): Promise<Partial<Record<Where, number>>> {
  const row = await ctx.table.get(recordKey(recordId));
  const eventIds: string[] = [];
  let versions = 0;
  for await (const event of eventsOf(ctx, String(row?.['lastEvent']))) {
    eventIds.push(event['eventId'] as string);
    if (!isRewriteEvent(String(event['name']))) versions += 1;
  }
  const deliveryKeys = eventIds.flatMap((eventId) =>
    endpointIds.map((endpointId) => deliveryKey(deliveryIdOf(ctx, eventId, endpointId))),
  );
  const [deliveries, kept, accesses] = await Promise.all([
    ctx.table.getMany(deliveryKeys),
    keptVersionKeys(ctx, recordId).then((keys) => ctx.table.getMany(keys)),
    countAccesses(ctx, recordId),
  ]);
  return {
    records: row ? 1 : 0,
    events: eventIds.length,
    history: versions,
    access_log: accesses,
    deliveries: deliveries.length,
    kept_versions: kept.length,
  };
}

/** Returns what is left, each kind of which there is something; undefined where time was over. */
export async function countLeft(
  ctx: Context,
  { recordIds, messageIds, archived }: Passed,
  hasTime: () => boolean,
): Promise<Left[] | undefined> {
  const ledger = await ctx.table.get(ledgerKey(...ENDPOINTS_LEDGER));
  const endpointIds = Object.keys((ledger?.['entries'] ?? {}) as object);
  const counts: Record<Where, number> = {
    records: 0,
    events: 0,
    history: 0,
    access_log: 0,
    messages: new Set(messageIds).size,
    deliveries: 0,
    kept_versions: 0,
    archive: archived,
  };
  for (const id of new Set(recordIds)) {
    if (!hasTime()) return undefined;
    for (const [where, more] of Object.entries(await countOfRecord(ctx, id, endpointIds)))
      counts[where as Where] += more;
  }
  return (Object.keys(WHAT) as Where[])
    .filter((where) => counts[where] > 0)
    .map((where) => ({ where, count: counts[where], what: WHAT[where] }));
}
