import { type Context, workerContext } from '../context.ts';
import { eventBytes } from '../record/events.ts';
import type { Resource } from '../record/resource.ts';
import { storedOf } from '../record/save.ts';
import { attemptKey, deliveryKey, eventKey, recordKey } from '../table/keys.ts';
import type { Store } from '../table/store.ts';
import { type Write, WriteRefused } from '../table/write.ts';
import { type Instant, instantOf, plusSeconds } from '../time.ts';
import { type Delivery, deliveryOf, HINT_GRACE_S, hintOf, nextDelivery } from './deliveries.ts';
import type { Post, PostResult } from './egress.ts';
import { type Hint, LONGEST_DELAY_S, type SendHints } from './hints.ts';
import { nextAttemptAt, retryAfterSeconds } from './schedule.ts';
import { signedHeaders } from './sign.ts';

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

/** What an attempt came to, for the log of attempts. */
function attemptWrite(delivery: Delivery, at: Instant, result: PostResult | 'abandoned'): Write {
  const outcome = result === 'abandoned' ? { error: 'ABANDONED' } : { ...result, retryAfter: undefined };
  return {
    kind: 'put',
    key: attemptKey(delivery.id, delivery.attempts),
    item: { type: 'attempt', view: { attempt: delivery.attempts, at, ...outcome } },
    expiresAt: Math.floor(Date.parse(at) / 1000) + ATTEMPT_LIFE_DAYS * 86_400,
  };
}

/** Seconds from now until an instant. */
const secondsUntil = (instant: Instant, now: Instant): number => (Date.parse(instant) - Date.parse(now)) / 1000;

/** When the sweeper must look: a minute after the hint's time, or at the time itself where it is too far for a hint. */
export const lookAt = (notBefore: Instant, now: Instant): Instant =>
  secondsUntil(notBefore, now) <= LONGEST_DELAY_S ? plusSeconds(notBefore, HINT_GRACE_S) : notBefore;

/** Takes a delivery for one attempt, or says why not. Of any number of workers at once, one gets it. */
async function claim(ctx: Context, before: Delivery): Promise<Delivery | undefined> {
  const expired = before.status === 'in_flight' && (before.leaseUntil ?? '') <= ctx.now;
  if (before.status !== 'pending' && !expired) return undefined;
  const abandoned = expired ? [attemptWrite(before, ctx.now, 'abandoned')] : [];
  const exhausted = expired && nextAttemptAt(before.attempts, ctx.now, 0) === undefined;
  const leaseUntil = plusSeconds(ctx.now, LEASE_S);
  const { delivery, write } = exhausted
    ? nextDelivery(before, { status: 'failed', leaseUntil: undefined, finishedAt: ctx.now }, undefined)
    : nextDelivery(before, { status: 'in_flight', leaseUntil, attempts: before.attempts + 1 }, leaseUntil);
  try {
    await (abandoned.length > 0 ? ctx.table.transact([write, ...abandoned]) : ctx.table.write(write));
  } catch (error) {
    if (error instanceof WriteRefused) return undefined;
    throw error;
  }
  return exhausted ? undefined : delivery;
}

/** What the delivery becomes after an attempt. */
function afterAttempt(ctx: Context, claimed: Delivery, result: PostResult, random: number) {
  const { status } = result;
  if (status !== undefined && status >= 200 && status < 300) {
    return nextDelivery(claimed, { status: 'delivered', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  }
  const asked = status === 429 || status === 503 ? retryAfterSeconds(result.retryAfter, ctx.now) : 0;
  const notBefore = nextAttemptAt(claimed.attempts, ctx.now, random, asked);
  if (notBefore === undefined)
    return nextDelivery(claimed, { status: 'failed', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  return nextDelivery(claimed, { status: 'pending', leaseUntil: undefined, notBefore }, lookAt(notBefore, ctx.now));
}

/** Stores a result with its attempt. Whoever lost the lease meanwhile may still report success: a late 2xx wins. */
async function settle(
  ctx: Context,
  claimed: Delivery,
  result: PostResult,
  random: number,
): Promise<Delivery | undefined> {
  const { delivery, write } = afterAttempt(ctx, claimed, result, random);
  const attempt = attemptWrite(claimed, ctx.now, result);
  try {
    await ctx.table.transact([write, attempt]);
    return delivery;
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
  }
  if (delivery.status !== 'delivered') return undefined;
  const standing = deliveryOf(await ctx.table.get(deliveryKey(claimed.id)));
  if (!standing || standing.status === 'delivered') return undefined;
  return settle(ctx, { ...standing, attempts: claimed.attempts }, result, random);
}

/**
 * Looks at one delivery and, if it is time, makes one attempt: claim, POST of the stored bytes, result. Dying after the
 * claim costs the lease's time; dying after the POST makes a second one with the same id, which the receiver knows.
 */
export async function deliver(deps: DeliverDeps, hint: Hint, requestId: string): Promise<void> {
  const open = () => workerContext(deps.store, hint.municipality, requestId, deps.now());
  const ctx = await open();
  if (ctx?.tenant.status !== 'active') return;
  const [eventId, endpointId] = [eventKey(hint.eventId), recordKey(hint.endpointId)];
  const rows = await ctx.table.getMany([deliveryKey(hint.deliveryId), eventId, endpointId]);
  const delivery = rows.map(deliveryOf).find((found) => found !== undefined);
  const event = rows.find((row) => row['type'] === 'event');
  const endpoint = rows.map((row) => storedOf(deps.endpoints, row)).find((found) => found !== undefined);
  if (!delivery || (delivery.status !== 'pending' && delivery.status !== 'in_flight')) return;
  if (!event || !endpoint || endpoint.whole['disabled'] === true) {
    await stop(ctx, delivery, endpoint ? 'held' : 'cancelled');
    return;
  }
  const wait = secondsUntil(delivery.notBefore, ctx.now);
  if (wait > 0) {
    if (wait <= LONGEST_DELAY_S) await deps.sendHints([{ ...hintOf(ctx, delivery), delayS: wait }]);
    return;
  }
  const claimed = await claim(ctx, delivery);
  if (!claimed) return;

  const body = eventBytes(event['envelope'] as string, event['sequence'] as number);
  const timestamp = Math.floor(Date.parse(ctx.now) / 1000);
  const headers = signedHeaders(endpoint.whole['secret'] as string, { id: claimed.eventId, timestamp, body });
  const result = await deps.post({ url: endpoint.whole['url'] as string, headers, body });

  const after: Context = { ...ctx, now: instantOf(deps.now()) };
  const settled = await settle(after, claimed, result, deps.random());
  if (settled?.status !== 'pending') return;
  const delayS = secondsUntil(settled.notBefore, after.now);
  if (delayS <= LONGEST_DELAY_S) await deps.sendHints([{ ...hintOf(ctx, settled), delayS }]);
}

/** Takes a delivery off the clock: held for an endpoint that is disabled, cancelled for one that is gone. */
async function stop(ctx: Context, delivery: Delivery, status: 'held' | 'cancelled'): Promise<void> {
  try {
    await ctx.table.write(nextDelivery(delivery, { status, leaseUntil: undefined }, undefined).write);
  } catch (error) {
    // Somebody else changed it: their look at it, or the next hint, decides.
    if (!(error instanceof WriteRefused)) throw error;
  }
}
