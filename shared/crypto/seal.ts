import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isKeyName, type KeyName } from './key-names.ts';
import type { Keyring } from './keyring.ts';

/** Where a sealed value stands. It opens nowhere else. */
export interface Place {
  readonly municipality: string;
  readonly recordId: string;
  readonly field: string;
}

/** A sealed value is not what was sealed at this place. It says where and never what: the caller gets `internal_error`. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

const MANAGEMENT = 'dir';
const ENCRYPTION = 'A256GCM';
/** Bytes of the nonce and of the authentication tag (RFC 7518 §5.3). */
const NONCE = 12;
const TAG = 16;

/** The protected header (RFC 7516 §2), all of it: it is authenticated with the value and so binds it to its place. */
const headerOf = (name: KeyName, { municipality, recordId, field }: Place) => ({
  alg: MANAGEMENT,
  enc: ENCRYPTION,
  kid: name,
  mun: municipality,
  rec: recordId,
  fld: field,
});

/**
 * Seals a JSON value for one place, as a JWE in compact form (RFC 7516 §7.1), with the key of this name: the
 * municipality's current data key if none is named.
 *
 * Each seal draws its 96 bits of nonce at random, which NIST SP 800-38D §8.3 allows for up to 2^32 seals under one key.
 * A municipality that changed ten sensitive fields every second would take 13 years to get there; a rotation starts anew.
 */
export const seal = (
  keyring: Keyring,
  place: Place,
  value: NonNullable<unknown> | null,
  name?: KeyName,
): Promise<string> => sealBytes(keyring, place, Buffer.from(JSON.stringify(value)), name);

/** Seals bytes as {@link seal} does a value. */
export async function sealBytes(
  keyring: Keyring,
  place: Place,
  bytes: Uint8Array,
  name: KeyName = keyring.newest.fields,
): Promise<string> {
  const key = await keyring.key(name);
  if (key === undefined) throw new Error(`Municipality ${place.municipality} has no key ${name}`);
  return encrypted(key, headerOf(name, place), bytes);
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/**
 * Returns the bytes as a JWE in compact form: header, no wrapped key, nonce, ciphertext and tag. The algorithms are
 * node's own. `jose` writes the same form in ten times the time, because it imports the key anew for each value; the
 * tests open with it what this seals.
 */
function encrypted(key: KeyObject, header: object, bytes: Uint8Array): string {
  const head = base64url(Buffer.from(JSON.stringify(header)));
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(Buffer.from(head));
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return [head, '', base64url(nonce), base64url(sealed), base64url(cipher.getAuthTag())].join('.');
}

/** Returns the bytes in a JWE in compact form. Throws if it has another form or was not sealed with this key. */
function decrypted(key: KeyObject, sealed: string): Uint8Array {
  const [head = '', wrapped, ...parts] = sealed.split('.');
  const [nonce, text, tag] = parts.map((part) => Buffer.from(part, 'base64url'));
  if (wrapped !== '' || parts.length !== 3 || nonce?.length !== NONCE || !text || tag?.length !== TAG)
    throw new TypeError('Not a sealed value');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG })
    .setAAD(Buffer.from(head))
    .setAuthTag(tag);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}

/**
 * The value that {@link seal} sealed for this place.
 * @throws SealBroken if it was sealed for another place, with no key of this municipality, or is not as it was sealed;
 * whatever KMS throws if the key cannot be had
 */
export async function open(keyring: Keyring, place: Place, sealed: string): Promise<unknown> {
  const bytes = await openBytes(keyring, place, sealed);
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw broken(place);
  }
}

/** The bytes that {@link sealBytes} sealed for this place. Throws as {@link open} does. */
export async function openBytes(keyring: Keyring, place: Place, sealed: string): Promise<Uint8Array> {
  const { header, name } = read(sealed);
  if (!isDeepStrictEqual(header, headerOf(name, place))) throw broken(place);
  const key = await keyring.key(name);
  if (key === undefined || !isCanonical(sealed)) throw broken(place);
  try {
    return decrypted(key, sealed);
  } catch {
    // What went wrong may quote the value.
    throw broken(place);
  }
}

/** The name of the key that a value was sealed with, as it says itself. Throws SealBroken if it is no sealed value. */
export const keyNameOf = (sealed: string): KeyName => read(sealed).name;

function read(sealed: string): { readonly header: unknown; readonly name: KeyName } {
  try {
    const header = JSON.parse(Buffer.from(sealed.slice(0, sealed.indexOf('.')), 'base64url').toString());
    if (typeof header.kid === 'string' && isKeyName(header.kid)) return { header, name: header.kid };
  } catch {
    // It is no header at all.
  }
  throw new SealBroken('What should be a sealed value is none');
}

/** Whether each part is the one spelling of its bytes; base64 leaves room for others, which would open just as well. */
const isCanonical = (sealed: string): boolean =>
  sealed.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);

const broken = ({ municipality, recordId, field }: Place): SealBroken =>
  new SealBroken(`The sealed ${field} of record ${recordId} in municipality ${municipality} does not open`);
