import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { isId, SOURCE } from '../ids.ts';
import { type Answer, etagOf } from '../operation.ts';
import type { Purpose } from '../privacy/access-log.ts';
import { lockKey, recordKey } from '../table/keys.ts';
import { externalName } from './guards.ts';
import { fetchOwnerKey, fetchOwnKey } from './owner-key.ts';
import { type Parents, type Place, parentFields } from './place.ts';
import type { Resource } from './resource.ts';
import { opened } from './sealing.ts';
import { showRecord } from './sensitive-gate.ts';
import { type Opened, type Stored, storedOf } from './stored.ts';
import { requireOwnRow } from './visibility.ts';

/** The refusal for an id that this municipality does not have; the same whether another one has it or nobody. */
export const notFound = (resource: Resource): Problem =>
  new Problem('not_found', `There is no such ${resource.name} here.`);

/** Reads a record, strongly consistent. Throws `not_found` where the municipality has none of this type by that id. */
export async function load(ctx: Context, resource: Resource, { id, parents }: Place): Promise<Stored> {
  if (!isId(id)) throw notFound(resource);
  const stored = storedOf(resource, await ctx.table.get(recordKey(id)));
  if (!stored || parentFields(resource).some((field) => stored.view[field] !== parents?.[field]))
    throw notFound(resource);
  return stored;
}

/** Reads a record as {@link load} does, its sensitive fields opened. */
export async function loadOpened(ctx: Context, resource: Resource, place: Place): Promise<Opened> {
  fetchOwnKey(ctx, resource, place.id);
  return opened(ctx, await load(ctx, resource, place));
}

/** Reads a record as {@link loadOpened} does, for a change of it. Throws `forbidden` where the client may see it and not change it. */
export async function loadToChange(ctx: Context, resource: Resource, place: Place): Promise<Opened> {
  fetchOwnKey(ctx, resource, place.id);
  const stored = await load(ctx, resource, place);
  requireOwnRow(ctx, resource, stored.view);
  const [before] = await Promise.all([opened(ctx, stored), fetchOwnerKey(ctx, resource, stored)]);
  return before;
}

/** Returns the stored record with this id, or undefined if there is none of this type. */
export async function findRecord(ctx: Context, resource: Resource, id: string): Promise<Stored | undefined> {
  return storedOf(resource, await ctx.table.get(recordKey(id)));
}

/** Reads a record as {@link findRecord} does, its sensitive fields opened. */
export async function findOpened(ctx: Context, resource: Resource, id: string): Promise<Opened | undefined> {
  const stored = await findRecord(ctx, resource, id);
  return stored && opened(ctx, stored);
}

/** Reads those of the records that exist, in no order. */
export async function findRecords(ctx: Context, resource: Resource, ids: readonly string[]): Promise<Stored[]> {
  const rows = await ctx.table.getMany([...new Set(ids)].map(recordKey));
  return rows.flatMap((row) => storedOf(resource, row) ?? []);
}

/** Reads one record. What it shows of sensitive fields is in the access log before; where it cannot be, nothing is shown. */
export async function getRecord(ctx: Context, resource: Resource, place: Place, purpose: Purpose): Promise<Answer> {
  if (ctx.scopes.has('sensitive:read')) fetchOwnKey(ctx, resource, place.id);
  const stored = await load(ctx, resource, place);
  const body = await showRecord(ctx, resource, stored, purpose);
  return { status: 200, body, headers: { etag: etagOf(stored.view.version) } };
}

/** Id of the record that a source knows by its own id, undefined where there is none. */
export async function findByExternalId(
  ctx: Context,
  resource: Resource,
  source: string,
  externalId: string,
): Promise<string | undefined> {
  if (!SOURCE.test(source)) return undefined;
  const lock = await ctx.table.get(lockKey(...externalName(resource, source, externalId)));
  return lock?.['holder'] as string | undefined;
}

/** Reads the record that a source knows by its own id. */
export async function getByExternalId(
  ctx: Context,
  resource: Resource,
  source: string,
  externalId: string,
  parents: Parents,
  purpose: Purpose,
): Promise<Answer> {
  const id = await findByExternalId(ctx, resource, source, externalId);
  if (id === undefined) throw notFound(resource);
  return getRecord(ctx, resource, { id, parents }, purpose);
}
