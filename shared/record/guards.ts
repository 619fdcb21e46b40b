import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { digest } from '../ids.ts';
import { type Key, ledgerEdgeKey, ledgerKey, lockKey, type Segments } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, freshVersion, unchangedSince, type Write } from '../table/write.ts';
import { Outrun } from './once.ts';
import type { LedgerEntries, LedgerEntry, LedgerRow, Lock, Resource } from './resource.ts';
import { sourceField } from './schemas.ts';
import type { Whole } from './stored.ts';
import { copyWrites, organisationOf, partnerOf, type ShownRow, shownWrite } from './visibility.ts';

/** A write with what the caller is told when its condition does not hold. */
export interface Guarded {
  readonly write: Write;
  /** Gets the row that stood in the way, if there was one. */
  readonly refusal: (standing: Row | undefined) => Error;
}

/** The unique names of a record: its own locks, and its external id within source and type. */
function locksOf(resource: Resource, record: Whole | undefined): readonly Lock[] {
  if (!record) return [];
  const external = record.externalId !== undefined && {
    name: externalName(resource, String(record[sourceField(resource)]), record.externalId),
    detail: `Another ${resource.name} has this externalId.`,
  };
  return [...(external ? [external] : []), ...(resource.locks?.(record) ?? [])];
}

/** The lock that an external id holds; through it the record is found. */
export const externalName = (resource: Resource, source: string, id: string) => ['external', resource.path, source, id];

/** The locks that a record holds. */
export const locksHeldBy = (resource: Resource, record: Whole): Key[] =>
  locksOf(resource, record).map(({ name }) => lockKey(...name));

/** The partitions of the ledgers that a record has an entry in. */
export const ledgersWith = (resource: Resource, record: Whole): Segments[] =>
  (resource.ledgers?.(record) ?? []).map(({ name }) => ledgerKey(...name).pk);

/** Takes the locks that a change needs and releases those that it leaves. */
export function lockWrites(
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  id: string,
): Guarded[] {
  const held = new Map(locksOf(resource, before).map((lock) => [digest(...lock.name), lock]));
  const wanted = new Map(locksOf(resource, after).map((lock) => [digest(...lock.name), lock]));
  const released = [...held].filter(([name]) => !wanted.has(name));
  const taken = [...wanted].filter(([name]) => !held.has(name));
  return [
    ...released.map(([, lock]) => ({
      write: { kind: 'delete', key: lockKey(...lock.name) } as const,
      refusal: () => new Outrun(),
    })),
    ...taken.map(([, { name, detail }]) => ({
      write: { kind: 'put', key: lockKey(...name), item: { type: 'lock', holder: id }, condition: ABSENT } as const,
      refusal: () => new Problem('already_exists', detail),
    })),
  ];
}

interface LedgerState {
  readonly version: number;
  readonly entries: LedgerEntries;
  /** Values of the edges beside it, where it is shown. */
  readonly edges?: readonly string[];
  /** The partners that have a copy of it, each with the values of the copy's edges. */
  readonly copies?: Readonly<Record<string, readonly string[]>>;
}

const NEW_LEDGER: LedgerState = { version: 0, entries: {} };

/** The ledgers whose entry a change brings, alters or takes away, by the digest of their names. */
function touchedLedgers(resource: Resource, before: Whole | undefined, after: Whole | undefined) {
  const byName = (entries: readonly LedgerEntry[] = []) =>
    new Map(entries.map((entry) => [digest(...entry.name), entry]));
  const left = byName(before && resource.ledgers?.(before));
  const joined = byName(after && resource.ledgers?.(after));
  return [...new Map([...left, ...joined])].flatMap(([at, ledger]) => {
    const mine = joined.get(at);
    // The ledger already holds this entry from the record's last change, so an unchanged one needs no read.
    return mine && isDeepStrictEqual(left.get(at)?.entry, mine.entry) ? [] : [{ ledger, mine }];
  });
}

/** The writes of the ledgers that a change touches, and by the digest of its name the entries that each had. */
interface LedgerWrites {
  readonly writes: readonly Guarded[];
  readonly read: ReadonlyMap<string, LedgerEntries>;
}

/** Reads the ledgers a change touches, asks each for admission, and writes them on condition that they stand as read. */
export async function ledgerWrites(
  ctx: Context,
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  id: string,
): Promise<LedgerWrites> {
  const read = new Map<string, LedgerEntries>();
  const touched = touchedLedgers(resource, before, after);
  const writes = touched.map(async ({ ledger, mine }): Promise<Guarded[]> => {
    const row = !before && ledger.own ? undefined : await ctx.table.get(ledgerKey(...ledger.name));
    const state = row ? (row as unknown as LedgerState) : NEW_LEDGER;
    const { [id]: standing, ...others } = state.entries;
    if (!mine && !standing) return [];
    read.set(digest(...ledger.name), state.entries);
    const refusal = mine?.admit?.(new Map(Object.entries(others)));
    if (refusal) throw refusal;
    const partner = partnerOf(organisationOf(resource, (before ?? after) as Whole));
    const entries = mine ? { ...others, [id]: { ...mine.entry, ...(partner && { source: partner }) } } : others;
    return ledgerWrite(ctx, ledger, state, { entries, partner });
  });
  return { writes: (await Promise.all(writes)).flat(), read };
}

/** The entries that records of one partner added. */
const entriesOf = (entries: LedgerEntries, partner: string): LedgerEntries =>
  Object.fromEntries(Object.entries(entries).filter(([, entry]) => entry['source'] === partner));

/** The entries of the records that a client may see. */
export const entriesSeenBy = ({ rows, actor }: Context, entries: LedgerEntries): LedgerEntries =>
  rows === 'all' ? entries : entriesOf(entries, actor.organisation);

/** The rows that show a ledger: the one of this key and its edges, with the edges that it had before. */
function shownRows(
  key: Key,
  edgeOf: (value: string) => Key,
  { type, row, edges: old }: { type: string; row: LedgerRow | undefined; edges: readonly string[] },
): ShownRow[] {
  const values = row?.edges.map(({ value }) => value) ?? [];
  return [
    { key, shown: row && { type, view: row.view, index: row.index } },
    ...(row?.edges ?? []).map(({ value, index }) => ({ key: edgeOf(value), shown: { type, view: row?.view, index } })),
    ...old.filter((value) => !values.includes(value)).map((value) => ({ key: edgeOf(value) })),
  ];
}

/**
 * The copy of a shown ledger for the partner whose entry changes, made of that partner's entries alone: it tells nothing
 * of what others wrote, so what others write leaves it as it is. There is none where its entries show nothing.
 */
function copyOf(
  ctx: Context,
  { name, summary }: LedgerEntry,
  { copies = {} }: LedgerState,
  { entries, partner }: { entries: LedgerEntries; partner: string | undefined },
): { readonly writes: readonly Write[]; readonly copies: LedgerState['copies'] } {
  if (!summary || partner === undefined) return { writes: [], copies };
  const { [partner]: standing, ...others } = copies;
  const made = summary.row(name, entriesOf(entries, partner), ctx.now);
  const row = Object.keys(made.index).length > 0 ? made : undefined;
  if (!row && !standing) return { writes: [], copies };
  const edgeOf = (value: string) => ledgerEdgeKey(name, value);
  const rows = shownRows(ledgerKey(...name), edgeOf, { type: summary.type, row, edges: standing ?? [] });
  const kept = row ? { ...others, [partner]: row.edges.map(({ value }) => value) } : others;
  return { writes: copyWrites([partner], rows), copies: kept };
}

/** A ledger's row with its new entries, and the rows beside it that show it. One without entries is no row. */
function ledgerWrite(
  ctx: Context,
  ledger: LedgerEntry,
  state: LedgerState,
  { entries: all, partner }: { entries: LedgerEntries; partner: string | undefined },
): Guarded[] {
  const { name, summary, attributes } = ledger;
  const { version, edges: old = [] } = state;
  const entries = summary ? summary.kept(all, ctx.now) : all;
  const isEmpty = Object.keys(entries).length === 0;
  const shown = isEmpty ? undefined : summary?.row(name, entries, ctx.now);
  const edges = shown?.edges.map(({ value }) => value) ?? [];
  const { writes, copies = {} } = copyOf(ctx, ledger, state, { entries, partner });
  const item = {
    type: summary?.type ?? 'ledger',
    version: version === 0 ? freshVersion() : version + 1,
    entries,
    ...attributes?.(entries),
    ...(shown && { view: shown.view, edges }),
    ...(Object.keys(copies).length > 0 && { copies }),
  };
  const [, ...edgeRows] = shownRows(ledgerKey(...name), (value) => ledgerEdgeKey(name, value), {
    type: item.type,
    row: shown,
    edges: old,
  });
  const row = { key: ledgerKey(...name), condition: unchangedSince(version) };
  const rows: Write[] = [
    isEmpty ? { ...row, kind: 'delete' } : { ...row, kind: 'put', item, ...(shown && { index: shown.index }) },
    ...edgeRows.map((each) => shownWrite(each)),
    ...writes,
  ];
  return rows.map((write) => ({ write, refusal: () => new Outrun() }));
}
