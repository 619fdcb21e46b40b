import { createHmac, hash, type KeyObject, randomBytes } from 'node:crypto';
import type { Row } from '../table/scoped-table.ts';
import type { CaseRef } from './resource.ts';

/**
 * The case numbers of an event. They say whom the event is about, so the erasure of that person takes them from the event,
 * and the chain of events must hold without them. Therefore they stand apart from the CloudEvent, in the attribute `cases`,
 * together with random bytes, and `view`, which the chain covers, has the SHA-256 of that text. Nobody can find a case
 * number by trying all of them against the hash, because the random bytes go with the case numbers.
 *
 * An event from which they were taken has a keyed code instead. Nobody without the municipality's integrity key can take
 * them away without `GET audit/verify` finding it, and the rest of the event is verified as before.
 */

/** Bytes that no trial can find. */
const SALT_BYTES = 16;
/** Says what the code is for, so that no other code under the same key can stand in its place. */
const DOMAIN = 'livline event without cases 1';

const sha256 = (text: string): string => hash('sha256', text, 'base64url');

/** The case numbers of an event as they are stored. */
interface EventCases {
  /** The attribute `cases`. */
  readonly text: string;
  /** Its SHA-256 in base64url, which stands in `view`. */
  readonly digest: string;
}

/** Returns the case numbers of an event as they are stored; undefined where it has none. */
export function eventCases(caseRefs: readonly CaseRef[] | undefined): EventCases | undefined {
  if (!caseRefs) return undefined;
  const text = JSON.stringify({ salt: randomBytes(SALT_BYTES).toString('base64url'), caseRefs });
  return { text, digest: sha256(text) };
}

/** Returns the stored envelope of an event with its case numbers as the last member of `data`, which ends the envelope. */
export function envelopeWithCases({ envelope, cases }: Row): string {
  const text = envelope as string;
  if (cases === undefined) return text;
  const { caseRefs } = JSON.parse(cases as string) as { caseRefs: readonly CaseRef[] };
  return `${text.slice(0, -1)},"caseRefs":${JSON.stringify(caseRefs)}}`;
}

/** Returns the code of an event from which the case numbers were taken. */
export const redactionCode = (key: KeyObject, municipality: string, eventId: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([DOMAIN, municipality, eventId]))
    .digest('base64url');

/** Whether the case numbers of an event are those that it had when it was written, or were taken from it by an erasure. */
export function areCasesWhole(key: KeyObject, municipality: string, eventId: string, row: Row): boolean {
  const { cases, redacted } = row;
  const { cases: expected } = (row['view'] ?? {}) as { readonly cases?: string };
  if (expected === undefined) return cases === undefined;
  if (cases !== undefined) return sha256(String(cases)) === expected;
  return redacted === redactionCode(key, municipality, eventId);
}
