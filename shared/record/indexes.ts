import type { Context } from '../auth/context.ts';
import { isId } from '../ids.ts';
import {
  casePartition,
  deletedPartition,
  duePartition,
  edgeKey,
  type IndexEntries,
  type IndexName,
  listPartition,
  type Segments,
  timelinePartition,
} from '../table/keys.ts';
import type { Write } from '../table/write.ts';
import { startOfDay } from '../time.ts';
import { lookupHash, normalised } from './keyed-hash.ts';
import { personsIn } from './persons.ts';
import { parentFields } from './place.ts';
import type { Fields, Resource } from './resource.ts';
import { viewOf, type Whole } from './stored.ts';
import { audienceAttribute, audiencesOf, copiesAfter, type ShownRow, shownWrite } from './visibility.ts';

/** A sort key holds 1,024 bytes, and a character in it takes up to five. */
const LONGEST_ORDER = 180;

const cut = (order: string): string => order.slice(0, LONGEST_ORDER);
const orderOf = (resource: Resource, record: Whole) => [cut(resource.order(record)), record.id];
/** A record's place in a timeline: its own time or its beginning where it has one, a day's being its first instant. */
function timeOf(resource: Resource, record: Whole): string[] {
  const begins = resource.spans ? String(record['from']) : record.createdAt;
  const time = resource.period ? resource.order(record) : begins;
  return [time.length === 10 ? startOfDay(time) : time, record.id];
}

/** Partition of the plain list; a nested resource has one for each parent. `fields` holds the parents' ids. */
export const listOfAll = (resource: Resource, fields: Fields): Segments =>
  listPartition(resource.path, ...parentFields(resource).map((field) => String(fields[field])));

/** Partition of the records that one filter value selects; of a nested resource, those of one parent. */
export const selectedList = (resource: Resource, fields: Fields, name: string, value: string): Segments => [
  ...listOfAll(resource, fields),
  name,
  value,
];

const caseNumbers = ({ caseRefs = [] }: Whole): string[] => [
  ...new Set(caseRefs.flatMap(({ caseNumber }) => (caseNumber === undefined ? [] : [caseNumber]))),
];
const inCase = ({ path }: Resource, { id }: Whole, caseNumber: string) => ({
  pk: casePartition(caseNumber),
  sk: [path, id],
});

/** Where a record stands in the indexes: its list, its owner's timeline, its filters, its first case, and what has changed of its type. */
export function indexOf(resource: Resource, record: Whole): IndexEntries {
  const sk = orderOf(resource, record);
  const owner = resource.about?.(record);
  const filters = Object.entries(resource.filters ?? {}).flatMap(([name, filter], at) => {
    const value = (typeof filter === 'function' ? filter : filter.of)(record);
    if (value === undefined) return [];
    const own = typeof filter === 'function' ? sk : [cut(filter.order(record)), record.id];
    return [[`filter${at + 1}`, { pk: selectedList(resource, record, name, value), sk: own }]];
  });
  const [caseNumber] = caseNumbers(record);
  const dueAt = resource.due?.(record);
  return {
    list: { pk: listOfAll(resource, record), sk },
    ...(caseNumber !== undefined && { case: inCase(resource, record, caseNumber) }),
    changed: { pk: listOfAll(resource, record), sk: [record.updatedAt, record.id] },
    ...(dueAt !== undefined && { due: { pk: duePartition, sk: [dueAt, resource.path, record.id] } }),
    ...(owner !== undefined && { about: { pk: timelinePartition(owner), sk: timeOf(resource, record) } }),
    ...(Object.fromEntries(filters) as Partial<Record<IndexName, { pk: string[]; sk: string[] }>>),
  };
}

/**
 * Where a deleted record stands: by whom it was about, so that the erasure of that person finds its history. A record of a
 * kind that can be deleted is about one person at most.
 */
export function indexOfDeleted(resource: Resource, record: Whole): IndexEntries {
  const [personId] = resource.deletable ? personsIn(resource, record) : [];
  return personId === undefined ? {} : { about: { pk: deletedPartition(personId), sk: [record.id] } };
}

const MENTIONS = 'mentions';
/** The list of the records of a type that mention an id. */
export const mentionsOf = (resource: Resource, id: string): Segments => selectedList(resource, {}, MENTIONS, id);

/** A row beside a record that shows it in one more list. */
interface Edge {
  readonly name: string;
  readonly value: string;
  readonly index: IndexEntries;
  /** It only says which record it is, so a change of the record leaves it alone. */
  readonly pointer?: true;
}

/** The edges of a record: to what it names, to its further cases, and by the hashes of what it is looked up by. */
async function edgesOf(ctx: Context, resource: Resource, record: Whole | undefined): Promise<Map<string, Edge>> {
  if (!record) return new Map();
  const sk = orderOf(resource, record);
  const listed = (name: string, value: string) => ({ pk: selectedList(resource, record, name, value), sk });
  const named = Object.entries(resource.edges ?? {}).flatMap(([name, valuesOf]) =>
    valuesOf(record).map((value) => ({
      name,
      value,
      index: {
        list: listed(name, value),
        ...(isId(value) && { about: { pk: timelinePartition(value), sk: timeOf(resource, record) } }),
      },
    })),
  );
  const looked = await Promise.all(
    Object.entries(resource.lookups ?? {}).flatMap(([name, valuesOf]) =>
      valuesOf(record).map(async (value) => {
        const hash = await lookupHash(ctx, name, normalised(name, value));
        const list = { pk: selectedList(resource, record, `lookup-${name}`, hash), sk: [record.id] };
        return { name: `lookup-${name}`, value: hash, index: { list }, pointer: true as const };
      }),
    ),
  );
  const mentioned = (resource.mentions?.(record) ?? []).map((value) => ({
    name: MENTIONS,
    value,
    index: { list: { pk: mentionsOf(resource, value), sk: [record.id] } },
    pointer: true as const,
  }));
  const cases = caseNumbers(record)
    .slice(1)
    .map((value) => ({ name: 'caseNumber', value, index: { case: inCase(resource, record, value) } }));
  return new Map(
    [...named, ...looked, ...mentioned, ...cases].map((edge: Edge) => [JSON.stringify([edge.name, edge.value]), edge]),
  );
}

/**
 * Writes the edges of a record, most with a copy of its view so that a list by edge is one Query, and removes old ones;
 * and the same for the partners who see the record.
 */
export async function edgeWrites(
  ctx: Context,
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  recordId: string,
): Promise<Write[]> {
  const [edges, standing] = await Promise.all([edgesOf(ctx, resource, after), edgesOf(ctx, resource, before)]);
  const gone = [...standing]
    .filter(([name]) => !edges.has(name))
    .map(([, { name, value }]): ShownRow => ({ key: edgeKey(recordId, name, value) }));
  const view = after && edges.size > 0 ? viewOf(resource, after) : undefined;
  const shown = [...edges]
    .filter(([key, { pointer }]) => !pointer || !standing.has(key))
    .map(
      ([, { name, value, index, pointer }]): ShownRow => ({
        key: edgeKey(recordId, name, value),
        shown: { type: resource.path, view: pointer ? { id: recordId } : view, index },
      }),
    );
  const record = after ?? before;
  if (!record) return [];
  const rows = [...gone, ...shown];
  const audiences = audienceAttribute(audiencesOf(resource, record));
  return [...rows.map((row) => shownWrite(row, audiences)), ...copiesAfter(resource, before, record, rows)];
}
