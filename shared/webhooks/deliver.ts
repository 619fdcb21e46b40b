import { type Context, workerContext } from '../context.ts';
import { eventBytes } from '../record/events.ts';
import type { Resource } from '../record/resource.ts';
import { storedOf } from '../record/stored.ts';
import { attemptKey, deliveryKey, eventKey, recordKey } from '../table/keys.ts';
import type { Store } from '../table/store.ts';
import type { Write } from '../table/write.ts';
import { expiryAfter, type Instant, instantOf, plusSeconds } from '../time.ts';
import { type Delivery, deliveryOf, HINT_GRACE_S, hintOf, nextDelivery, unlessRefused } from './deliveries.ts';
import { isTaken, type Post, type PostResult } from './egress.ts';
import { type Hint, LONGEST_DELAY_S, type SendHints } from './hints.ts';
import { credentialsFor } from './receiver-token.ts';
import { nextAttemptAt, retryAfterSeconds } from './schedule.ts';
import { signedHeaders } from './sign.ts';

/** What delivering needs from outside, so that tests hold the clock, the receivers and chance. */
export interface DeliverDeps {
  readonly store: Store;
  readonly now: () => Date;
  readonly post: Post;
  readonly sendHints: SendHints;
  readonly endpoints: Resource;
  /** A number from 0 up to 1 for the jitter. */
  readonly random: () => number;
}

/** Seconds an attempt has a delivery to itself: more than a POST can take. */
const LEASE_S = 30;
const ATTEMPT_LIFE_DAYS = 30;

/** What an attempt came to whose worker was never heard of again: a failure that took its whole lease. */
const ABANDONED: PostResult = { error: 'ABANDONED', durationMs: LEASE_S * 1000 };

/** What an attempt came to, for the log of attempts. */
const attemptWrite = ({ id, attempts }: Delivery, at: Instant, result: PostResult): Write => ({
  kind: 'put',
  key: attemptKey(id, attempts),
  item: { type: 'attempt', view: { attempt: attempts, at, ...result, retryAfter: undefined } },
  expiresAt: expiryAfter(at, ATTEMPT_LIFE_DAYS),
});

/** Seconds from now until an instant. */
const secondsUntil = (instant: Instant, now: Instant): number => (Date.parse(instant) - Date.parse(now)) / 1000;

/** When the sweeper must look: a minute after the hint's time, or at the time itself where it is too far for a hint. */
const lookAt = (notBefore: Instant, now: Instant): Instant =>
  secondsUntil(notBefore, now) <= LONGEST_DELAY_S ? plusSeconds(notBefore, HINT_GRACE_S) : notBefore;

/** Takes a pending delivery for one attempt. Of any number of workers at once, one gets it and the others undefined. */
async function claim(ctx: Context, pending: Delivery): Promise<Delivery | undefined> {
  const leaseUntil = plusSeconds(ctx.now, LEASE_S);
  const attempts = pending.attempts + 1;
  const { delivery, write } = nextDelivery(pending, { status: 'in_flight', leaseUntil, attempts }, leaseUntil);
  return (await unlessRefused(ctx.table.write(write))) ? delivery : undefined;
}

/** What the delivery becomes after an attempt. */
function afterAttempt(ctx: Context, before: Delivery, result: PostResult, random: number) {
  const { status } = result;
  if (isTaken(result)) {
    return nextDelivery(before, { status: 'delivered', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  }
  const asked = status === 429 || status === 503 ? retryAfterSeconds(result.retryAfter, ctx.now) : 0;
  const notBefore = nextAttemptAt(before.attempts, ctx.now, random, asked);
  if (notBefore === undefined)
    return nextDelivery(before, { status: 'failed', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  return nextDelivery(before, { status: 'pending', leaseUntil: undefined, notBefore }, lookAt(notBefore, ctx.now));
}

/**
 * Stores the result of the attempt that `claimed` began, over the delivery as it stands. Who lost the lease meanwhile may
 * still report success, because a late 2xx wins; any other late result is void.
 */
async function settle(
  ctx: Context,
  claimed: Delivery,
  result: PostResult,
  random: number,
  standing = claimed,
): Promise<Delivery | undefined> {
  const { delivery, write } = afterAttempt(ctx, standing, result, random);
  if (await unlessRefused(ctx.table.transact([write, attemptWrite(claimed, ctx.now, result)]))) return delivery;
  if (delivery.status !== 'delivered') return undefined;
  const now = deliveryOf(await ctx.table.get(deliveryKey(claimed.id)));
  return now && now.status !== 'delivered' ? settle(ctx, claimed, result, random, now) : undefined;
}

/** Takes a delivery off the clock: held for an endpoint that is disabled, cancelled for one that is gone. */
async function stop(ctx: Context, delivery: Delivery, status: 'held' | 'cancelled'): Promise<void> {
  // Where it is refused, somebody else changed it: their look at it, or the next hint, decides.
  const finished = status === 'cancelled' && { finishedAt: ctx.now };
  await unlessRefused(ctx.table.write(nextDelivery(delivery, { status, ...finished }, undefined).write));
}

/** Hints at a pending delivery for its time, unless that is so far off that the sweeper will. */
async function hintAt({ sendHints }: DeliverDeps, ctx: Context, delivery: Delivery | undefined): Promise<void> {
  if (delivery?.status !== 'pending') return;
  const delayS = Math.max(secondsUntil(delivery.notBefore, ctx.now), 0);
  if (delayS <= LONGEST_DELAY_S) await sendHints([{ ...hintOf(ctx, delivery), delayS }]);
}

/**
 * Looks at one delivery and, if it is time, makes one attempt: claim, POST of the stored bytes, result. Dying after the
 * claim costs an attempt; dying after the POST makes a second one with the same id, which the receiver knows.
 */
export async function deliver(deps: DeliverDeps, hint: Hint, requestId: string): Promise<void> {
  const ctx = await workerContext(deps.store, hint.municipality, requestId, deps.now());
  if (ctx?.tenant.status !== 'active') return;
  const rows = await ctx.table.getMany([
    deliveryKey(hint.deliveryId),
    eventKey(hint.eventId),
    recordKey(hint.endpointId),
  ]);
  const delivery = rows.map(deliveryOf).find((found) => found !== undefined);
  const event = rows.find((row) => row['type'] === 'event');
  const endpoint = rows.map((row) => storedOf(deps.endpoints, row)).find((found) => found !== undefined)?.whole;

  if (delivery?.status === 'in_flight' && delivery.leaseUntil !== undefined && delivery.leaseUntil <= ctx.now) {
    const expired: Context = { ...ctx, now: delivery.leaseUntil };
    await hintAt(deps, ctx, await settle(expired, delivery, ABANDONED, deps.random()));
  }
  if (delivery?.status !== 'pending' || !event) return;
  if (endpoint?.['disabled'] !== false) return stop(ctx, delivery, endpoint ? 'held' : 'cancelled');
  if (delivery.notBefore > ctx.now) return hintAt(deps, ctx, delivery);
  const claimed = await claim(ctx, delivery);
  if (!claimed) return;

  const body = eventBytes(event['envelope'] as string, event['sequence'] as number);
  const timestamp = Math.floor(Date.parse(ctx.now) / 1000);
  const headers = signedHeaders(endpoint['secret'] as string, { id: claimed.eventId, timestamp, body });
  const result = await deps.post({ url: endpoint['url'] as string, headers, body, ...credentialsFor(endpoint) });

  const after: Context = { ...ctx, now: instantOf(deps.now()) };
  await hintAt(deps, after, await settle(after, claimed, result, deps.random()));
}
