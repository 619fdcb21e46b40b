import { isDeepStrictEqual } from 'node:util';
import { reference, setOf } from '../record/fields.ts';
import { findRecords } from '../record/read.ts';
import type { Change } from '../record/resource.ts';
import { staff } from './staff.ts';

/** Who leads a session or a course. */
export const facilitatorIds = (description: string) =>
  setOf(description, reference('A consultant or staff member.'), 10).default([]);

/** The collections that facilitators stand in. */
export const FACILITATORS = ['consultants', 'staff'] as const;

/** The institutions that lead a session or a course: derived, so that each finds its own in one list. */
export const institutionIds = () =>
  setOf('Institutions whose staff are among those who lead it (institutioner).', reference('An institution.')).meta({
    examples: [['01930000-0000-7000-8000-000000000007']],
  });

/** A record with facilitators, and what {@link institutionsOf} has set of it. */
export interface Led {
  readonly facilitatorIds: readonly string[];
  readonly institutionIds?: readonly string[];
}

/** The institutions of the facilitators, read when these change: a staff member stays with one institution. */
export async function institutionsOf({ ctx, before, after }: Change<Led>): Promise<Partial<Led>> {
  if (before && isDeepStrictEqual(before.facilitatorIds, after.facilitatorIds)) return {};
  const leaders = await findRecords(ctx, staff, after.facilitatorIds);
  return { institutionIds: [...new Set(leaders.map(({ view }) => String(view['institutionId'])))].sort() };
}
