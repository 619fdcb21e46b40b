import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { digest } from '../ids.ts';
import { keptKey, keptPartition, ledgerKey, type Segments } from '../table/keys.ts';
import type { Attributes } from '../table/write.ts';
import { ABSENT, type Condition, unchangedSince, type Write } from '../table/write.ts';
import { FOREVER, type LocalDate, localDateOf } from '../time.ts';
import type { Guarded } from './guards.ts';
import { Outrun } from './once.ts';
import { personsIn } from './persons.ts';
import type { LedgerEntries, Resource } from './resource.ts';
import type { Opened } from './stored.ts';

/**
 * Legal holds keep what a change would overwrite. Each hold in force has an entry in two shared rows: that of the person
 * (resources/subject-ledger.ts), and one of all holds of the municipality. Both rows say in `heldTo` until when a hold is in
 * force in them. So a change of a record that nobody holds reads nothing for it: its transaction checks `heldTo` in the
 * row of each person whom the record concerns, or in the row of all holds where those are many. Where a check fails,
 * somebody is held, or may be: then the rows are read, and the change is written together with the version that it replaces.
 */

/** The entry of a legal hold in a shared row. */
export interface HoldEntry {
  readonly kind: 'hold';
  readonly subjectId: string;
  /** Its last day, where it has one. */
  readonly to?: LocalDate | undefined;
}

/** Name of the shared row of one person or household. */
export const subjectName = (id: string): Segments => ['subject', id];

/** Name of the shared row of all holds. */
export const HOLDS: Segments = ['holds'];

/** Up to this many persons each is checked by the own row, so that changes about different people touch no common row. */
const MOST_CHECKED = 8;

const isHoldEntry = (entry: object): entry is HoldEntry => (entry as { readonly kind?: unknown }).kind === 'hold';

/** Returns whether an entry of a shared row is a hold that is in force on a day. */
export const isHold = (day: LocalDate, entry: object): boolean =>
  isHoldEntry(entry) && (entry.to === undefined || entry.to >= day);

/** Returns the attributes of a shared row beside its entries: the last day of its holds, absent where it has none. */
export function holdAttributes(entries: LedgerEntries): Attributes {
  const last = Object.values(entries)
    .filter(isHoldEntry)
    .map(({ to = FOREVER }) => to)
    .sort()
    .at(-1);
  return last === undefined ? {} : { heldTo: last };
}

const noneSince = (day: LocalDate): Condition => ({
  expression: 'attribute_not_exists(#heldTo) OR #heldTo < :day',
  values: { day },
});

/** Somebody whom the record concerns may be held: the holds must be read. */
export class HeldError extends Error {}

/** The holds that a change of a record must respect, and the checks that there is no other when it is written. */
export interface Holds {
  readonly ids: readonly string[];
  readonly checks: readonly Guarded[];
}

/** A change of a record, as far as holds concern it. */
interface Overwriting {
  readonly resource: Resource;
  readonly before: Opened;
  /** The entries of the shared rows that the change writes itself, by the digest of their names. */
  readonly written: ReadonlyMap<string, LedgerEntries>;
}

/** Looks at the shared rows in which holds on the persons of a record stand. */
function lookAt({ resource, before, written }: Overwriting, day: LocalDate) {
  const persons = personsIn(resource, before.whole);
  const names = persons.length > MOST_CHECKED ? [HOLDS] : persons.map(subjectName);
  const idsIn = (entries: LedgerEntries): string[] =>
    Object.entries(entries).flatMap(([id, entry]) =>
      isHold(day, entry) && persons.includes(String(entry['subjectId'])) ? [id] : [],
    );
  return {
    idsIn,
    // A transaction has one operation for each row, and the change's own write is conditional on the version it read.
    known: names.flatMap((name) => idsIn(written.get(digest(...name)) ?? {})),
    others: names.filter((name) => !written.has(digest(...name))).map((name) => ledgerKey(...name)),
  };
}

/** Returns the checks that nobody is held, for which nothing is read. Their refusal is a {@link HeldError}. */
export function holdsUnread(ctx: Context, change: Overwriting): Holds {
  const day = localDateOf(ctx.now);
  const { known, others } = lookAt(change, day);
  const check = (key: Write['key']): Guarded => ({
    write: { kind: 'check', key, condition: noneSince(day) },
    refusal: () => new HeldError(),
  });
  return { ids: known, checks: others.map(check) };
}

/** Reads which holds are in force on the persons of a record. A hold that comes in between fails the checks. */
export async function readHolds(ctx: Context, change: Overwriting): Promise<Holds> {
  const { known, others, idsIn } = lookAt(change, localDateOf(ctx.now));
  const found = others.map(async (key) => {
    const row = await ctx.allRows.get(key);
    const condition = unchangedSince((row?.['version'] as number | undefined) ?? 0);
    const check: Guarded = { write: { kind: 'check', key, condition }, refusal: () => new Outrun() };
    return { ids: idsIn((row?.['entries'] ?? {}) as LedgerEntries), check };
  });
  const read = await Promise.all(found);
  return {
    ids: [...new Set([...known, ...read.flatMap(({ ids }) => ids)])],
    checks: read.map(({ check }) => check),
  };
}

/**
 * Returns the writes that keep the version which a change replaces, as it is stored, once in each hold. Throws 409
 * `legal_hold` where the record would be deleted.
 */
export function keptBy({ ids, checks }: Holds, { resource, before }: Overwriting, ctx: Context, deletes: boolean) {
  if (deletes && ids.length > 0)
    throw new Problem('legal_hold', 'A legal hold on somebody whom this record concerns is in force.');
  const { view, sealed, writtenBy, lastEvent } = before;
  const kept = ids.map((id): Guarded => {
    const item = { type: 'kept', holdId: id, recordType: resource.path, version: view.version, keptAt: ctx.now };
    const write: Write = {
      kind: 'put',
      key: keptKey(id, view.id, view.version),
      condition: ABSENT,
      item: { ...item, view, sensitive: sealed, writtenBy, lastEvent },
      index: { about: { pk: keptPartition(view.id), sk: keptKey(id, view.id, view.version).pk } },
    };
    return { write, refusal: () => new Outrun() };
  });
  return [...checks, ...kept];
}
