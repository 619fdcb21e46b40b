import { Problem } from '../errors.ts';
import { type HoldEntry, holdAttributes, isHold, subjectName } from '../record/legal-hold.ts';
import type { LedgerEntry } from '../record/resource.ts';
import type { LocalDate } from '../time.ts';

/**
 * What stands for and against the erasure of one person: one row to which each legal hold in force, each erasure under
 * way, each active placement and each open concern about the person adds an entry, in the same transaction as itself. So
 * of an erasure and a hold at the same instant one is refused, and whether somebody is held is one read.
 */
type Standing =
  | HoldEntry
  | { readonly kind: 'erasure' }
  | { readonly kind: 'placement' }
  | { readonly kind: 'concern' };

/** Whether a person's ledger has a hold that is in force on a day. */
export const isHeld = (entries: object, day: LocalDate): boolean =>
  Object.values(entries).some((entry: object) => isHold(day, entry));

/** The entry of a record in the ledger of a person. */
export const inSubject = (
  id: string,
  entry: Standing,
  admit: (others: readonly Standing[]) => Problem | undefined,
): LedgerEntry => ({
  name: subjectName(id),
  entry: { ...entry },
  attributes: holdAttributes,
  admit: (others) => admit([...others.values()] as unknown as Standing[]),
});

/** Refuses what cannot begin while the person is being erased. */
export const unlessErasing = (others: readonly Standing[]): Problem | undefined =>
  others.some(({ kind }) => kind === 'erasure')
    ? new Problem('conflict', 'This person or household is being erased from the record.')
    : undefined;

/** Refuses an erasure that is asked for on a day while a hold is in force, another is under way, or a case is alive. */
export const mayErase =
  (day: LocalDate) =>
  (others: readonly Standing[]): Problem | undefined => {
    const has = (kind: Standing['kind']) => others.some((other) => other.kind === kind);
    if (others.some((other) => isHold(day, other)))
      return new Problem('legal_hold', 'A legal hold on this person or household is in force.');
    if (has('placement')) return new Problem('conflict', 'The child has an active placement. End it first.');
    if (has('concern')) return new Problem('conflict', 'There is an open concern report. Hand it over first.');
    return unlessErasing(others);
  };
