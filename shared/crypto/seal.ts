import { isDeepStrictEqual } from 'node:util';
import { CompactEncrypt, compactDecrypt } from 'jose';
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

/** The protected header (RFC 7516 §2), all of it: it is authenticated with the value and so binds it to its place. */
const headerOf = (version: number, { municipality, recordId, field }: Place) => ({
  alg: MANAGEMENT,
  enc: ENCRYPTION,
  kid: String(version),
  mun: municipality,
  rec: recordId,
  fld: field,
});

/**
 * Seals a JSON value for one place with the municipality's current data key, as a JWE in compact form (RFC 7516 §7.1).
 *
 * Each seal draws its 96 bits of nonce at random, which NIST SP 800-38D §8.3 allows for up to 2^32 seals under one key.
 * A municipality that changed ten sensitive fields every second would take 13 years to get there; a rotation starts anew.
 */
export async function seal(keyring: Keyring, place: Place, value: NonNullable<unknown> | null): Promise<string> {
  const key = keyring.dataKey(keyring.current);
  if (key === undefined) throw new Error(`Municipality ${place.municipality} has no current data key`);
  return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
    .setProtectedHeader(headerOf(keyring.current, place))
    .encrypt(await key);
}

/**
 * The value that {@link seal} sealed for this place.
 * @throws SealBroken if it was sealed for another place, with no key of this municipality, or is not as it was sealed;
 * whatever KMS throws if the key cannot be had
 */
export async function open(keyring: Keyring, place: Place, sealed: string): Promise<unknown> {
  const { header, version } = read(sealed);
  if (!isDeepStrictEqual(header, headerOf(version, place))) throw broken(place);
  const key = await keyring.dataKey(version);
  if (key === undefined || !isCanonical(sealed)) throw broken(place);
  try {
    const { plaintext } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: [MANAGEMENT],
      contentEncryptionAlgorithms: [ENCRYPTION],
    });
    return JSON.parse(Buffer.from(plaintext).toString());
  } catch {
    // What went wrong may quote the value.
    throw broken(place);
  }
}

/** The version of the data key that a value was sealed with, as it says itself. Throws SealBroken if it is no sealed value. */
export const keyVersionOf = (sealed: string): number => read(sealed).version;

function read(sealed: string): { readonly header: unknown; readonly version: number } {
  try {
    const header = JSON.parse(Buffer.from(sealed.slice(0, sealed.indexOf('.')), 'base64url').toString());
    if (typeof header.kid === 'string' && /^[1-9]\d{0,8}$/.test(header.kid))
      return { header, version: Number(header.kid) };
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
