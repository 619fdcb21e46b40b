import type { Context } from '../auth/context.ts';
import { pagesOf } from '../record/all.ts';
import { ledgersWith, locksHeldBy } from '../record/guards.ts';
import type { Resource } from '../record/resource.ts';
import { opened } from '../record/sealing.ts';
import { storedOf } from '../record/stored.ts';
import { talliesWith } from '../record/tallies.ts';
import {
  accessLinks,
  accessPartition,
  answerKey,
  checkpointKey,
  deliveryKey,
  endpointHealthKey,
  feedPartition,
  type Key,
  orderKey,
  personKey,
  recordKey,
  type Segments,
  sequenceKey,
  useKey,
} from '../table/keys.ts';
import type { Row, ScopedTable } from '../table/scoped-table.ts';
import { deliveriesOfEndpoint, deliveryOf } from '../webhooks/deliveries.ts';
import { aboutOf } from './handover.ts';
import type { IdentityProvider } from './identity.ts';

/** How far an erasure is: a stage, and the piece of its range that is being erased, after one sort key and up to another. */
export interface Position {
  readonly stage: number;
  readonly after?: string | undefined;
  /** Set once the piece is counted; its rows may be gone already. */
  readonly to?: string | undefined;
}

/** What an erasure needs. */
export interface Erasure {
  readonly ctx: Context;
  /** The rows outside municipalities. */
  readonly control: ScopedTable;
  readonly identity: IdentityProvider;
  readonly resources: readonly Resource[];
  /** Ids of all webhook endpoints there ever were. */
  readonly endpoints: readonly string[];
}

/**
 * One kind of rows that is erased in pieces. No row is looked for by a Scan, which no function may do: the events name
 * every record that ever was, a record says which locks and ledgers it has, and an endpoint's list its deliveries.
 */
interface Stage {
  readonly table: ScopedTable;
  /** The rows that lead to a piece, in order. */
  readonly rows: (after?: string, to?: string) => Promise<readonly Row[]>;
  /** The rows to erase with them, one group after another: those that lead to others last. */
  readonly groups: (leading: readonly Row[]) => Promise<readonly (readonly Row[])[]>;
  /** What is done before the rows go. */
  readonly first?: (rows: readonly Row[]) => Promise<void>;
}

/** Rows that lead to one piece. */
const PIECE = 50;

const ranged = (table: ScopedTable, partition: Segments, groups: Stage['groups']): Stage => ({
  table,
  rows: async (after, to) => (await table.query({ index: 'list', partition, after, to, limit: PIECE })).rows,
  groups,
});

/** A stage of so few rows that they are one piece. */
const atOnce = (table: ScopedTable, rows: () => Promise<readonly Row[]>, first?: Stage['first']): Stage => ({
  table,
  rows: async (after) => (after === undefined ? rows() : []),
  groups: async (found) => [found],
  ...(first && { first }),
});

async function rowsOf(table: ScopedTable, ...partitions: readonly Segments[]): Promise<Row[]> {
  const found = partitions.map(async (partition) => {
    const rows: Row[] = [];
    for await (const page of pagesOf(table, { partition })) rows.push(...page);
    return rows;
  });
  return (await Promise.all(found)).flat();
}

/** The deliveries in the list of an endpoint, their attempts, and their places in its lines. */
async function deliveryRows({ table }: Context, leading: readonly Row[]): Promise<Row[][]> {
  const deliveries = leading.flatMap((row) => deliveryOf(row) ?? []);
  const lines = deliveries.flatMap(({ endpointId, order }) => (order ? [orderKey(endpointId, order.subject)] : []));
  const [rows, beside] = await Promise.all([
    rowsOf(table, ...deliveries.map(({ id }) => deliveryKey(id).pk)),
    table.getMany(unique(lines, ({ pk }) => JSON.stringify(pk))),
  ]);
  const isDelivery = (row: Row) => row['type'] === 'delivery';
  return [[...beside, ...rows.filter((row) => !isDelivery(row))], rows.filter(isDelivery)];
}

/** All rows of the records that events are about: what stands beside them first, for their own rows lead to it. */
async function recordRows({ ctx, resources }: Erasure, leading: readonly Row[]): Promise<Row[][]> {
  const objects = unique(leading.map(aboutOf), ({ objectId }) => objectId);
  const rows = await rowsOf(ctx.table, ...objects.map(({ objectId }) => recordKey(objectId).pk));
  const guards = rows.map(async (row): Promise<{ locks: Key[]; ledgers: Segments[] }> => {
    const resource = row['sk'] === 'A' ? resources.find(({ path }) => path === row['type']) : undefined;
    const stored = resource && storedOf(resource, row);
    if (!stored) return { locks: [], ledgers: [] };
    const { whole } = await opened(ctx, stored);
    return {
      locks: locksHeldBy(resource, whole),
      ledgers: [...ledgersWith(resource, whole), ...talliesWith(resource, whole)],
    };
  });
  const held = await Promise.all(guards);
  const singles = [
    ...held.flatMap(({ locks }) => locks),
    ...objects.flatMap(({ objectType, objectId }) =>
      objectType === 'webhook-endpoint' ? [endpointHealthKey(objectId)] : [],
    ),
  ];
  const ledgers = unique(
    held.flatMap((record) => record.ledgers),
    (partition) => JSON.stringify(partition),
  );
  const logged = objects.map(({ objectId }) => accessPartition(objectId));
  const owners = objects.filter(({ objectType }) => ['family', 'child'].includes(objectType));
  const personKeys = owners.map(({ objectId }) => personKey(objectId).pk);
  const beside = await Promise.all([
    ctx.table.getMany(singles),
    rowsOf(ctx.table, ...ledgers, ...logged, ...personKeys),
  ]);
  return [beside.flat(), rows.filter(({ sk }) => sk !== 'A'), rows.filter(({ sk }) => sk === 'A')];
}

const unique = <Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] => [
  ...new Map(items.map((item) => [nameOf(item), item])).values(),
];

/** Where the day of a client's last use stands. */
const useOf = (client: Row): Key => useKey((client['view'] as { clientId: string }).clientId);

/** What is kept about a municipality outside of it: its grants and who holds them, notices, quota counters and programmes (table/keys.ts). */
const BESIDE = ['G', 'H', 'N', 'Q', 'F'];

function stagesOf(erasure: Erasure): Stage[] {
  const { ctx, control, identity, endpoints } = erasure;
  const clients: Segments = ['CLIENTS', 'municipality', ctx.tenant.code];
  return [
    ...endpoints.map((id) => ranged(ctx.table, deliveriesOfEndpoint(id), (rows) => deliveryRows(ctx, rows))),
    ranged(ctx.table, feedPartition, (rows) => recordRows(erasure, rows)),
    ranged(ctx.table, feedPartition, async (rows) => [
      await ctx.table.getMany(rows.map((row) => answerKey(String(row['pk']).split('#').at(-1) as string))),
      rows,
    ]),
    ranged(ctx.table, accessLinks.partition, async (rows) => [rows]),
    atOnce(ctx.table, () => ctx.table.getMany([sequenceKey, checkpointKey])),
    // A municipality's own clients come before its grants, so that no client is left without anybody who knows of it.
    {
      ...ranged(control, clients, async (rows) => [await control.getMany(rows.map(useOf)), rows]),
      first: async (rows) => {
        for (const row of rows) await identity.deleteClient((row['view'] as { clientId: string }).clientId);
      },
    },
    atOnce(ctx.control, () => rowsOf(ctx.control, ...BESIDE.map((name) => [name]))),
  ];
}

/** What a row counts as: a record by its collection, all else by what it is. A quota's counter alone does not say. */
const kindOf = ({ type, sk }: Row): string => (String(sk).startsWith('E#') ? 'edge' : String(type ?? 'quota'));

/** Rows erased, by kind. */
export type Erased = Readonly<Record<string, number>>;

function plus(erased: Erased, rows: readonly Row[]): Erased {
  const counts = { ...erased };
  for (const row of rows) counts[kindOf(row)] = (counts[kindOf(row)] ?? 0) + 1;
  return counts;
}

const endOf = (rows: readonly Row[]): string => String(rows.at(-1)?.['listSk'] ?? 'all');

/**
 * One step of an erasure: erases the piece that was counted, and counts the next. Whoever dies in between erases that
 * piece again without counting it, so every row is counted once. `undefined` for the position when nothing is left.
 */
export async function eraseStep(
  erasure: Erasure,
  { at, erased }: { readonly at: Position; readonly erased: Erased },
): Promise<{ readonly at: Position | undefined; readonly erased: Erased }> {
  const stages = stagesOf(erasure);
  let { stage: number, after } = at;
  if (at.to !== undefined) {
    const stage = stages[number] as Stage;
    const leading = await stage.rows(after, at.to === 'all' ? undefined : at.to);
    const groups = await stage.groups(leading);
    await stage.first?.(leading);
    for (const group of groups) await stage.table.erase(group);
    after = at.to;
  }
  for (; number < stages.length; number += 1, after = undefined) {
    const stage = stages[number] as Stage;
    const leading = await stage.rows(after);
    if (leading.length === 0) continue;
    const rows = (await stage.groups(leading)).flat();
    return { at: { stage: number, after, to: endOf(leading) }, erased: plus(erased, rows) };
  }
  return { at: undefined, erased };
}
