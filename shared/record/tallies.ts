import { digest } from '../ids.ts';
import { ledgerKey, type Segments } from '../table/keys.ts';
import type { Write } from '../table/write.ts';
import type { Guarded } from './guards.ts';
import { Outrun } from './once.ts';
import type { Resource, Tally } from './resource.ts';
import type { Whole } from './stored.ts';

const talliesOf = (resource: Resource, record: Whole | undefined): readonly Tally[] =>
  (record && resource.tallies?.(record)) ?? [];

/** The partitions of the tallies that a record counts in. */
export const talliesWith = (resource: Resource, record: Whole): Segments[] =>
  talliesOf(resource, record).map(({ name }) => ledgerKey(...name).pk);

/** The change of one tally, on condition that it stays within its limits where it grows. */
function tallyWrite({ name, most }: Tally, add: Readonly<Record<string, number>>): Write {
  const grows = Object.values(add).some((amount) => amount > 0);
  const names = Object.keys(add);
  const within = names.map((amount) => `#${amount} <= :${amount}`).join(' AND ');
  const room = Object.fromEntries(names.map((amount) => [amount, (most[amount] ?? 0) - (add[amount] ?? 0)]));
  return {
    kind: 'update',
    key: ledgerKey(...name),
    set: { type: 'tally' },
    add,
    ...(grows && { condition: { expression: `attribute_not_exists(#pk) OR (${within})`, values: room } }),
  };
}

/**
 * Returns the writes by which a change of a record moves the tallies that it counts in. They are in the transaction of
 * the change, so a tally is exact whoever dies where. A tally that is full refuses the change that would exceed it.
 */
export function tallyWrites(resource: Resource, before: Whole | undefined, after: Whole | undefined): Guarded[] {
  const changes = new Map<string, { tally: Tally; add: Record<string, number> }>();
  const count = (tallies: readonly Tally[], sign: 1 | -1): void => {
    for (const tally of tallies) {
      const change = changes.get(digest(...tally.name)) ?? { tally, add: {} };
      for (const [name, amount] of Object.entries(tally.amounts))
        change.add[name] = (change.add[name] ?? 0) + sign * amount;
      changes.set(digest(...tally.name), change);
    }
  };
  count(talliesOf(resource, before), -1);
  count(talliesOf(resource, after), 1);
  return [...changes.values()]
    .filter(({ add }) => Object.values(add).some((amount) => amount !== 0))
    .map(({ tally, add }) => ({
      write: tallyWrite(tally, add),
      // What stood in the way is the tally as it is: where that has room by now, the change is tried again.
      refusal: (standing) => (standing ? tally.refusal() : new Outrun()),
    }));
}
