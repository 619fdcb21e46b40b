import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import { newId } from '../ids.ts';
import type { ApiRequest } from '../operation.ts';
import type { Fields } from '../record/resource.ts';
import { recordKey } from '../table/keys.ts';
import { plusMonths } from '../time.ts';
import { entryWrites } from './access-chain.ts';

/**
 * The access log (design §6): who was shown which sensitive fields, when and why, entered before the answer leaves. An
 * entry stands once under each record that it concerns, so that one Query lists it for a person.
 */

/** Why somebody reads what is sensitive, as X-Access-Purpose says it. */
export const PURPOSES = {
  casework: 'sagsbehandling',
  supervision: 'tilsyn og supervision',
  helpline: 'akuttelefon',
  emergency: 'akut fare',
  complaint: 'klagesag',
  data_subject_request: 'indsigtsanmodning',
  audit: 'revision',
  integration: 'overførsel til fagsystem',
  troubleshooting: 'fejlsøgning',
} as const;

/** Purposes that nobody states: none was given, or a municipality that leaves is handed its record. */
export const UNSTATED_PURPOSES = ['unstated', 'handover'] as const;

/** Why something was shown: as the caller stated it, or one of {@link UNSTATED_PURPOSES}. */
export type Purpose = keyof typeof PURPOSES | (typeof UNSTATED_PURPOSES)[number];

/** What a request says it reads for. Throws 422 for a purpose that is not one of {@link PURPOSES}. */
export function purposeOf(request: ApiRequest): Purpose {
  const stated = request.header('x-access-purpose');
  if (stated === undefined) return 'unstated';
  if (Object.hasOwn(PURPOSES, stated)) return stated as Purpose;
  const choice = Object.keys(PURPOSES).join(', ');
  throw invalid('/header/x-access-purpose', `X-Access-Purpose is one of ${choice}.`, 'invalid_value');
}

/** For how many months an entry is kept where the municipality has not chosen. */
export const DEFAULT_MONTHS = 24;

/** What was shown, and why. */
export interface Access {
  /** The type of what was looked at, as events call it, and its id. */
  readonly what: { readonly type: string; readonly id: string };
  /** Names of the fields that were shown, never their values. */
  readonly fields: readonly string[];
  readonly purpose: Purpose;
  /** Id of the entry, for work that is done again after a crash and then enters the same; a new one if left out. */
  readonly entryId?: string | undefined;
}

/**
 * Enters an access under each of the subjects: two write units each, all at once. Where one cannot be written it throws, so
 * nothing is shown; those that were written stay, and say more than happened, which harms nobody. An entry keeps the
 * retention that the municipality had when it was made.
 */
export async function logAccess(
  ctx: Context,
  subjects: readonly string[],
  { entryId = newId(new Date(ctx.now)), ...access }: Access,
): Promise<void> {
  const { now: at, actor, requestId, tenant } = ctx;
  const expiry = plusMonths(at, tenant.accessLogMonths ?? DEFAULT_MONTHS);
  const entry = {
    id: entryId,
    at,
    view: { at, actor, ...access, requestId },
    expiresAt: Math.floor(Date.parse(expiry) / 1000),
  };
  const writes = await entryWrites(ctx, [...new Set(subjects)], entry);
  const entered = await Promise.allSettled(writes.map((write) => ctx.table.write(write)));
  const failed = entered.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The collections of persons: what such a record says is about that one alone. */
const PERSONS = ['families', 'children', 'consultants'];

/**
 * Ids of the persons that a record is about besides itself: those it names, and those that what gave cause for a concern
 * is about, which is one more read.
 */
export async function personsOf(ctx: Context, type: string, view: Fields): Promise<string[]> {
  if (PERSONS.includes(type)) return [String(view['id'])];
  const { source, subject } = view as { source?: Fields; subject?: Fields };
  const named = [...idsIn(view), ...(subject ? [String(subject['id'])] : [])];
  const behind = source?.['id'];
  const row = typeof behind === 'string' ? await ctx.allRows.get(recordKey(behind)) : undefined;
  return row ? [...named, ...(await personsOf(ctx, String(row['type']), row['view'] as Fields))] : named;
}

/** The ids of families and children in a record, however deep. */
function idsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inside]) =>
    (name === 'familyId' || name === 'childId') && typeof inside === 'string' ? [inside] : idsIn(inside),
  );
}
