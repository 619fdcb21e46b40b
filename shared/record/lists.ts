import * as z from 'zod';
import type { Context } from '../context.ts';
import { invalid, nothingHere } from '../errors.ts';
import type { Answer, ApiRequest, QueryParameters } from '../operation.ts';
import { openCursor, sealCursor } from '../table/cursor.ts';
import { encodeSegment, type IndexName, recordKey, type Segments, timelinePartition } from '../table/keys.ts';
import { startOfDay } from '../time.ts';
import { day, instant } from './fields.ts';
import { listOfAll, selectedList } from './indexes.ts';
import type { Fields, Resource, View } from './resource.ts';
import { statusesOf } from './schemas.ts';
import { parse } from './validate.ts';

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** Query parameters of every list. */
export const pageParameters = (): QueryParameters => ({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(DEFAULT_PAGE)
    .describe(`How many items at most, 1–${MAX_PAGE}.`),
  cursor: z.string().max(2_000).describe('`nextCursor` of the page before.').optional(),
});

const moment = (description: string) =>
  z
    .union([instant(description), day(description)])
    .describe(`${description} An instant, or a date: its first instant in Denmark.`)
    .optional();

/** Query parameters of a resource's list: its filters, one at a time, and `from` and `to` where its order is in time. */
export function listParameters(resource: Resource): QueryParameters {
  const filters = [...Object.keys(resource.filters ?? {}), ...Object.keys(resource.edges ?? {})].map((name) => {
    const schema =
      name === 'status' && resource.machine ? z.enum(statusesOf(resource.machine)) : z.string().min(1).max(200);
    return [name, schema.describe(`Only those with this ${name}. One filter at a time.`).optional()];
  });
  return {
    ...Object.fromEntries(filters),
    ...(resource.period && { from: moment('From this time on.'), to: moment('Before this time.') }),
    ...pageParameters(),
  };
}

/** The partition and index that a list with these filters reads. */
function selectionOf(
  resource: Resource,
  parentId: string | undefined,
  chosen: Fields,
): { index: IndexName; partition: Segments } {
  const slots = Object.keys(resource.filters ?? {});
  const names = [...slots, ...Object.keys(resource.edges ?? {})].filter((name) => chosen[name] !== undefined);
  const [name, second] = names;
  if (second !== undefined) throw invalid(`/query/${second}`, `Filters cannot be combined; ${name} is there already.`);
  if (name === undefined) return { index: 'list', partition: listOfAll(resource, parentId) };
  const index = slots.includes(name) ? (`filter${slots.indexOf(name) + 1}` as IndexName) : 'list';
  return { index, partition: selectedList(resource, parentId, name, String(chosen[name])) };
}

interface Listing {
  readonly index: IndexName;
  readonly partition: Segments;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly descending?: boolean | undefined;
}

/** One page of an index: one Query that reads what it shows. `itemOf` gives the item of a row. */
export async function pageOf(
  ctx: Context,
  request: ApiRequest,
  listing: Listing,
  page: Fields,
  itemOf: (row: Fields) => unknown,
): Promise<Answer> {
  const query = JSON.stringify([listing.index, listing.partition, listing.from, listing.to]);
  const key = { secret: ctx.tenant.cursorKey };
  const cursor = page['cursor'] as string | undefined;
  const { rows, last } = await ctx.table.query({
    ...listing,
    after: cursor === undefined ? undefined : openCursor(key, query, cursor),
    limit: page['limit'] as number,
  });
  const nextCursor = last === undefined ? undefined : sealCursor(key, query, last);
  return {
    status: 200,
    body: { items: rows.map(itemOf), ...(nextCursor !== undefined && { nextCursor }) },
    ...(nextCursor !== undefined && { headers: { link: nextLink(request, nextCursor) } }),
  };
}

/** RFC 8288 link to the next page, relative to the one that was asked for. */
function nextLink({ query }: ApiRequest, cursor: string): string {
  return `<?${new URLSearchParams({ ...query, cursor })}>; rel="next"`;
}

const instantOfBound = (bound: unknown): string | undefined =>
  typeof bound === 'string' && bound.length === 10 ? startOfDay(bound) : (bound as string | undefined);

/** Lists a resource, in its natural order, by at most one filter. */
export async function listRecords(
  ctx: Context,
  resource: Resource,
  request: ApiRequest,
  parentId?: string,
): Promise<Answer> {
  const chosen = parse(z.strictObject(listParameters(resource)), request.query, '/query') as Fields;
  const [from, to] = [instantOfBound(chosen['from']), instantOfBound(chosen['to'])];
  const listing: Listing = {
    ...selectionOf(resource, parentId, chosen),
    from: from && encodeSegment(from),
    to: to && encodeSegment(to),
    descending: resource.newestFirst,
  };
  const [page] = await Promise.all([
    pageOf(ctx, request, listing, chosen, (row) => row['view'] as View),
    requireParent(ctx, resource, parentId),
  ]);
  return page;
}

/** Throws `not_found` unless the record exists under which a nested resource is listed. */
async function requireParent(ctx: Context, { parent }: Resource, parentId: string | undefined): Promise<void> {
  if (!parent || parentId === undefined) return;
  const row = await ctx.table.get(recordKey(parentId));
  if (row?.['type'] !== parent.path || row['deleted'] === true) throw nothingHere();
}

/** One entry of a timeline. */
export const timelineItem = () =>
  z
    .strictObject({
      type: z.string().describe('Collection of the record (posttype), such as `calls`.'),
      at: instant('When it happened, UTC (tidspunkt): what the timeline is ordered by.'),
      record: z
        .looseObject({})
        .describe('The record (post) without its sensitive fields, as its own collection lists it.'),
    })
    .meta({
      description: 'One entry of the timeline.',
      examples: [
        {
          type: 'calls',
          at: '2026-11-21T21:14:00.000Z',
          record: { id: '01930000-0000-7000-8000-000000000009', topic: 'conflict', severity: 2, status: 'closed' },
        },
      ],
    });

/** Everything that stands in a record's timeline, newest first. */
export function listTimeline(ctx: Context, request: ApiRequest, ownerId: string): Promise<Answer> {
  const page = parse(z.strictObject(pageParameters()), request.query, '/query') as Fields;
  const listing: Listing = { index: 'about', partition: timelinePartition(ownerId), descending: true };
  return pageOf(ctx, request, listing, page, (row) => ({
    type: row['type'],
    at: String(row['aboutSk']).slice(0, String(row['aboutSk']).indexOf('#')),
    record: row['view'],
  }));
}
