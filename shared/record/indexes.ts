import { isId } from '../ids.ts';
import { edgeKey, type IndexEntries, type IndexName, listPartition, timelinePartition } from '../table/keys.ts';
import type { Write } from '../table/write.ts';
import type { Resource } from './resource.ts';
import { viewOf, type Whole } from './stored.ts';

/** A sort key holds 1,024 bytes, and a character in it takes up to five. */
const LONGEST_ORDER = 180;

const orderOf = (resource: Resource, record: Whole) => [resource.order(record).slice(0, LONGEST_ORDER), record.id];
const timeOf = (resource: Resource, record: Whole) => [
  resource.period ? resource.order(record) : record.createdAt,
  record.id,
];

/** Partition of the plain list; a nested resource has one for each parent. */
export const listOfAll = (resource: Resource, parentId: unknown) =>
  listPartition(resource.path, ...(resource.parent ? [String(parentId)] : []));

/** Partition of the records that one filter value selects; of a nested resource, those of one parent. */
export const selectedList = (resource: Resource, parentId: unknown, name: string, value: string) => [
  ...listOfAll(resource, parentId),
  name,
  value,
];

const parentOf = (resource: Resource, record: Whole): unknown => resource.parent && record[resource.parent.field];

/** Where a record stands in the indexes: its list, its owner's timeline, and its filters. */
export function indexOf(resource: Resource, record: Whole): IndexEntries {
  const sk = orderOf(resource, record);
  const owner = resource.about?.(record);
  const filters = Object.entries(resource.filters ?? {}).flatMap(([name, filterOf], at) => {
    const value = filterOf(record);
    return value === undefined
      ? []
      : [[`filter${at + 1}`, { pk: selectedList(resource, parentOf(resource, record), name, value), sk }]];
  });
  return {
    list: { pk: listOfAll(resource, parentOf(resource, record)), sk },
    ...(owner !== undefined && { about: { pk: timelinePartition(owner), sk: timeOf(resource, record) } }),
    ...(Object.fromEntries(filters) as Partial<Record<IndexName, { pk: string[]; sk: string[] }>>),
  };
}

/** Edges of a record as `name` and the id each leads to. */
const edgesOf = (resource: Resource, record: Whole | undefined): [string, string][] =>
  record
    ? Object.entries(resource.edges ?? {}).flatMap(([name, idsOf]) =>
        [...new Set(idsOf(record))].map((id): [string, string] => [name, id]),
      )
    : [];

/** Writes the edges of a record, each with a copy of its view so that a list by edge is one Query, and removes old ones. */
export function edgeWrites(
  resource: Resource,
  before: Whole | undefined,
  after: Whole | undefined,
  recordId: string,
): Write[] {
  const edges = edgesOf(resource, after);
  const kept = new Set(edges.map((edge) => JSON.stringify(edge)));
  const gone = edgesOf(resource, before)
    .filter((edge) => !kept.has(JSON.stringify(edge)))
    .map(([name, id]): Write => ({ kind: 'delete', key: edgeKey(recordId, name, id) }));
  if (!after || edges.length === 0) return gone;
  const view = viewOf(resource, after);
  return [
    ...gone,
    ...edges.map(
      ([name, id]): Write => ({
        kind: 'put',
        key: edgeKey(recordId, name, id),
        item: { type: resource.path, view },
        index: {
          list: { pk: selectedList(resource, parentOf(resource, after), name, id), sk: orderOf(resource, after) },
          ...(isId(id) && { about: { pk: timelinePartition(id), sk: timeOf(resource, after) } }),
        },
      }),
    ),
  ];
}
