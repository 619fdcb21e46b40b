import type { Context } from '../auth/context.ts';
import type { Delegation, Principals } from '../auth/principals.ts';
import type { TenantScope } from '../auth/scopes.ts';

/** The scope that the owner of an endpoint needs, when the endpoint is made and whenever something is posted to it. */
export const ENDPOINT_SCOPE = 'events:read';

/** What an event's row says of its object: the scope that reads objects of its type, and the organisation it belongs to. */
export interface EventSubject {
  readonly scope: TenantScope;
  readonly source: string;
}

/** An event as it is judged. */
export interface JudgedEvent {
  readonly name: string;
  readonly view: EventSubject;
}

/**
 * The events that every endpoint is posted, whatever types it names and whatever its owner may read: somebody outside
 * asks to be let into the municipality, and whoever still listens can raise the alarm. They tell no person's data.
 */
const TOLD_TO_ALL: ReadonlySet<string> = new Set([
  'access.recovery_requested',
  'access.recovery_cancelled',
  'access.recovery_used',
]);

/** Returns whether every endpoint is posted events of this name. */
export const isToldToAll = (name: string): boolean => TOLD_TO_ALL.has(name);

/** What becomes of an event for an endpoint: it is posted, waits until its owner has a live grant, or is not for it. */
export type Judgement = 'post' | 'hold' | 'skip';

/**
 * Judges an event for an endpoint by what its owner may do at this moment. Without a live grant nothing is posted: what
 * the owner could read when it made the endpoint waits for a new grant, under which it is judged again.
 */
export async function judgeEvent(
  principals: Principals,
  ctx: Context,
  owner: Delegation,
  { name, view: { scope, source } }: JudgedEvent,
): Promise<Judgement> {
  const isForAll = isToldToAll(name);
  const authority = await principals.authorityOf(ctx.tenant.code, owner, ENDPOINT_SCOPE);
  if (!authority) return isForAll || owner.scopes.includes(scope) ? 'hold' : 'skip';
  if (isForAll) return 'post';
  if (!authority.scopes.has(scope)) return 'skip';
  return authority.rows === 'all' || source === authority.organisation ? 'post' : 'skip';
}
