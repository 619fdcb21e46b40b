import { hash, randomUUID } from 'node:crypto';

/**
 * A UUID of version 7 (RFC 9562 §5.7): 48 bits of time in milliseconds, then random bits, so ids sort by when they were
 * made. Random bits and variant are those of a version 4, for which node keeps entropy at hand.
 */
export function newId(now: Date): string {
  const time = now.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether the text has the form of a record's id. Only the lower-case form is an id, so each id has one spelling. */
export const isId = (text: string): boolean => UUID.test(text);

/** Whether the text is a UUID in any spelling (RFC 9562 §4). */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** The form of a record's source: `municipal` or a partner's id. */
export const SOURCE = /^[a-z][a-z0-9-]{1,39}$/;

/** A SHA-256 digest in hex of the parts. The parts are JSON-encoded first, so no two different lists give the same text. */
export function digest(...parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts));
}

/** An id that the same parts always give: 128 bits of their digest behind a prefix that says what it names. */
export function derivedId(prefix: 'evt' | 'dlv', ...parts: readonly (string | number)[]): string {
  return `${prefix}_${digest(prefix, ...parts).slice(0, 32)}`;
}
