import { memory } from '../memory.ts';
import type { Store } from '../table/store.ts';
import { type Context, makeContext, type VisibleRows } from './context.ts';
import { hasEnded, type LiveGrant, readLiveGrant } from './grant.ts';
import type { TenantScope } from './scopes.ts';

/** How long a live grant is trusted without a look, in milliseconds. A revocation works within this time. */
const TRUST_MS = 60_000;
/** How long a missing grant is believed without a look, in seconds: short, because one may be given at any moment. */
export const DOUBT_S = 5;
/** More owners than one function meets in a minute; the one asked for longest ago gives way. */
const REMEMBERED = 1_000;

/** What a client handed to a principal that acts for it: never more than it held itself at that moment. */
export interface Delegation {
  readonly clientId: string;
  readonly scopes: readonly TenantScope[];
  readonly rows: VisibleRows;
}

/** What a principal may do at this moment: what was handed to it and its owner's grant still gives. */
export interface Authority {
  readonly organisation: string;
  readonly scopes: ReadonlySet<TenantScope>;
  readonly rows: VisibleRows;
}

/** The endpoints and connections of all municipalities, as principals that act under their owners' grants. */
export interface Principals {
  /**
   * Returns what a principal may do in a municipality now. Returns undefined where its owner's client is unknown or
   * revoked, has no live grant there, or its grant lacks `needed`, the scope without which nothing acts for it.
   */
  authorityOf(code: string, delegation: Delegation, needed: TenantScope): Promise<Authority | undefined>;
  /** Makes the context in which a connection acts: under its own id, for its owner's organisation. */
  contextOf(within: Pick<Context, 'tenant' | 'requestId' | 'now'>, connectionId: string, authority: Authority): Context;
}

/** Reads the grants under which principals act, through this store; a grant is looked at again after 60 seconds. */
export function principalsOf(store: Store, now: () => Date): Principals {
  const remembered = memory<LiveGrant | undefined>({
    most: REMEMBERED,
    now,
    until: (grant, askedAt) => askedAt + (grant ? TRUST_MS : DOUBT_S * 1000),
  });
  return {
    async authorityOf(code, { clientId, scopes, rows }, needed) {
      const grant = await remembered.get(JSON.stringify([code, clientId]), () => readLiveGrant(store, clientId, code));
      if (!grant?.scopes.has(needed) || hasEnded(grant, now())) return undefined;
      return {
        organisation: grant.actor.organisation,
        scopes: new Set(scopes.filter((scope) => grant.scopes.has(scope))),
        rows: rows === 'own' ? rows : grant.rows,
      };
    },
    contextOf: ({ tenant, requestId, now: at }, connectionId, { organisation, scopes, rows }) =>
      makeContext(store, {
        tenant,
        actor: { kind: 'client', id: connectionId, organisation },
        scopes,
        rows,
        requestId,
        now: at,
      }),
  };
}
