import type { Context } from '../auth/context.ts';
import { refuseCpr } from '../cpr.ts';
import { invalid } from '../errors.ts';
import { newId } from '../ids.ts';
import type { ApiRequest } from '../operation.ts';
import type { Fields } from '../record/resource.ts';
import { accessByActor, recordKey } from '../table/keys.ts';
import { localDateOf, plusMonths } from '../time.ts';
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
export function purposeOf(request: Pick<ApiRequest, 'header'>): Purpose {
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

/** A person's id at the municipality: letters, digits and `_.@-`. */
export const PERSON = /^[\w.@-]{1,64}$/;

/**
 * Returns the person behind an interactive client, as X-Access-Person names it. Throws 422 for what is no such id or looks
 * like a CPR number, because the access log is read and kept as plain text.
 */
export function personStated({ stated }: Context): string | undefined {
  const person = stated?.person;
  if (person === undefined) return undefined;
  if (!PERSON.test(person))
    throw invalid('/header/x-access-person', 'X-Access-Person is 1 to 64 letters, digits and _.@-.', 'invalid_format');
  refuseCpr('/header/x-access-person', person);
  return person;
}

/** Returns the purpose that the request of a context states; `unstated` where it states none. */
export const purposeStated = ({ stated }: Context): Purpose => purposeOf({ header: () => stated?.purpose });

/** Throws 422 where the municipality asks a client for a purpose or a person that is missing, or allows only others. */
function requireStated({ actor, tenant }: Context, purpose: Purpose, person: string | undefined): void {
  if (actor.kind !== 'client') return;
  const { purposes, requirePurpose, requirePerson } = tenant;
  if (requirePurpose && purpose === 'unstated')
    throw invalid('/header/x-access-purpose', 'This municipality asks for X-Access-Purpose.', 'required');
  if (purposes && purpose !== 'unstated' && !purposes.includes(purpose)) {
    const detail = `This municipality allows the purposes ${purposes.join(', ')}.`;
    throw invalid('/header/x-access-purpose', detail, 'invalid_value');
  }
  if (requirePerson && person === undefined)
    throw invalid('/header/x-access-person', 'This municipality asks for X-Access-Person.', 'required');
}

/**
 * Enters an access under each of the subjects and under the actor: two write units for each subject, all at once, and one
 * for the list of the actor. Throws 422 where the municipality asks for a purpose or person that is not stated. Where one
 * cannot be written it throws, so nothing is shown; those that were written stay, and say more than happened, which harms
 * nobody. An entry keeps the retention that the municipality had when it was made.
 */
export async function logAccess(
  ctx: Context,
  subjects: readonly string[],
  { entryId = newId(new Date(ctx.now)), ...access }: Access,
): Promise<void> {
  const { now: at, actor, requestId, tenant } = ctx;
  const person = personStated(ctx);
  requireStated(ctx, access.purpose, person);
  const expiry = plusMonths(at, tenant.accessLogMonths ?? DEFAULT_MONTHS);
  const entry = {
    id: entryId,
    at,
    view: { at, actor, ...(person !== undefined && { person }), ...access, requestId },
    expiresAt: Math.floor(Date.parse(expiry) / 1000),
  };
  // One of the entries stands in the list of the actor, so that this list shows each access once.
  const byActor = { about: { pk: accessByActor(actor.id, localDateOf(at)), sk: [at, entryId] } };
  const writes = (await entryWrites(ctx, [...new Set(subjects)], entry)).map((write, nth) =>
    nth === 0 ? { ...write, index: { ...write.index, ...byActor } } : write,
  );
  const entered = await Promise.allSettled(writes.map((write) => ctx.table.write(write)));
  const failed = entered.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The collections of persons: what such a record says is about that one alone. */
const PERSONS = ['families', 'children', 'consultants'];

/**
 * Returns the ids of the persons that a record is about besides itself: those it names, and those that another record
 * which it names is about, which is one more read: what gave cause for a concern, the group of a session, or what a
 * message tells of.
 */
export async function personsOf(ctx: Context, type: string, view: Fields): Promise<string[]> {
  if (PERSONS.includes(type)) return [String(view['id'])];
  const { source, subject, groupId, objectId } = view as { source?: Fields; subject?: Fields } & Fields;
  const named = [...idsIn(view), ...(typeof subject === 'object' ? [String(subject['id'])] : [])];
  // Of a group session the members of the group, who are not written down before they attend; of a message the record that
  // it names, under which it stands too.
  const behind = [source?.['id'], groupId, objectId].find((id) => typeof id === 'string') as string | undefined;
  if (behind === undefined) return named;
  const row = await ctx.allRows.get(recordKey(behind));
  const own = objectId === behind && row ? [behind] : [];
  return row ? [...named, ...own, ...(await personsOf(ctx, String(row['type']), row['view'] as Fields))] : named;
}

/** The ids of families and children in a record, however deep. */
function idsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inside]) => {
    if ((name === 'familyId' || name === 'childId') && typeof inside === 'string') return [inside];
    return name === 'familyIds' && Array.isArray(inside) ? (inside as string[]) : idsIn(inside);
  });
}
