import type { Context } from '../auth/context.ts';
import { derivedId, newId } from '../ids.ts';
import { type Action, eventWrite } from '../record/events.ts';
import { noticeKey } from '../table/keys.ts';
import type { Write } from '../table/write.ts';
import type { Instant } from '../time.ts';

/** The events by which a municipality's own history tells of every change of who may do what, whoever made it. */
export const ACCESS_EVENTS = [
  'access.client_created',
  'access.client_revoked',
  'access.confirmed',
  'access.credential_added',
  'access.credential_ended',
  'access.granted',
  'access.recovery_cancelled',
  'access.recovery_requested',
  'access.recovery_used',
  'access.revoked',
  'access.settings_changed',
  'access.suspended',
] as const;

/** The collection in which each kind of object stands. */
const COLLECTIONS = { client: 'clients', grant: 'grants', settings: 'settings', recovery: 'recovery' } as const;

/** One change of who may do what, as it is told. It names ids, scopes and times, and nobody. */
export interface AccessChange {
  readonly name: (typeof ACCESS_EVENTS)[number];
  readonly objectType: keyof typeof COLLECTIONS;
  readonly objectId: string;
  readonly action: Action;
  readonly changed?: readonly string[] | undefined;
  readonly objectVersion?: number | undefined;
  /** Id of the event where repeating the request must tell it once; a new one when left out. */
  readonly id?: string | undefined;
  readonly previous?: string | undefined;
  readonly details?: object | undefined;
  /** Whether an answer stands beside the event, because the request had an Idempotency-Key. */
  readonly answered?: boolean | undefined;
}

/** Returns a new id for an event of a municipality. */
export const newEventId = (code: string, now: string): string => derivedId('evt', code, newId(new Date(now)));

/** Returns the id of the event that tells once that a credential was ended. */
export const endedEventId = (code: string, clientId: string, credentialId: string): string =>
  derivedId('evt', code, clientId, credentialId, 'ended');

const hrefOf = (code: string, { objectType, objectId }: AccessChange): string => {
  const collection = `v1/municipalities/${code}/${COLLECTIONS[objectType]}`;
  return objectType === 'client' || objectType === 'grant' ? `${collection}/${objectId}` : collection;
};

/** Returns the write of the event that tells of a change. Everybody who may see who has access may read it. */
export const accessEventWrite = (ctx: Context, change: AccessChange): Write =>
  eventWrite(ctx, {
    ...change,
    id: change.id ?? newEventId(ctx.tenant.code, ctx.now),
    objectVersion: change.objectVersion ?? 1,
    scope: 'grants:read',
    source: 'municipal',
    href: hrefOf(ctx.tenant.code, change),
    changed: change.changed ?? [],
  });

/** A change that an operator made, kept beside the municipality until its own history tells of it (steward.ts). */
export interface Notice extends Omit<AccessChange, 'id' | 'answered'> {
  readonly id: string;
  readonly at: Instant;
  readonly operatorId: string;
}

/**
 * Returns the write by which an operator's change is to be told. The operators' function reaches no row of any
 * municipality, so the notice waits outside of it, and is written in the same transaction as the change itself.
 */
export function noticeWrite(by: { now: Instant; operatorId: string }, code: string, change: AccessChange): Write {
  const { now: at, operatorId } = by;
  const notice: Notice = { ...change, id: change.id ?? newEventId(code, at), at, operatorId };
  return {
    kind: 'put',
    key: noticeKey(code, at, notice.id),
    item: { type: 'notice', notice: JSON.stringify(notice) },
  };
}
