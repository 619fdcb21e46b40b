import type { Context } from '../auth/context.ts';
import { isId } from '../ids.ts';
import { selectedList } from '../record/indexes.ts';
import { notFound } from '../record/read.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { type Stored, storedOf } from '../record/stored.ts';
import { children } from '../resources/children.ts';
import { concernReports } from '../resources/concern-reports.ts';
import { consultants } from '../resources/consultants.ts';
import { erasures } from '../resources/erasures.ts';
import { families } from '../resources/families.ts';
import { legalHolds } from '../resources/legal-holds.ts';
import { RESOURCES } from '../resources/registry.ts';
import { shifts } from '../resources/shifts.ts';
import { staff } from '../resources/staff.ts';
import { type IndexName, recordKey, type Segments, timelinePartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';

/**
 * Where the record is about a person: the timeline, in which what names a family or a child stands, and the lists of what
 * stands in no timeline. What a consultant or staff member did with families is about those families, so of such a person
 * it is the shifts.
 */
const BESIDE: ReadonlyMap<Resource, readonly (readonly [Resource, string])[]> = new Map([
  [families, [[concernReports, 'familyId']]],
  [children, []],
  [consultants, [[shifts, 'staffId']]],
  [staff, [[shifts, 'staffId']]],
]);
/** What is done about the person's data itself. */
const ABOUT_DATA = [
  [legalHolds, 'subjectId'],
  [erasures, 'subjectId'],
] as const;

/** A list in which records about a person stand. */
export interface Strand {
  readonly index: IndexName;
  readonly partition: Segments;
}

/** The lists in which everything about a person or household stands, each in the order of time. */
export function strandsOf(resource: Resource, id: string): Strand[] {
  const lists = [...(BESIDE.get(resource) ?? []), ...ABOUT_DATA].map(([listed, filter]): Strand => {
    const slot = Object.keys(listed.filters ?? {}).indexOf(filter) + 1;
    return { index: `filter${slot}` as IndexName, partition: selectedList(listed, {}, filter, id) };
  });
  return [{ index: 'about', partition: timelinePartition(id) }, ...lists];
}

/** One page of a strand: the records of it, newest first, each with its resource. What is no record of ours is left out. */
export async function pageOfStrand(
  ctx: Context,
  strand: Strand,
  after: string | undefined,
  limit: number,
): Promise<{ readonly found: readonly Found[]; readonly last?: string | undefined }> {
  const { rows, last } = await ctx.table.query({ ...strand, after, descending: true, limit });
  const placed = rows.flatMap((row) => {
    const resource = RESOURCES.find(({ path }) => path === row['type']);
    return resource
      ? [{ resource, id: String((row['view'] as Fields)['id']), place: String(row[`${strand.index}Sk`]) }]
      : [];
  });
  return { found: placed, last };
}

/** A record by where it was found. */
export interface Found {
  readonly resource: Resource;
  readonly id: string;
  /** Its sort key there. */
  readonly place: string;
}

/** A record with its resource, as it lies in the table. */
export interface Held {
  readonly resource: Resource;
  readonly stored: Stored;
}

/** Reads what was found, in that order, each once; what is gone meanwhile is left out. */
export async function readAll(ctx: Context, found: readonly Found[]): Promise<(Held & { readonly place: string })[]> {
  const rows = await ctx.table.getMany([...new Set(found.map(({ id }) => id))].map(recordKey));
  const byId = new Map(rows.map((row) => [(row['view'] as { id: string }).id, row]));
  return found.flatMap(({ resource, id, place }) => {
    const stored = storedOf(resource, byId.get(id));
    return stored ? [{ resource, stored, place }] : [];
  });
}

const WHOLE_PAGE = 100;

/** Everything about a person, page by page; what stands in two lists comes once. */
export async function* foundAbout(ctx: Context, resource: Resource, id: string): AsyncGenerator<readonly Found[]> {
  const seen = new Set<string>();
  for (const strand of strandsOf(resource, id)) {
    let after: string | undefined;
    do {
      const page = await pageOfStrand(ctx, strand, after, WHOLE_PAGE);
      const fresh = page.found.filter((one) => !seen.has(one.id));
      for (const one of fresh) seen.add(one.id);
      yield fresh;
      after = page.last;
    } while (after !== undefined);
  }
}

/** The resource of a row that is a person's or household's own; undefined for any other row. */
export const subjectResource = (row: Row | undefined): Resource | undefined =>
  [...BESIDE.keys()].find(({ path }) => path === row?.['type']);

/** The person or household with an id. Throws `not_found` where the municipality has none. */
export async function loadSubject(ctx: Context, id: string): Promise<Held> {
  const row = isId(id) ? await ctx.table.get(recordKey(id)) : undefined;
  const resource = subjectResource(row);
  const stored = resource && storedOf(resource, row);
  if (!resource || !stored) throw notFound(families);
  return { resource, stored };
}
