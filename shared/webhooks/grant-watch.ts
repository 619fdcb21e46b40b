import type { Context } from '../auth/context.ts';
import type { Delegation, Principals } from '../auth/principals.ts';
import { duePartition, grantWatchKey, recordKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { freshVersion, isVersion } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { ENDPOINT_SCOPE } from './audience.ts';
import { deliveriesWithoutGrant, deliveryOf, HINT_GRACE_S, hintOf, renewed, unlessRefused } from './deliveries.ts';
import type { SendHints } from './hints.ts';
import { commitInLine } from './order.ts';

/**
 * Deliveries that are held because the owner of their endpoint has no live grant go on by themselves once it has one.
 * One small row for each such endpoint stands on the clock meanwhile, whatever the number of deliveries: each round
 * looks at the grant, which costs one read for an owner that has none.
 */

/** The word for it in the index of what is due. */
export const GRANT_WATCH = 'grant-watch';
/** Seconds for which a watch outlives the last delivery that was held: whoever held it may still be writing it. */
const LINGER_S = 120;
/** Deliveries of one endpoint that a round sets going at most. */
const MOST_RELEASED = 500;
const PAGE = 100;

interface Watch {
  readonly endpointId: string;
  readonly version: number;
  /** When a delivery was last held. */
  readonly heldAt: Instant;
}

/** Puts an endpoint on the clock. It is done before a delivery is held, so that none is held with nobody to look at it. */
export function watchGrant(ctx: Context, endpointId: string): Promise<void> {
  const watch: Watch = { endpointId, version: freshVersion(), heldAt: ctx.now };
  return ctx.table.write({
    kind: 'put',
    key: grantWatchKey(endpointId),
    item: { type: GRANT_WATCH, version: watch.version, view: watch },
    index: { due: { pk: duePartition, sk: [plusSeconds(ctx.now, HINT_GRACE_S), GRANT_WATCH, endpointId] } },
  });
}

/** Whether what is held may go on: the owner has a live grant, or the endpoint is gone, so that its deliveries are cancelled. */
async function mayGoOn(principals: Principals, ctx: Context, endpointId: string): Promise<boolean> {
  const row = await ctx.table.get(recordKey(endpointId));
  if (!row || row['deleted'] === true) return true;
  const { owner } = row['view'] as { owner: Delegation };
  return (await principals.authorityOf(ctx.tenant.code, owner, ENDPOINT_SCOPE)) !== undefined;
}

/** Makes one page of what is held pending again, the oldest first. Returns how many there were. */
async function releasePage(ctx: Context, endpointId: string, sendHints: SendHints): Promise<number> {
  const partition = deliveriesWithoutGrant(endpointId);
  const { rows } = await ctx.table.query({ index: 'filter2', partition, limit: PAGE });
  const held = rows.flatMap((row) => deliveryOf(row) ?? []);
  for (const each of held) {
    const { delivery, write } = renewed(each, ctx.now, plusSeconds(ctx.now, HINT_GRACE_S));
    // Where it is refused, a person has recovered it, or the index is behind.
    if (await unlessRefused(commitInLine(ctx, delivery, 'enter', [write])))
      await sendHints([{ ...hintOf(ctx, delivery), delayS: 0 }]);
  }
  return held.length;
}

/** Looks at the grant of an endpoint's owner, and where it is live again, sets going what was held for want of it. */
export async function lookAtGrant(
  ctx: Context,
  { principals, sendHints }: { readonly principals: Principals; readonly sendHints: SendHints },
  row: Row,
): Promise<void> {
  const { endpointId, heldAt, version } = row['view'] as Watch;
  if (!(await mayGoOn(principals, ctx, endpointId))) return;
  for (let released = 0; released < MOST_RELEASED; ) {
    const count = await releasePage(ctx, endpointId, sendHints);
    released += count;
    if (count < PAGE) break;
  }
  const lingers = heldAt > plusSeconds(ctx.now, -LINGER_S);
  if (!lingers)
    await unlessRefused(
      ctx.table.write({ kind: 'delete', key: grantWatchKey(endpointId), condition: isVersion(version) }),
    );
}
