import { hash } from 'node:crypto';
import { eventBytes, sequenceText } from '../record/events.ts';
import type { Row } from '../table/scoped-table.ts';

/**
 * The change history of a municipality as a chain: every event has the hash of the one before it and of what itself says,
 * and the municipality's counter has the hash of the last one.
 *
 * What it shows: that no entry was altered, removed, put in or moved by somebody who left the rest as it is, be it an
 * operator with the console or a restored backup. What it does not show: somebody who may write the whole table can
 * compute all of it anew, from the altered entry to the counter. Therefore its end is written down outside the table as
 * well: once an hour the clock logs it, in a log with a retention and writers of its own, and a hash of then must still be
 * the hash at its number now. An event that is altered before the relay has numbered it, which is moments after its commit,
 * is chained as altered. Nor does it keep an entry's place in its record's own history: one that is taken out there
 * still stands in the feed, and its version is missing.
 */
export interface Link {
  /** Number of an event; 0 is before the first. */
  readonly sequence: number;
  readonly hash: string;
}

/** Where the chain is broken. `altered`: something else stands at the number than was written. `missing`: nothing does. */
export interface Fault {
  readonly sequence: number;
  readonly kind: 'missing' | 'altered';
}

/** SHA-256 in base64url, 43 bytes of a row, over the parts as JSON: no two different lists of parts give the same text. */
const digest = (...parts: readonly unknown[]): string => hash('sha256', JSON.stringify(parts), 'base64url');

/** The link before the first event of a municipality. */
export const genesis = (code: string): Link => ({ sequence: 0, hash: digest('genesis', code) });

/** The parts of an event that the chain covers. */
interface ChainedEvent {
  /** Without the case numbers, so that the chain holds when an erasure takes them (record/event-cases.ts). */
  readonly envelope: string;
  /** The version and status that its record's history shows, and the SHA-256 of its case numbers. */
  readonly view: unknown;
  /** The code of the record's row with this event (record/row-mac.ts). */
  readonly mac?: string | undefined;
}

/** Returns the link of the event that comes next. */
export function chained(previous: Link, { envelope, view, mac = '' }: ChainedEvent): Link {
  const sequence = previous.sequence + 1;
  return { sequence, hash: digest(previous.hash, eventBytes(envelope, sequence), view, mac) };
}

/** The last event as the municipality's counter has it, which is absent before the first. */
export const headOf = (code: string, counter: Row | undefined): Link =>
  counter ? { sequence: counter['last'] as number, hash: counter['hash'] as string } : genesis(code);

/** Where to follow the chain from. Without a hash the entry that comes next is believed as it stands. */
export type Ground = Pick<Link, 'sequence'> & Partial<Link>;

/** How far the chain is whole, and the fault that it ends at, if any. */
export interface Followed {
  readonly link: Ground;
  readonly fault?: Fault;
}

/** What the municipality's key proves of a row, which the hashes cannot. */
export interface RowProofs {
  /** Whether the row of an event whose CloudEvent has expired is as it was folded (fold-events.ts). */
  readonly isWholeFolded: (row: Row) => boolean;
  /** Whether the case numbers are those of the event, or were taken by an erasure (record/event-cases.ts). */
  readonly areCasesWhole: (row: Row) => boolean;
}

/** Follows the hashes alone: no expired event is believed, and no case number is looked at. */
const HASHES_ALONE: RowProofs = { isWholeFolded: () => false, areCasesWhole: () => true };

/** Follows the chain through the rows of the feed that come next, in their order. */
export function follow(
  from: Ground,
  rows: readonly Row[],
  { isWholeFolded, areCasesWhole }: RowProofs = HASHES_ALONE,
): Followed {
  let link = from;
  for (const row of rows) {
    const sequence = link.sequence + 1;
    const place = String(row['listSk']);
    if (place > sequenceText(sequence)) return { link, fault: { sequence, kind: 'missing' } };
    const isFolded = row['envelope'] === undefined;
    const isBelieved = isFolded ? isWholeFolded(row) : link.hash === undefined;
    const isProven = isFolded ? isBelieved : isBelieved || areCasesWhole(row);
    if (!isProven) return { link, fault: { sequence, kind: 'altered' } };
    const next = isBelieved ? (row as unknown as Link) : chained(link as Link, row as unknown as ChainedEvent);
    // A place before the number is one that is taken twice.
    const isWhole = place === sequenceText(sequence) && row['sequence'] === sequence && row['hash'] === next.hash;
    if (!isWhole) return { link, fault: { sequence, kind: 'altered' } };
    link = { sequence, hash: next.hash };
  }
  return rows.length > 0 ? { link } : { link, fault: { sequence: link.sequence + 1, kind: 'missing' } };
}
