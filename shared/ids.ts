import { createHash, randomBytes } from 'node:crypto';

/** A UUID of version 7 (RFC 9562 §5.7): 48 bits of time in milliseconds, then random bits, so ids sort by when they were made. */
export function newId(now: Date): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether the text has the form of a record's id. Only the lower-case form is an id, so each id has one spelling. */
export const isId = (text: string): boolean => UUID.test(text);

/** The form of a record's source: `municipal` or a partner's id. */
export const SOURCE = /^[a-z][a-z0-9-]{1,39}$/;

/** A SHA-256 digest in hex of the parts. The parts are JSON-encoded first, so no two different lists give the same text. */
export function digest(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** An id that the same parts always give: 128 bits of their digest behind a prefix that says what it names. */
export function derivedId(prefix: 'evt' | 'dlv', ...parts: readonly (string | number)[]): string {
  return `${prefix}_${digest(prefix, ...parts).slice(0, 32)}`;
}
