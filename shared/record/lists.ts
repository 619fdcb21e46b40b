import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import type { Answer, ApiRequest, QueryParameters } from '../operation.ts';
import { openCursor, sealCursor } from '../table/cursor.ts';
import { encodeSegment, type IndexName, type Segments } from '../table/keys.ts';
import type { RangeQuery, ScopedTable } from '../table/scoped-table.ts';
import { startOfDay } from '../time.ts';
import { day, instant } from './fields.ts';
import { listOfAll, selectedList } from './indexes.ts';
import { type Parents, requireParents } from './place.ts';
import type { Fields, Resource, View } from './resource.ts';
import { statusesOf } from './schemas.ts';
import { parse } from './validate.ts';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** Query parameters of every list. */
export const pageParameters = (most = MAX_PAGE): QueryParameters => ({
  limit: z.coerce.number().int().min(1).max(most).default(DEFAULT_PAGE).describe(`How many items at most, 1–${most}.`),
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

/** Query parameters of a resource's list: its filters, one at a time, and the bounds that its order in time allows. */
export function listParameters(resource: Resource): QueryParameters {
  const filters = [...Object.keys(resource.filters ?? {}), ...Object.keys(resource.edges ?? {})].map((name) => {
    const schema =
      name === 'status' && resource.machine ? z.enum(statusesOf(resource.machine)) : z.string().min(1).max(200);
    return [name, schema.describe(`Only those with this ${name}. One filter at a time.`).optional()];
  });
  return {
    ...Object.fromEntries(filters),
    ...(resource.period && { from: moment('From this time on.'), to: moment('Before this time.') }),
    ...(resource.spans && { on: day('Only those that hold on this day, a local date.').optional() }),
    ...Object.fromEntries(
      boundedFilters(resource).flatMap(({ name, bounds }) => [
        [`${bounds}From`, day(`With ${name}: from this day on, in the order of these days.`).optional()],
        [`${bounds}To`, day(`With ${name}: up to this day, which is included.`).optional()],
      ]),
    ),
    changedSince: instant(
      'Only those changed at this time or later, in the order of their last change. Deleted ones are told by their events.',
    ).optional(),
    ...pageParameters(),
  };
}

/** The partition and index that a list with these filters reads. */
function selectionOf(resource: Resource, parents: Parents, chosen: Fields): Listing {
  const slots = Object.keys(resource.filters ?? {});
  const names = [...slots, ...Object.keys(resource.edges ?? {})].filter((name) => chosen[name] !== undefined);
  if (chosen['changedSince'] !== undefined) names.push('changedSince');
  names.push(...['from', 'to', 'on'].filter((bound) => names.includes('changedSince') && chosen[bound] !== undefined));
  const [name, second] = names;
  if (second !== undefined) throw invalid(`/query/${second}`, `Filters cannot be combined; ${name} is there already.`);
  for (const bounded of boundedFilters(resource)) {
    const given = [`${bounded.bounds}From`, `${bounded.bounds}To`].find((bound) => chosen[bound] !== undefined);
    if (given !== undefined && name !== bounded.name)
      throw invalid(`/query/${given}`, `It goes with the filter ${bounded.name}.`);
  }
  const descending = resource.newestFirst;
  const unnarrowed = resource.referenceData;
  const partition = listOfAll(resource, parents);
  if (name === 'changedSince') return { index: 'changed', partition, unnarrowed, from: String(chosen[name]) };
  const natural = { ...timeBounds(chosen), descending, unnarrowed };
  if (name === undefined) return { index: 'list', partition, ...natural };
  const selected = selectedList(resource, parents, name, String(chosen[name]));
  if (!slots.includes(name)) return { index: 'list', partition: selected, ...natural };
  const index = `filter${slots.indexOf(name) + 1}` as IndexName;
  const filter = resource.filters?.[name];
  if (typeof filter !== 'object') return { index, partition: selected, ...natural };
  const other = ['from', 'to', 'on'].find((bound) => chosen[bound] !== undefined);
  if (other !== undefined)
    throw invalid(`/query/${other}`, `With ${name} the bounds are ${filter.bounds}From and ${filter.bounds}To.`);
  const to = chosen[`${filter.bounds}To`];
  return {
    index,
    partition: selected,
    unnarrowed,
    from: chosen[`${filter.bounds}From`] as string | undefined,
    to: to === undefined ? undefined : dayAfterSeparator(String(to)),
  };
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

/** One page of a range: one Query that reads what it shows. `itemOf` gives the item of a row. */
export async function pageOf(
  ctx: Context,
  request: ApiRequest,
  listing: Listing,
  page: Fields,
  itemOf: (row: Fields) => unknown,
  belongs: (row: Fields) => boolean = () => true,
): Promise<Answer> {
  const { table = ctx.table, index, partition, from, to, bound = { from, to } } = listing;
  const query = JSON.stringify([index, partition, bound]);
  const key = { secret: ctx.tenant.cursorKey };
  const cursor = page['cursor'] as string | undefined;
  const { rows, last } = await table.query({
    ...listing,
    after: cursor === undefined ? undefined : openCursor(key, query, cursor),
    limit: page['limit'] as number,
  });
  const nextCursor = last === undefined ? undefined : sealCursor(key, query, last);
  return {
    status: 200,
    body: { items: rows.filter(belongs).map(itemOf), ...(nextCursor !== undefined && { nextCursor }) },
    ...(nextCursor !== undefined && { headers: { link: nextLink(request, nextCursor) } }),
  };
}

/** RFC 8288 link to the next page, relative to the one that was asked for. */
export function nextLink({ query }: ApiRequest, cursor: string): string {
  return `<?${new URLSearchParams({ ...query, cursor })}>; rel="next"`;
}

/** The instant that {@link moment} names. */
export const instantOfBound = (bound: unknown): string | undefined =>
  typeof bound === 'string' && bound.length === 10 ? startOfDay(bound) : (bound as string | undefined);

/** Lists a resource, in its natural order, by at most one filter. */
export async function listRecords(
  ctx: Context,
  resource: Resource,
  request: ApiRequest,
  parents: Parents = {},
): Promise<Answer> {
  const chosen = parse(z.strictObject(listParameters(resource)), request.query, '/query') as Fields;
  const [page] = await Promise.all([
    pageOf(ctx, request, selectionOf(resource, parents, chosen), chosen, (row) => row['view'] as View, notYet(chosen)),
    requireParents(ctx, resource, parents),
  ]);
  return page;
}

/** What ends on a day or later may start after it: what is agreed for later is left out of a list of what holds on a day. */
const notYet =
  ({ on }: Fields) =>
  (row: Fields): boolean =>
    on === undefined || String((row['view'] as Fields)['from']) <= String(on);
