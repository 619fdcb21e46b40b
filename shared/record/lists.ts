import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import type { Answer, ApiRequest, QueryParameters } from '../operation.ts';
import { openCursor, sealCursor } from '../table/cursor.ts';
import { encodeSegment, type IndexName, type Segments } from '../table/keys.ts';
import type { RangeQuery, ScopedTable } from '../table/scoped-table.ts';
import { startOfDay } from '../time.ts';
import { day, instant } from './fields.ts';
import { filterNames, filterSchema } from './filter-schema.ts';
import { listOfAll, selectedList } from './indexes.ts';
import { type Parents, requireParents } from './place.ts';
import { wholeInQuery } from './query.ts';
import type { Fields, Resource, View } from './resource.ts';
import { parse } from './validate.ts';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** Query parameters of every list. */
export const pageParameters = (most = MAX_PAGE): QueryParameters => ({
  limit: wholeInQuery(z.int().min(1).max(most)).default(DEFAULT_PAGE).describe(`How many items at most, 1–${most}.`),
  cursor: z.string().max(2_000).describe('`nextCursor` of the page before.').optional(),
});

/** A page of items, as every list answers. */
export const pageSchema = (item: z.ZodType, description: string): z.ZodObject =>
  z.strictObject({
    items: z.array(item).describe(description),
    nextCursor: z
      .string()
      .meta({
        description: 'Give it as `cursor` to get the next page (næste side); absent on the last one.',
        examples: ['a0Z3b2xkMjAyNi0xMS0yMHRpbWVsaW5l'],
      })
      .optional(),
    more: z
      .literal(true)
      .describe(
        'This page is not full and there is more (flere). Where filters leave records out, a page reads ten times `limit` records at most.',
      )
      .optional(),
  });

/** A bound of a list in time. */
export const moment = (description: string) =>
  z
    .union([instant(description), day(description)])
    .describe(`${description} An instant, or a date: its first instant in Denmark.`)
    .optional();

/** The filters whose lists have an order of their own. */
const boundedFilters = (resource: Resource) =>
  Object.entries(resource.filters ?? {}).flatMap(([name, filter]) =>
    typeof filter === 'function' ? [] : [{ name, bounds: filter.bounds }],
  );

/** Query parameters of a resource's list: its filters, and the bounds that its order in time allows. */
export function listParameters(resource: Resource): QueryParameters {
  const filters = filterNames(resource).map((name) => [
    name,
    filterSchema(resource, name).describe(`Only those with this ${name}.`).optional(),
  ]);
  return {
    ...Object.fromEntries(filters),
    ...(resource.period && { from: moment('From this time on.'), to: moment('Before this time.') }),
    ...(resource.spans && { on: day('Only those that hold on this day, a local date.').optional() }),
    ...Object.fromEntries(
      boundedFilters(resource).flatMap(({ name, bounds }) => [
        [`${bounds}From`, day(`With ${name} alone: from this day on, in the order of these days.`).optional()],
        [`${bounds}To`, day(`With ${name} alone: up to this day, which is included.`).optional()],
      ]),
    ),
    changedSince: instant(
      'Only those changed at this time or later, in the order of their last change. Deleted ones are told by their events.',
    ).optional(),
    ...pageParameters(),
  };
}

/** What of a list's parameters chooses its range, and which of the filters is left to be applied to what is read. */
interface Selection {
  readonly listing: Listing;
  readonly rest: readonly string[];
}

/** Throws 422 where a bound does not go with what the list is read by. */
function requireBounds(resource: Resource, base: string | undefined, chosen: Fields): void {
  for (const { name, bounds } of boundedFilters(resource)) {
    const given = [`${bounds}From`, `${bounds}To`].find((bound) => chosen[bound] !== undefined);
    if (given !== undefined && base !== name)
      throw invalid(`/query/${given}`, `It goes with the filter ${name}, and with no filter by an id or changedSince.`);
    const other = ['from', 'to', 'on'].find((bound) => chosen[bound] !== undefined);
    if (base === name && other !== undefined)
      throw invalid(`/query/${other}`, `With ${name} the bounds are ${bounds}From and ${bounds}To.`);
  }
  const timed = ['from', 'to', 'on'].find((bound) => chosen[bound] !== undefined);
  if (base === 'changedSince' && timed !== undefined)
    throw invalid(`/query/${timed}`, 'It does not go with changedSince, whose list has another order.');
}

/**
 * Decides which range a list with these filters reads: that of the records changed since, or of one owner (a filter by an
 * id), or of the first other filter that has an index. Further filters are applied to what is read.
 */
function selectionOf(resource: Resource, parents: Parents, chosen: Fields): Selection {
  const slots = Object.keys(resource.filters ?? {});
  const given = filterNames(resource).filter((name) => chosen[name] !== undefined);
  const indexed = given.filter((name) => slots.includes(name) || name in (resource.edges ?? {}));
  const owner = indexed.find((name) => name.endsWith('Id'));
  const base = chosen['changedSince'] === undefined ? (owner ?? indexed[0]) : 'changedSince';
  requireBounds(resource, base, chosen);
  const rest = given.filter((name) => name !== base);
  const descending = resource.newestFirst;
  const unnarrowed = resource.referenceData;
  const partition = listOfAll(resource, parents);
  const natural = { ...timeBounds(chosen), descending, unnarrowed };
  if (base === 'changedSince')
    return { listing: { index: 'changed', partition, unnarrowed, from: String(chosen[base]) }, rest };
  if (base === undefined) return { listing: { index: 'list', partition, ...natural }, rest };
  const selected = selectedList(resource, parents, base, String(chosen[base]));
  if (!slots.includes(base)) return { listing: { index: 'list', partition: selected, ...natural }, rest };
  const index = `filter${slots.indexOf(base) + 1}` as IndexName;
  const filter = resource.filters?.[base];
  if (typeof filter !== 'object') return { listing: { index, partition: selected, ...natural }, rest };
  const to = chosen[`${filter.bounds}To`];
  const listing = {
    index,
    partition: selected,
    unnarrowed,
    from: chosen[`${filter.bounds}From`] as string | undefined,
    to: to === undefined ? undefined : dayAfterSeparator(String(to)),
  };
  return { listing, rest };
}

/** Above every sort key that starts with the day: `#` comes first after it, and `$` is next. */
const dayAfterSeparator = (date: string): string => `${date}$`;

/** The bounds of a list in its natural order. What holds on a day ends on it or later. */
function timeBounds(chosen: Fields): { from?: string | undefined; to?: string | undefined } {
  const [from, to] = [instantOfBound(chosen['from']), instantOfBound(chosen['to'])];
  if (chosen['on'] !== undefined) return { from: String(chosen['on']) };
  return { from: from && encodeSegment(from), to: to && encodeSegment(to) };
}

/** One range of one partition, of an index or of the table itself. */
export interface Listing {
  /** Where it lies; among the municipality's rows when left out. */
  readonly table?: ScopedTable;
  /** In the table itself when left out. */
  readonly index?: IndexName | undefined;
  readonly partition: Segments;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly descending?: boolean | undefined;
  readonly unnarrowed?: RangeQuery['unnarrowed'];
  /** What a cursor holds good for, where the bounds move with time; else it is the bounds. */
  readonly bound?: object;
}

/** Rows that a page reads at most, for each that it may show, where filters leave some of them out. */
const READ_FOR_EACH = 10;

/** What is read for one page: the rows that belong to it, and the place of the last one that was looked at. */
interface Found {
  readonly rows: readonly Fields[];
  readonly last?: string | undefined;
  readonly isFull: boolean;
}

/** Reads on until the page is full, the range ends, or ten times as many rows were read as it may show. */
async function readBelonging(
  table: ScopedTable,
  range: Listing & { readonly after: string | undefined; readonly limit: number },
  belongs: (row: Fields) => boolean,
): Promise<Found> {
  const place = range.index === undefined ? 'sk' : `${range.index}Sk`;
  const rows: Fields[] = [];
  let { after } = range;
  for (let read = 0; read < range.limit * READ_FOR_EACH; read += range.limit) {
    const page = await table.query({ ...range, after });
    for (const row of page.rows) {
      if (!belongs(row)) continue;
      rows.push(row);
      if (rows.length < range.limit) continue;
      const isLast = page.last === undefined && row === page.rows.at(-1);
      return { rows, last: isLast ? undefined : String(row[place]), isFull: true };
    }
    if (page.last === undefined) return { rows, isFull: false };
    after = page.last;
  }
  return { rows, last: after, isFull: false };
}

/**
 * Answers one page of a range. Without `belongs` it is one Query that reads what it shows. `itemOf` gives the item of a row.
 */
export async function pageOf(
  ctx: Context,
  request: ApiRequest,
  listing: Listing,
  page: Fields,
  itemOf: (row: Fields) => unknown,
  belongs?: (row: Fields) => boolean,
): Promise<Answer> {
  const { table = ctx.table, index, partition, from, to, bound = { from, to } } = listing;
  const query = JSON.stringify([index, partition, bound]);
  const key = { secret: ctx.tenant.cursorKey };
  const cursor = page['cursor'] as string | undefined;
  const limit = page['limit'] as number;
  const range = { ...listing, after: cursor === undefined ? undefined : openCursor(key, query, cursor), limit };
  const { rows, last, isFull }: Found = belongs
    ? await readBelonging(table, range, belongs)
    : { ...(await table.query(range)), isFull: true };
  const items = rows.map(itemOf);
  if (last === undefined) return { status: 200, body: { items } };
  const nextCursor = sealCursor(key, query, last);
  return {
    status: 200,
    body: { items, nextCursor, ...(!isFull && { more: true }) },
    headers: { link: nextLink(request, { cursor: nextCursor }) },
  };
}

/** RFC 8288 link to the next page, relative to the one that was asked for; `place` is where that page begins. */
export function nextLink({ query }: ApiRequest, place: Readonly<Record<string, string>>): string {
  return `<?${new URLSearchParams({ ...query, ...place })}>; rel="next"`;
}

/** The instant that {@link moment} names. */
export const instantOfBound = (bound: unknown): string | undefined =>
  typeof bound === 'string' && bound.length === 10 ? startOfDay(bound) : (bound as string | undefined);

/** Whether a record has what is asked for, by a filter that the list was not read by. */
function hasValue(resource: Resource, name: string, view: View, value: string): boolean {
  const filter = resource.filters?.[name];
  if (filter) return (typeof filter === 'function' ? filter : filter.of)(view as never) === value;
  const edge = resource.edges?.[name];
  if (edge) return edge(view as never).includes(value);
  return String(view[name]) === value;
}

/** Lists a resource by its filters. */
export async function listRecords(
  ctx: Context,
  resource: Resource,
  request: ApiRequest,
  parents: Parents = {},
): Promise<Answer> {
  const chosen = parse(z.strictObject(listParameters(resource)), request.query, '/query') as Fields;
  const { listing, rest } = selectionOf(resource, parents, chosen);
  const { on } = chosen;
  const belongs = ({ view }: Fields): boolean =>
    // What ends on a day or later may start after it: what is agreed for later does not hold on that day.
    (on === undefined || String((view as Fields)['from']) <= String(on)) &&
    rest.every((name) => hasValue(resource, name, view as View, String(chosen[name])));
  const bound = {
    ...listing.bound,
    from: listing.from,
    to: listing.to,
    on,
    rest: rest.map((name) => [name, chosen[name]]),
  };
  const narrows = on !== undefined || rest.length > 0;
  const [page] = await Promise.all([
    pageOf(ctx, request, { ...listing, bound }, chosen, (row) => row['view'] as View, narrows ? belongs : undefined),
    requireParents(ctx, resource, parents),
  ]);
  return page;
}
