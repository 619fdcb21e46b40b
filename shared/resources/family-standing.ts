import type { Problem } from '../errors.ts';
import type { Fields, LedgerEntry } from '../record/resource.ts';

/** What a record contributes to how its family stands. */
export type StandingEntry =
  | { readonly kind: 'contact'; readonly at: string }
  | { readonly kind: 'session'; readonly at: string }
  | { readonly kind: 'action'; readonly dueOn: string }
  | { readonly kind: 'risk'; readonly level: string };

/** The entry of a record in the standing of a family. */
export const inStanding = (
  familyId: string,
  entry: StandingEntry,
  admit?: (others: ReadonlyMap<string, Fields>) => Problem | undefined,
): LedgerEntry => ({ name: ['family', familyId], entry, ...(admit && { admit }) });
