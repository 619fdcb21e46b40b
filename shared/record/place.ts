import type { Context } from '../auth/context.ts';
import { nothingHere } from '../errors.ts';
import { isId } from '../ids.ts';
import { type ApiRequest, param } from '../operation.ts';
import { recordKey } from '../table/keys.ts';
import type { Fields, Resource } from './resource.ts';

/** The ids of what a nested record belongs to, by the fields that hold them; empty where it is not nested. */
export type Parents = Readonly<Record<string, string>>;

/** Where a record stands: its id, and what it is nested under. */
export interface Place {
  readonly id: string;
  readonly parents?: Parents | undefined;
}

/** Path template of a collection below the municipality, with `{parentId}` and `{partId}` where it is nested. */
export function collectionOf({ path, parent }: Resource): string {
  if (!parent) return path;
  return `${parent.path}/{parentId}/${parent.part ? `${parent.part.path}/{partId}/` : ''}${path}`;
}

/** The fields that hold the ids of what a record is nested under, outermost first. */
export const parentFields = ({ parent }: Resource): string[] =>
  parent ? [parent.field, ...(parent.part ? [parent.part.field] : [])] : [];

/** What a request's path says a record is nested under. Throws `not_found` for what is no id. */
export function parentsOf(resource: Resource, request: ApiRequest): Parents {
  const names = ['parentId', 'partId'];
  return Object.fromEntries(
    parentFields(resource).map((field, at) => {
      const id = param(request, names[at] as string);
      if (!isId(id)) throw nothingHere();
      return [field, id];
    }),
  );
}

/** Path of a record, also its `href` in events. */
export function hrefOf(ctx: Context, resource: Resource, record: Fields): string {
  const [parentId, partId] = parentFields(resource).map((field) => String(record[field]));
  const collection = collectionOf(resource)
    .replace('{parentId}', parentId ?? '')
    .replace('{partId}', partId ?? '');
  return `v1/municipalities/${ctx.tenant.code}/${collection}/${String(record['id'])}`;
}

/** Throws `not_found` unless what a nested record is to stand under exists. */
export async function requireParents(ctx: Context, { parent }: Resource, parents: Parents): Promise<void> {
  if (!parent) return;
  const row = await ctx.table.get(recordKey(parents[parent.field] as string));
  if (row?.['type'] !== parent.path || row['deleted'] === true) throw nothingHere();
  if (parent.part && !parent.part.ids(row['view'] as Fields).includes(parents[parent.part.field] as string)) {
    throw nothingHere();
  }
}
