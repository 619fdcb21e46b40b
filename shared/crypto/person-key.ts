import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { archiveKey, type Key, personKey } from '../table/keys.ts';
import type { Instant } from '../time.ts';
import type { KeyName } from './key-names.ts';
import type { Keyring } from './keyring.ts';
import { keyNameOf, openBytes, sealBytes } from './seal.ts';

/**
 * The keys of persons: what the record says of a family or child is sealed with a key of its own, which the municipality's
 * data key wraps. Dropping that key makes every copy of those values unreadable. What is archived of a person has another.
 */

const personOf = (name: KeyName): string => name.slice(2);

/** Where a person's key lies. */
export const rowOfKey = (name: KeyName): Key =>
  name.startsWith('a:') ? archiveKey(personOf(name)) : personKey(personOf(name));

/** A person's key as it is stored: wrapped, or once it was dropped when that was. Its row stays, so that no key comes again. */
export interface PersonKeyRow {
  readonly type: 'person-key';
  /** The 32 bytes as a JWE, as every sealed value (seal.ts), bound to municipality, person and use. */
  readonly wrapped?: string;
  readonly droppedAt?: Instant;
}

/** Reads the row of a person's key. */
export type ReadPersonKey = (name: KeyName) => Promise<PersonKeyRow | undefined>;

/** Where a wrapped key is bound to. No field of a record has such a name. */
const placeOf = (municipality: string, name: KeyName) => ({
  municipality,
  recordId: personOf(name),
  field: name.startsWith('a:') ? 'archive-key' : 'person-key',
});

/** Makes a key for a person, wrapped by the municipality's current data key. It holds good once its row is stored. */
export async function newPersonKey(
  keyring: Keyring,
  municipality: string,
  name: KeyName,
): Promise<{ readonly row: PersonKeyRow; readonly key: KeyObject }> {
  const bytes = randomBytes(32);
  try {
    const wrapped = await sealBytes(keyring, placeOf(municipality, name), bytes);
    return { row: { type: 'person-key', wrapped }, key: createSecretKey(bytes) };
  } finally {
    bytes.fill(0);
  }
}

/** Unwraps a person's key. Throws `SealBroken` where it was wrapped for another municipality, person or use. */
export async function unwrapPersonKey(
  keyring: Keyring,
  municipality: string,
  name: KeyName,
  wrapped: string,
): Promise<KeyObject> {
  const bytes = await openBytes(keyring, placeOf(municipality, name), wrapped);
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** A person's key wrapped by the municipality's current data key; undefined where it is already. */
export async function rewrapped(
  keyring: Keyring,
  municipality: string,
  name: KeyName,
  wrapped: string,
): Promise<string | undefined> {
  if (keyNameOf(wrapped) === keyring.newest.fields) return undefined;
  const bytes = await openBytes(keyring, placeOf(municipality, name), wrapped);
  try {
    return await sealBytes(keyring, placeOf(municipality, name), bytes);
  } finally {
    bytes.fill(0);
  }
}
