import { invalidToken, Problem } from '../errors.ts';
import { memory } from '../memory.ts';
import type { Store } from '../table/store.ts';
import { instantOf, localDateOf } from '../time.ts';
import { type Context, makeContext } from './context.ts';
import { type LiveGrant, readLiveGrant } from './grant.ts';
import { type RefusalDeps, refusalsOf } from './refusals.ts';
import { scopesOfClaim } from './scopes.ts';

/** How long a grant is trusted without looking, in milliseconds: a suspension or a revocation works within this time. */
const TRUST_MS = 60_000;
/** More clients than one Lambda instance meets in a minute; the oldest gives way. */
const REMEMBERED = 1_000;

/** What a verified access token says. */
export interface Claims {
  readonly clientId: string;
  /** The token's `scope` claim, unchanged. */
  readonly scope: string;
  /** When it was issued, as the gateway writes it. */
  readonly iat?: string | undefined;
}

/**
 * When a token was issued, in epoch seconds; NaN where that is not said. A REST API writes the claims that are times as
 * `Fri Nov 20 09:00:00 UTC 2026`.
 */
export const issuedAt = ({ iat = '' }: Pick<Claims, 'iat'>): number =>
  /^\d+$/.test(iat) ? Number(iat) : Date.parse(iat) / 1000;

/** Turns a verified token and a municipality code into a context. Throws `not_found`, `too_many_requests` and `unauthenticated`. */
export type ContextOpener = (claims: Claims, code: string, requestId: string) => Promise<Context>;

/**
 * Gives the function that turns a verified token and a path's municipality code into a context. It reads client, grant
 * and municipality in one round trip and remembers them for a minute; two requests at once share one read. Once a day it
 * notes that the client was used. Throws `not_found` unless the client is known, not revoked and granted and the
 * municipality active, so that an outsider cannot tell which is missing, `too_many_requests` if the client was refused too
 * often, and `unauthenticated` for a token from before one of the client's credentials was ended.
 */
export function contextOpener(store: Store, deps: RefusalDeps): ContextOpener {
  const { now } = deps;
  const refusals = refusalsOf(deps);
  // A refusal is not remembered here, so that a new grant works at once; refusals.ts bounds what a flood costs.
  const until = (access: LiveGrant | undefined, askedAt: number) => (access ? askedAt + TRUST_MS : askedAt);
  const remembered = memory<LiveGrant | undefined>({ most: REMEMBERED, now, until });

  async function look({ clientId, scope }: Claims, code: string): Promise<LiveGrant | undefined> {
    if (await refusals.isKnown(clientId, code)) return undefined;
    const grant = await readLiveGrant(store, clientId, code, localDateOf(instantOf(now())));
    if (!grant) return undefined;
    const held = scopesOfClaim(scope);
    return { ...grant, scopes: new Set([...grant.scopes].filter((granted) => held.has(granted))) };
  }

  return async (claims, code, requestId) => {
    const name = JSON.stringify([claims.clientId, claims.scope, code]);
    const access = await remembered.get(name, () => look(claims, code));
    const ended = access?.endsAt !== undefined && access.endsAt <= instantOf(now());
    if (!access || ended) {
      await refusals.pay(claims.clientId, code);
      throw new Problem('not_found', `There is no municipality ${code} for this client.`);
    }
    const { tokensSince, endsAt: _, ...rest } = access;
    if (tokensSince !== undefined && !(issuedAt(claims) >= tokensSince)) {
      throw invalidToken('The token is from before a credential of the client was ended. Get a new one.');
    }
    return makeContext(store, { ...rest, requestId, now: instantOf(now()) });
  };
}
