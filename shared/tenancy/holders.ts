import { Problem } from '../errors.ts';
import type { Key } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { unchangedSince, type Write } from '../table/write.ts';

/**
 * The municipality's own clients that hold `grants:write`, in one row. Every change of who holds it writes this row in the
 * same transaction, so two clients that end each other at the same instant meet in it, and the last one is not ended.
 */
export interface Holders {
  readonly version: number;
  readonly clientIds: readonly string[];
}

/** Returns the stored holders; nobody, where there is no row yet. */
export function holdersOf(row: Row | undefined): Holders {
  return { version: (row?.['version'] ?? 0) as number, clientIds: (row?.['clientIds'] ?? []) as string[] };
}

const lastHolder = (): Problem =>
  new Problem('conflict', 'This client is the last that holds grants:write here. Grant it to another one first.');

export interface HoldersChange {
  readonly clientId: string;
  /** Whether the client holds `grants:write` after the change. */
  readonly holds: boolean;
}

/** Returns whether a change would leave nobody who holds `grants:write`. */
export const leavesNobody = ({ clientIds }: Holders, { clientId, holds }: HoldersChange): boolean =>
  !holds && clientIds.length === 1 && clientIds[0] === clientId;

/**
 * Returns the write of a change of the holders, none where it changes nothing. Throws `conflict` where nobody would be
 * left, unless an operator revokes: an operator can always do that.
 */
export function holdersWrite(
  key: Key,
  before: Holders,
  change: HoldersChange,
  by: 'municipality' | 'operator' = 'municipality',
): Write[] {
  const { clientId, holds } = change;
  if (before.clientIds.includes(clientId) === holds) return [];
  if (by === 'municipality' && leavesNobody(before, change)) throw lastHolder();
  const others = before.clientIds.filter((id) => id !== clientId);
  return [
    {
      kind: 'put',
      key,
      condition: unchangedSince(before.version),
      item: { type: 'holders', version: before.version + 1, clientIds: holds ? [...others, clientId] : others },
    },
  ];
}
