import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../auth/context.ts';
import type { KeyName } from '../crypto/keyring.ts';
import type { Sensitivity } from './fields.ts';
import type { Fields, Resource } from './resource.ts';
import { type Opened, type Sealed, type Stored, sensitiveOf, type Whole } from './stored.ts';

/** The sealing itself is loaded when the first sensitive field comes along: most requests have none. */
const sealing = () => import('../crypto/seal.ts');

const placeOf = (ctx: Context, recordId: string, field: string) => ({ municipality: ctx.tenant.code, recordId, field });

/** Opens sealed fields of a record of this municipality. Throws `SealBroken` where one was sealed for another place. */
export async function openFields(
  ctx: Context,
  recordId: string,
  sealed: Readonly<Record<string, string>>,
): Promise<Fields> {
  const names = Object.keys(sealed);
  if (names.length === 0) return {};
  const { open } = await sealing();
  const values = names.map((name) => open(ctx.keys, placeOf(ctx, recordId, name), sealed[name] as string));
  return Object.fromEntries((await Promise.all(values)).map((value, at) => [names[at], value]));
}

/** The record with its sensitive fields opened. Nothing of it goes to a caller but through `shown` (read.ts). */
export async function opened(ctx: Context, stored: Stored): Promise<Opened> {
  const { view, sealed } = stored;
  const fields = await openFields(ctx, view.id, { ...sealed.S, ...sealed.SS, ...sealed.secret });
  return { ...stored, whole: { ...view, ...fields } };
}

/** Seals one value of a record for one field of it, with the municipality's current data key unless another is named. */
export async function sealField(
  ctx: Context,
  recordId: string,
  field: string,
  value: unknown,
  keyName?: KeyName,
): Promise<string> {
  const { seal } = await sealing();
  return seal(ctx.keys, placeOf(ctx, recordId, field), value as NonNullable<unknown>, keyName);
}

/** The name of the key that a field of this sensitivity is sealed with now. */
export const newestKey = ({ keys: { newest } }: Context, sensitivity: Sensitivity): KeyName =>
  sensitivity === 'secret' ? newest.secrets : newest.fields;

/**
 * The sensitive fields of a record as they are stored; undefined where it has none. One that has not changed keeps its
 * sealed text, unless that was sealed with an older data key, so each write brings a record to the current one, or is one
 * of those to be sealed anew.
 */
export async function sealedOf(
  ctx: Context,
  resource: Resource,
  before: Opened | undefined,
  after: Whole,
  resealed: readonly string[] = [],
): Promise<Sealed | undefined> {
  const parts = Object.entries(sensitiveOf(resource, after)) as [Sensitivity, Fields][];
  if (parts.length === 0) return undefined;
  const { keyNameOf } = await sealing();
  const sealedField = (sensitivity: Sensitivity, name: string, value: unknown): Promise<string> | string => {
    const standing = before?.sealed[sensitivity]?.[name];
    const stays =
      standing !== undefined &&
      !resealed.includes(name) &&
      isDeepStrictEqual(before?.whole[name], value) &&
      keyNameOf(standing) === newestKey(ctx, sensitivity);
    return stays ? standing : sealField(ctx, after.id, name, value, newestKey(ctx, sensitivity));
  };
  const sealed: Partial<Record<Sensitivity, Record<string, string>>> = {};
  for (const [sensitivity, fields] of parts) {
    const texts = Object.entries(fields).map(async ([name, value]) => [
      name,
      await sealedField(sensitivity, name, value),
    ]);
    sealed[sensitivity] = Object.fromEntries(await Promise.all(texts));
  }
  return sealed;
}
