import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../auth/context.ts';
import { isPersonal, type KeyName } from '../crypto/key-names.ts';
import type { Sensitivity } from './fields.ts';
import { type OwnerKey, ownerKey } from './owner-key.ts';
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

/** The sensitive part of a record, sealed, and the key that it is sealed with where that is to be stored with it. */
export interface SealedPart {
  /** Undefined where the record has no sensitive field. */
  readonly sensitive?: Sealed;
  readonly key?: OwnerKey;
}

/**
 * The sensitive fields of a record as they are stored: secrets under the key of secrets, all else under the key of whom the
 * record is about (owner-key.ts). One that has not changed keeps its sealed text, unless that was sealed with another key,
 * so each write brings a record to the current one, or is one of those to be sealed anew.
 */
export async function sealedOf(
  ctx: Context,
  resource: Resource,
  before: Opened | undefined,
  after: Whole,
  resealed: readonly string[] = [],
): Promise<SealedPart> {
  const parts = Object.entries(sensitiveOf(resource, after)) as [Sensitivity, Fields][];
  const key = await ownerKey(ctx, resource, before, after);
  if (parts.length === 0) return { ...(key && { key }) };
  const isSecret = (sensitivity: Sensitivity) => sensitivity === 'secret';
  const { keyNameOf, seal } = await sealing();
  const keyring = key?.keyring ?? ctx.keys;
  const nameFor = (sensitivity: Sensitivity): KeyName =>
    isSecret(sensitivity) || !key ? ctx.keys.newest.secrets : key.name;
  const sealedField = (sensitivity: Sensitivity, name: string, value: unknown): Promise<string> | string => {
    const standing = before?.sealed[sensitivity]?.[name];
    const stays =
      standing !== undefined &&
      !resealed.includes(name) &&
      isDeepStrictEqual(before?.whole[name], value) &&
      keyNameOf(standing) === nameFor(sensitivity);
    const place = placeOf(ctx, after.id, name);
    return stays ? standing : seal(keyring, place, value as NonNullable<unknown>, nameFor(sensitivity));
  };
  const sealed: Partial<Record<Sensitivity, Record<string, string>>> = {};
  for (const [sensitivity, fields] of parts) {
    const texts = Object.entries(fields).map(async ([name, value]) => [
      name,
      await sealedField(sensitivity, name, value),
    ]);
    sealed[sensitivity] = Object.fromEntries(await Promise.all(texts));
  }
  return { sensitive: sealed, ...(key && { key }) };
}

/** Whether some value is sealed with the key of a person. */
export async function isUnderPersonKey(sealed: Sealed): Promise<boolean> {
  const { keyNameOf } = await sealing();
  return Object.values(sealed).some((part) => Object.values(part ?? {}).some((text) => isPersonal(keyNameOf(text))));
}

/** The sealed fields of a record, sealed anew with the municipality's own key. */
export async function sealedByMunicipality(ctx: Context, recordId: string, sealed: Sealed): Promise<Sealed> {
  const parts = Object.entries(sealed).map(async ([sensitivity, part]) => {
    const fields = Object.entries(await openFields(ctx, recordId, part));
    const texts = fields.map(async ([name, value]) => [name, await sealField(ctx, recordId, name, value)] as const);
    return [sensitivity, Object.fromEntries(await Promise.all(texts))] as const;
  });
  return Object.fromEntries(await Promise.all(parts)) as Sealed;
}
