import type { Context } from '../auth/context.ts';
import { eventSummary } from '../record/events.ts';
import { rowMac } from '../record/row-mac.ts';
import { eventKey, type Key, recordKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';

/**
 * Compares the rows of records with the codes that their events keep (record/row-mac.ts). A row must be as its last event
 * left it. The chain proves the codes of the events, and the key proves that nobody else made them. No sealed value is
 * opened.
 *
 * For each record that the entries are about this costs one read of its row, and one of its last event where that is a
 * later one than these: 100 rows in one BatchGetItem, one unit for each 4 KB of a row.
 */

/** An entry of the change history that a record's row is compared with. */
export interface RecordEntry {
  readonly sequence: number;
  readonly eventId: string;
  readonly objectType: string;
  readonly objectId: string;
  /** Absent where the entry is no change of a record. */
  readonly mac?: string | undefined;
}

/** Where a row differs: `altered` if it is not as its last event left it, `missing` if it is gone. */
export interface RowFault {
  /** The number of the record's last entry among those that were looked at. */
  readonly sequence: number;
  readonly kind: 'missing' | 'altered';
  readonly objectType: string;
  readonly objectId: string;
}

/** Records that are compared at a time. */
const AT_ONCE = 100;

/** Returns what an entry of the feed is about. */
export function recordEntryOf(row: Row): RecordEntry {
  const { id, objectType, objectId } = eventSummary(row);
  return {
    sequence: row['sequence'] as number,
    eventId: id,
    objectType,
    objectId,
    mac: row['mac'] as string | undefined,
  };
}

/** The id in a row's key. The rest of an altered row may say anything. */
const idIn = ({ pk }: Row): string => String(pk).split('#').at(-1) as string;

/** Reads rows by the ids in their keys. A row that cannot be parsed any more is given as one without content. */
async function readById(ctx: Context, keys: readonly Key[]): Promise<ReadonlyMap<string, Row>> {
  try {
    return new Map((await ctx.allRows.getMany(keys)).map((row) => [idIn(row), row]));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const [only, ...others] = keys as [Key, ...Key[]];
    if (others.length === 0) return new Map([[only.pk.at(-1) as string, {}]]);
    const half = Math.ceil(keys.length / 2);
    const parts = await Promise.all([keys.slice(0, half), keys.slice(half)].map((part) => readById(ctx, part)));
    return new Map(parts.flatMap((part) => [...part]));
  }
}

/** The events that the rows name as their last ones, where those are not among the entries. */
const laterEvents = (ctx: Context, entries: readonly RecordEntry[], rows: ReadonlyMap<string, Row>) => {
  const later = entries.flatMap(({ objectId, eventId }) => {
    const lastEvent = rows.get(objectId)?.['lastEvent'];
    return typeof lastEvent === 'string' && lastEvent !== eventId ? [lastEvent] : [];
  });
  return readById(ctx, [...new Set(later)].map(eventKey));
};

/** Returns the code that a row must have: that of its last event, which is the entry itself or a later one of the record. */
function expectedMac(entry: RecordEntry, row: Row, events: ReadonlyMap<string, Row>): unknown {
  if (row['lastEvent'] === entry.eventId) return entry.mac;
  const event = events.get(String(row['lastEvent']));
  const isLater = event?.['sequence'] === undefined || Number(event['sequence']) > entry.sequence;
  return event?.['objectId'] === entry.objectId && isLater ? event['mac'] : undefined;
}

/** A difference, and whether the event that the row names as its last one is gone. */
interface Difference extends RowFault {
  readonly lastEventGone: boolean;
}

/** Compares the records of the entries, and returns the differences. */
async function compare(ctx: Context, entries: readonly RecordEntry[]): Promise<Difference[]> {
  const [key, rows] = await Promise.all([
    ctx.keys.integrityKey(),
    readById(
      ctx,
      entries.map(({ objectId }) => recordKey(objectId)),
    ),
  ]);
  const events = await laterEvents(ctx, entries, rows);
  return entries.flatMap((entry): Difference[] => {
    const { sequence, objectType, objectId, eventId } = entry;
    const row = rows.get(objectId);
    if (!row) return [{ sequence, kind: 'missing', objectType, objectId, lastEventGone: false }];
    const lastEventGone = row['lastEvent'] !== eventId && !events.has(String(row['lastEvent']));
    const { id } = (row['view'] ?? {}) as { id?: string };
    const isWhole = id === objectId && rowMac(key, ctx.tenant.code, row) === expectedMac(entry, row, events);
    return isWhole ? [] : [{ sequence, kind: 'altered', objectType, objectId, lastEventGone }];
  });
}

/**
 * Returns the first entry, in the order of their numbers, whose record is not as its last event left it. Where the chain
 * is broken behind the entries, a last event that is gone is the chain's fault and not the record's.
 */
export async function firstRowFault(
  ctx: Context,
  entries: readonly RecordEntry[],
  chainIsBroken: boolean,
): Promise<RowFault | undefined> {
  const ofRecords = entries.filter(({ mac }) => mac !== undefined);
  const lastOfEach = [...new Map(ofRecords.map((entry) => [entry.objectId, entry])).values()];
  const faults: Difference[] = [];
  for (let start = 0; start < lastOfEach.length; start += AT_ONCE) {
    faults.push(...(await compare(ctx, lastOfEach.slice(start, start + AT_ONCE))));
  }
  const [first] = faults
    .filter(({ lastEventGone }) => !(lastEventGone && chainIsBroken))
    .toSorted((a, b) => a.sequence - b.sequence);
  if (!first) return undefined;
  const { lastEventGone: _, ...fault } = first;
  return fault;
}
