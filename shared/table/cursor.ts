import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Problem } from '../errors.ts';

/**
 * A cursor is the sort key of the last row that was shown, sealed with the municipality's own key (AES-256-GCM) and
 * bound to the query it came from. Sealed rather than only signed, because a sort key can hold a name and a cursor
 * travels in URLs; bound, so that it opens in no other municipality, list or filter.
 */
export interface CursorKey {
  /** 32 random bytes in base64, made when the municipality was provisioned. */
  readonly secret: string;
}

const NONCE = 12;
const TAG = 16;

/** `query` names the list and its filters; the same text must be given to open the cursor again. */
export function sealCursor({ secret }: CursorKey, query: string, sortKey: string): string {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(secret, 'base64'), nonce).setAAD(Buffer.from(query));
  const sealed = Buffer.concat([cipher.update(sortKey, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** The sort key in a cursor. Throws `invalid_cursor` for anything that {@link sealCursor} did not make for this query and key. */
export function openCursor({ secret }: CursorKey, query: string, cursor: string): string {
  try {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.toString('base64url') !== cursor) throw new RangeError('Not canonical base64url');
    const decipher = createDecipheriv('aes-256-gcm', Buffer.from(secret, 'base64'), bytes.subarray(0, NONCE), {
      authTagLength: TAG,
    })
      .setAAD(Buffer.from(query))
      .setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
    return decipher.update(bytes.subarray(NONCE + TAG), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw new Problem('invalid_cursor', 'The cursor was not issued for this municipality, list and filters.');
  }
}
