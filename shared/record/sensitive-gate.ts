import type { Context } from '../auth/context.ts';
import { digest } from '../ids.ts';
import { logAccess, type Purpose, personsOf, purposeStated } from '../privacy/access-log.ts';
import type { Sensitivity } from './fields.ts';
import { changedFields } from './merge.ts';
import type { Fields, Resource, View } from './resource.ts';
import { schemasOf } from './schemas.ts';
import { openFields } from './sealing.ts';
import type { Opened, Stored } from './stored.ts';

/**
 * The gate for sensitive values. Whoever shows, compares or looks up one does it through a function of this file, which
 * checks the scope and enters the access log before the answer leaves. What the rules of a change may not tell to a caller
 * who cannot see a value is decided here too, so that no answer depends on a value that is hidden from its caller.
 */

/**
 * Tells whether a caller may see a sensitive field: an S field with the scope sensitive:read, an SS field only if its own
 * organisation wrote it besides, and key material never.
 */
export function maySee(ctx: Context, sensitivity: Sensitivity, writer?: string): boolean {
  if (sensitivity === 'secret' || !ctx.scopes.has('sensitive:read')) return false;
  return sensitivity === 'S' || writer === ctx.actor.organisation;
}

/** Returns the sealed fields of a record that a caller may see, in the order in which they are stored. */
function visibleSealed(ctx: Context, { sealed, writtenBy }: Stored): Readonly<Record<string, string>> {
  const visible = (['S', 'SS'] as const).flatMap((sensitivity) =>
    Object.entries(sealed[sensitivity] ?? {}).filter(([name]) => maySee(ctx, sensitivity, writtenBy[name])),
  );
  return Object.fromEntries(visible);
}

/** Enters that a record's sensitive fields are about to be shown, where it has any that this caller may see. */
async function enterShowing(ctx: Context, resource: Resource, stored: Stored, purpose: Purpose): Promise<void> {
  const fields = Object.keys(visibleSealed(ctx, stored));
  if (fields.length === 0) return;
  const { id } = stored.view;
  const subjects = [id, ...(await personsOf(ctx, resource.path, stored.view))];
  const entryId = purpose === 'handover' ? digest('handover', ctx.tenant.code, id) : undefined;
  await logAccess(ctx, subjects, { what: { type: resource.name, id }, fields, purpose, entryId });
}

/** Enters that a record was found by the value of one of its sensitive fields, which tells the finder that value. */
export async function enterFinding(
  ctx: Context,
  resource: Resource,
  { view }: Stored,
  field: string,
  purpose: Purpose,
): Promise<void> {
  const subjects = [view.id, ...(await personsOf(ctx, resource.path, view))];
  await logAccess(ctx, subjects, { what: { type: resource.name, id: view.id }, fields: [field], purpose });
}

/**
 * Returns a record as this caller may see it, with what is worked out whenever it is shown. That is worked out from what
 * the caller is shown, so an age that only a hidden CPR number tells stays hidden too. Sensitive fields are entered in the
 * access log before; where that fails it throws, and nothing is shown.
 */
export async function showRecord(ctx: Context, resource: Resource, stored: Stored, purpose: Purpose): Promise<Fields> {
  const [fields] = await Promise.all([
    openFields(ctx, stored.view.id, visibleSealed(ctx, stored)),
    enterShowing(ctx, resource, stored, purpose),
  ]);
  const record = { ...stored.view, ...fields };
  return { ...record, ...resource.computed?.of(record as never, ctx.now) };
}

/** A record that is archived, opened: its sensitive fields lie apart by who may see them. */
interface OpenedArchive {
  readonly view: View;
  readonly sensitive: Partial<Readonly<Record<Sensitivity, Fields>>>;
  readonly writtenBy: Readonly<Record<string, string>>;
}

/**
 * Returns an archived record as this caller may see it. What it shows of sensitive fields is entered in the access log
 * before, under the person whose archive it is and under whoever else the record concerned. Where that fails it throws.
 */
export async function showArchived(
  ctx: Context,
  type: string,
  { view, sensitive, writtenBy }: OpenedArchive,
  { personId, purpose }: { readonly personId: string; readonly purpose: Purpose },
): Promise<Fields> {
  const visible = (['S', 'SS'] as const).flatMap((sensitivity) =>
    Object.entries(sensitive[sensitivity] ?? {}).filter(([name]) => maySee(ctx, sensitivity, writtenBy[name])),
  );
  if (visible.length > 0) {
    const subjects = [personId, view.id, ...(await personsOf(ctx, type, view))];
    const fields = visible.map(([name]) => name);
    await logAccess(ctx, subjects, { what: { type: 'archive', id: view.id }, fields, purpose });
  }
  return { ...view, ...Object.fromEntries(visible) };
}

/**
 * Returns the fields of a record that a rule may go by without telling this caller what is hidden: the plain ones, and of
 * the sensitive ones those that it names and the caller may see, whose comparison is entered in the access log.
 */
export async function fieldsForRule(
  ctx: Context,
  resource: Resource,
  stored: Stored,
  names: readonly string[],
  purpose: Purpose = purposeStated(ctx),
): Promise<Fields> {
  const sealed = Object.entries(visibleSealed(ctx, stored)).filter(([name]) => names.includes(name));
  if (sealed.length === 0) return stored.view;
  const { id } = stored.view;
  const subjects = [id, ...(await personsOf(ctx, resource.path, stored.view))];
  const fields = sealed.map(([name]) => name);
  const [opened] = await Promise.all([
    openFields(ctx, id, Object.fromEntries(sealed)),
    logAccess(ctx, subjects, { what: { type: resource.name, id }, fields, purpose }),
  ]);
  return { ...stored.view, ...opened };
}

/** Returns the names of the sensitive fields among those that were sent. */
export const sensitiveIn = (resource: Resource, sent: Fields): string[] =>
  Object.keys(sent).filter((name) => name in schemasOf(resource).sensitivity);

/**
 * Returns the names of the fields that a change changes. A sensitive field counts as changed whenever it is sent, also
 * with the value that it has: so neither a version nor a refusal tells whether a guess was right. One that a rule derives
 * counts for nothing by itself, nor does the reason of the status before, which goes with that status.
 */
export function changedBy(resource: Resource, before: Fields, after: Fields, sent: Fields): string[] {
  const derived = resource.derived?.() ?? {};
  const { sensitivity } = schemasOf(resource);
  const isHidden = (name: string) => sensitivity[name] === 'S' || sensitivity[name] === 'SS';
  const unnamed = (name: string) => isHidden(name) && (name in derived || (name === 'statusReason' && !(name in sent)));
  const names = new Set([...changedFields(before, after), ...sensitiveIn(resource, sent)]);
  return [...names].filter((name) => !unnamed(name)).sort();
}

/**
 * Returns the fields of a record that a replacement keeps though the caller left them out: those that the caller could not
 * see, since leaving out what one was not shown is no wish to remove it.
 */
export function keptUnseen(ctx: Context, resource: Resource, before: Opened, sent: Fields): Fields {
  const { sensitivity, fields } = schemasOf(resource);
  const kept = Object.entries(sensitivity).filter(
    ([name, kind]) => name in fields.shape && !(name in sent) && !maySee(ctx, kind, before.writtenBy[name]),
  );
  return Object.fromEntries(kept.map(([name]) => [name, before.whole[name]]));
}

/**
 * Returns the fields that a merge patch is merged into. A sensitive one that the caller cannot see is left out where it is
 * sent, so that an object among them is replaced whole: a part of it would be checked together with what is hidden.
 */
export function withoutUnseen(ctx: Context, resource: Resource, before: Opened, input: Fields, patch: unknown): Fields {
  const { sensitivity } = schemasOf(resource);
  const isSent = (name: string) => typeof patch === 'object' && patch !== null && name in patch;
  const isUnseen = (name: string) => {
    const kind = sensitivity[name];
    return (kind === 'S' || kind === 'SS') && !maySee(ctx, kind, before.writtenBy[name]);
  };
  return Object.fromEntries(Object.entries(input).filter(([name]) => !(isSent(name) && isUnseen(name))));
}

/** Returns a body without the sensitive fields that it says are null, which is how a replacement removes them. */
export function withoutNulls(resource: Resource, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { sensitivity } = schemasOf(resource);
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== null || !(name in sensitivity)));
}
