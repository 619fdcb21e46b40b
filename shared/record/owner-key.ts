import type { KeyObject } from 'node:crypto';
import type { Context } from '../auth/context.ts';
import { type KeyName, nameOfPerson } from '../crypto/key-names.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { newPersonKey, rowOfKey } from '../crypto/person-key.ts';
import { isId } from '../ids.ts';
import { ABSENT, type Write } from '../table/write.ts';
import type { Fields, Resource } from './resource.ts';
import { schemasOf } from './schemas.ts';
import type { Stored, Whole } from './stored.ts';

/** The collections of the persons and households that have a key of their own. */
const OWNERS: readonly string[] = ['families', 'children'];

/** Whether the records of a type are persons or households with a key of their own. */
export const hasOwnKey = ({ path }: Resource): boolean => OWNERS.includes(path);

/**
 * The family or child that a record is about, whose key seals what it says: itself, the owner of the timeline in which it
 * stands, or the one that it names. Undefined for what is about several or nobody.
 */
export function ownerOf(resource: Resource, record: Whole): string | undefined {
  if (hasOwnKey(resource)) return record.id;
  const { familyId, childId } = record as Fields;
  const owner = resource.about?.(record as never) ?? familyId ?? childId;
  return typeof owner === 'string' ? owner : undefined;
}

/** Whether records of a type have fields that are sealed with the key of whom they are about. */
const sealsForOwner = (resource: Resource): boolean =>
  Object.values(schemasOf(resource).sensitivity).some((sensitivity) => sensitivity !== 'secret');

/** The key that a record's fields are sealed with. */
export interface OwnerKey {
  readonly name: KeyName;
  /** The municipality's keyring, with this key where it is new. */
  readonly keyring: Keyring;
  /** The write that stores it, where it is new: it belongs in the transaction of the first value that it seals. */
  readonly write?: Write;
  /** Called once that transaction is through. */
  readonly stored?: () => void;
}

/**
 * Finds or makes the key for a record: that of its owner, or the municipality's own where it has none, where the owner was
 * erased, and where the record went over to the municipality's key because another person in it is held. Undefined for a
 * type without fields that are sealed with it. It is asked for whether or not the record has something to seal, and a
 * family or child gets its key when it is created, because a request that is made only for a value would tell that there
 * is one.
 */
export async function ownerKey(
  ctx: Context,
  resource: Resource,
  before: Stored | undefined,
  after: Whole,
): Promise<OwnerKey | undefined> {
  if (!sealsForOwner(resource)) return undefined;
  const { keys, tenant } = ctx;
  const municipal: OwnerKey = { name: keys.newest.fields, keyring: keys };
  const owner = ownerOf(resource, after);
  if (owner === undefined) return municipal;
  const name = nameOfPerson(owner);
  // The key of a person whose record is only being created cannot be there.
  const state = !before && owner === after.id ? undefined : await keys.stateOf(name);
  if (state === 'dropped' || before?.municipalKey) return municipal;
  if (state === 'live') return { name, keyring: keys };
  const { row, key } = await newPersonKey(keys, tenant.code, name);
  return made(name, keys, key, { kind: 'put', key: rowOfKey(name), item: { ...row }, condition: ABSENT });
}

const made = (name: KeyName, keys: Keyring, key: KeyObject, write: Write): OwnerKey => ({
  name,
  keyring: keys.with(name, key),
  write,
  stored: () => keys.remember(name, key),
});

/** Begins to read a person's own key together with its record; a failure is met where the key is used. */
export function fetchOwnKey({ keys }: Context, resource: Resource, id: string): void {
  if (hasOwnKey(resource) && isId(id)) keys.stateOf(nameOfPerson(id)).catch(() => undefined);
}

/** Reads the key of whom a record is about, before a change of it, whether or not something of it is sealed (see {@link ownerKey}). */
export async function fetchOwnerKey({ keys }: Context, resource: Resource, { view }: Stored): Promise<void> {
  const owner = sealsForOwner(resource) ? ownerOf(resource, view) : undefined;
  if (owner !== undefined) await keys.stateOf(nameOfPerson(owner));
}
