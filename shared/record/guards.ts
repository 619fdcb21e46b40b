import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.ts';
import { Problem } from '../errors.ts';
import { digest } from '../ids.ts';
import { ledgerKey, lockKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Condition, type Write } from '../table/write.ts';
import { Outrun } from './once.ts';
import type { Fields, LedgerEntry, Lock, Resource } from './resource.ts';
import type { Whole } from './stored.ts';

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
    name: externalName(resource, record.source, record.externalId),
    detail: `Another ${resource.name} has this externalId.`,
  };
  return [...(external ? [external] : []), ...(resource.locks?.(record) ?? [])];
}

/** The lock that an external id holds; through it the record is found. */
export const externalName = (resource: Resource, source: string, id: string) => ['external', resource.path, source, id];

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
  readonly entries: Readonly<Record<string, Fields>>;
}

/** Reads the ledgers a change touches, asks each for admission, and writes them on condition that they stand as read. */
export async function ledgerWrites(
  ctx: Context,
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  id: string,
): Promise<Guarded[]> {
  const left = (before && resource.ledgers?.(before)) ?? [];
  const joined = (after && resource.ledgers?.(after)) ?? [];
  const names = new Map([...left, ...joined].map(({ name }) => [digest(...name), name]));
  if (names.size === 0) return [];
  const rows = await Promise.all(
    [...names].map(async ([at, name]) => [at, await ctx.table.get(ledgerKey(...name))] as const),
  );
  return rows.flatMap(([at, row]): Guarded[] => {
    const mine = joined.find(({ name }) => digest(...name) === at);
    const { version, entries } = (row ?? { version: 0, entries: {} }) as unknown as LedgerState;
    const { [id]: standing, ...others } = entries;
    if (mine && isDeepStrictEqual(standing, mine.entry)) return [];
    const refusal = mine?.admit(new Map(Object.entries(others)));
    if (refusal) throw refusal;
    return [
      ledgerWrite(names.get(at) as LedgerEntry['name'], version, mine ? { ...others, [id]: mine.entry } : others),
    ];
  });
}

function ledgerWrite(name: LedgerEntry['name'], version: number, entries: LedgerState['entries']): Guarded {
  const condition: Condition = version === 0 ? ABSENT : { expression: '#version = :version', values: { version } };
  return {
    write: { kind: 'put', key: ledgerKey(...name), item: { type: 'ledger', version: version + 1, entries }, condition },
    refusal: () => new Outrun(),
  };
}
