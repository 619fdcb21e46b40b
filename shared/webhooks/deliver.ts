import type { Context } from '../auth/context.ts';
import type { Principals } from '../auth/principals.ts';
import { workerContext } from '../auth/system.ts';
import { count, faultOf, log } from '../log.ts';
import { sentBytes } from '../record/events.ts';
import type { Resource } from '../record/resource.ts';
import { opened } from '../record/sealing.ts';
import { type Stored, storedOf, type Whole } from '../record/stored.ts';
import { attemptKey, deliveryKey, endpointHealthKey, eventKey, recordKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { isVersion, type Write, WriteRefused } from '../table/write.ts';
import { expiryAfter, type Instant, instantOf, plusSeconds } from '../time.ts';
import { type JudgedEvent, type Judgement, judgeEvent } from './audience.ts';
import { type Delivery, deliveryOf, HINT_GRACE_S, hintOf, nextDelivery, renewed, unlessRefused } from './deliveries.ts';
import { isTaken, type Post, type PostRequest, type PostResult } from './egress.ts';
import { disableEndpoint, warnOfEndpoint } from './endpoint-events.ts';
import {
  giveSlotBack,
  isGone,
  isSlow,
  LEASE_S,
  type OwnSlot,
  recordHealth,
  type Standing,
  standingOf,
  takeSlot,
  type Verdict,
  type Wait,
} from './endpoint-health.ts';
import { watchGrant } from './grant-watch.ts';
import { type Hint, LONGEST_DELAY_S, type SendHints } from './hints.ts';
import { commitInLine, isFirst, nextInLine } from './order.ts';
import { ownerOf } from './ownership.ts';
import { postBound, postRequest } from './request.ts';
import { nextAttemptAt, retryAfterSeconds } from './schedule.ts';

/** What delivering needs from outside, so that tests hold the clock, the receivers and chance. */
export interface DeliverDeps {
  readonly store: Store;
  readonly principals: Principals;
  readonly now: () => Date;
  readonly post: Post;
  readonly sendHints: SendHints;
  readonly endpoints: Resource;
  /** A number from 0 up to 1 for the jitter. */
  readonly random: () => number;
}

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

/** How often a result is stored anew over what others wrote meanwhile. */
const TRIES = 10;
/** Which of the writes of a result is the delivery; those after it are its line's. */
const DELIVERY_AT = 0;

/** Names an attempt among those of its endpoint. */
const attemptName = ({ id, attempts }: Delivery): string => `${id}.${attempts}`;

/** A delivery taken for an attempt, and the attempt's slot at its endpoint. */
interface Claimed {
  readonly delivery: Delivery;
  readonly slot: OwnSlot;
}

/**
 * Takes a pending delivery for one attempt: first one of its endpoint's slots, then the delivery. Of any number of workers
 * at once, one gets it and the others undefined. Where there is no slot, it says how long to wait, or `slow` if the attempt
 * belongs in the other lane. A worker that dies in between leaves a slot that is free when its lease runs out.
 */
async function claim(
  ctx: Context,
  pending: Delivery,
  endpoint: Standing,
  isOrdinary: boolean,
): Promise<Claimed | Wait | 'slow' | undefined> {
  const leaseUntil = plusSeconds(ctx.now, LEASE_S);
  const attempts = pending.attempts + 1;
  const { delivery, write } = nextDelivery(pending, { status: 'in_flight', leaseUntil, attempts }, leaseUntil);
  const slot = await takeSlot(ctx, delivery.endpointId, endpoint, { attempt: attemptName(delivery), isOrdinary });
  if (slot === undefined) return 'slow';
  if ('rests' in slot) return slot;
  if (await unlessRefused(ctx.table.write(write))) return { delivery, slot };
  await giveSlotBack(ctx, delivery.endpointId, slot);
  return undefined;
}

/** What the delivery becomes after an attempt. One whose receiver is gone is held with its endpoint. */
function afterAttempt(ctx: Context, before: Delivery, result: PostResult, random: number) {
  const { status } = result;
  if (isTaken(result)) {
    return nextDelivery(before, { status: 'delivered', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  }
  if (isGone(result)) return nextDelivery(before, { status: 'held', leaseUntil: undefined }, undefined);
  const asked = status === 429 || status === 503 ? retryAfterSeconds(result.retryAfter, ctx.now) : 0;
  const notBefore = nextAttemptAt(before.attempts, ctx.now, random, asked);
  if (notBefore === undefined)
    return nextDelivery(before, { status: 'failed', leaseUntil: undefined, finishedAt: ctx.now }, undefined);
  return nextDelivery(before, { status: 'pending', leaseUntil: undefined, notBefore }, lookAt(notBefore, ctx.now));
}

/**
 * Stores the result of the attempt that `claimed` began, over the delivery as it stands, and returns the delivery. Who lost
 * the lease meanwhile may still report success, because a late 2xx wins; any other late result is void: undefined. Nothing
 * else is written with it, so no other attempt of the endpoint can stand in its way.
 */
async function storeResult(
  ctx: Context,
  claimed: Delivery,
  result: PostResult,
  random: number,
): Promise<Delivery | undefined> {
  let standing = claimed;
  for (let tried = 1; ; tried += 1) {
    const { delivery, write } = afterAttempt(ctx, standing, result, random);
    try {
      const writes = [write, attemptWrite(claimed, ctx.now, result)];
      if (delivery.status === 'pending') await ctx.table.transact(writes);
      else await commitInLine(ctx, delivery, 'leave', writes);
      return delivery;
    } catch (error) {
      if (!(error instanceof WriteRefused) || tried === TRIES) throw error;
      if (error.at !== DELIVERY_AT) continue;
      const now = deliveryOf(await ctx.table.get(deliveryKey(claimed.id)));
      if (delivery.status !== 'delivered' || !now || now.status === 'delivered') return undefined;
      standing = now;
    }
  }
}

/** Takes a delivery off the clock: held for an endpoint that is disabled, cancelled for one that is gone. */
async function stop(ctx: Context, delivery: Delivery, status: 'held' | 'cancelled'): Promise<void> {
  // Where it is refused, somebody else changed it: their look at it, or the next hint, decides.
  const finished = status === 'cancelled' && { finishedAt: ctx.now };
  const { write } = nextDelivery(delivery, { status, ...finished }, undefined);
  await unlessRefused(commitInLine(ctx, delivery, 'leave', [write]));
}

/** Holds a delivery until the owner of its endpoint has a live grant. On an ordered endpoint it keeps its place. */
async function holdForGrant(ctx: Context, delivery: Delivery): Promise<void> {
  await watchGrant(ctx, delivery.endpointId);
  const { write } = nextDelivery(delivery, { status: 'held', heldFor: 'grant' }, undefined);
  await unlessRefused(ctx.table.write(write));
}

/** Looks at a delivery that is held for want of a grant, because its turn has come: it goes on where there is one now. */
async function lookAtHeld(deps: DeliverDeps, ctx: Context, delivery: Delivery, judgement: Judgement): Promise<void> {
  if (judgement === 'hold') {
    const off: Write = {
      kind: 'update',
      key: deliveryKey(delivery.id),
      unindex: ['due'],
      condition: isVersion(delivery.version),
    };
    await unlessRefused(ctx.table.write(off));
    return;
  }
  const anew = renewed(delivery, ctx.now, plusSeconds(ctx.now, HINT_GRACE_S));
  if (await unlessRefused(commitInLine(ctx, anew.delivery, 'enter', [anew.write]))) {
    await hintAt(deps, ctx, anew.delivery, {});
  }
}

/** The lane that a hint goes through: that of slow endpoints, or the ordinary one. */
type Lane = Pick<Hint, 'isSlow'>;
const laneOf = (endpoint: Standing, now: Instant): Lane => (isSlow(endpoint, now) ? { isSlow: true } : {});

/** Hints at a pending delivery for its time, unless that is so far off that the sweeper will; else at the one whose turn is next. */
async function hintAt(
  { sendHints }: DeliverDeps,
  ctx: Context,
  delivery: Delivery | undefined,
  lane: Lane,
): Promise<void> {
  if (!delivery) return;
  if (delivery.status !== 'pending') {
    const next = await nextInLine(ctx, delivery);
    return next && sendHints([{ ...hintOf(ctx, next), ...lane, delayS: 0 }]);
  }
  const delayS = Math.max(secondsUntil(delivery.notBefore, ctx.now), 0);
  if (delayS <= LONGEST_DELAY_S) await sendHints([{ ...hintOf(ctx, delivery), ...lane, delayS }]);
}

/** Waits for its endpoint. A rest moves the delivery's time; for a slot it is enough to look again. */
async function postpone(
  deps: DeliverDeps,
  ctx: Context,
  delivery: Delivery,
  { until, rests }: Wait,
  lane: Lane,
): Promise<void> {
  if (!rests) return hintAt(deps, ctx, { ...delivery, notBefore: until }, lane);
  const moved = nextDelivery(delivery, { notBefore: until }, lookAt(until, ctx.now));
  if (await unlessRefused(ctx.table.write(moved.write))) await hintAt(deps, ctx, moved.delivery, lane);
}

/** Does what a result asks for beside the delivery. Each can be done again, for the next failure asks for it too. */
async function follow(
  deps: DeliverDeps,
  ctx: Context,
  endpoint: Whole,
  { disable, warn, health }: Verdict,
): Promise<void> {
  if (warn !== undefined) await warnOfEndpoint(ctx, endpoint, warn, health.failingSince ?? ctx.now);
  if (disable) await disableEndpoint(ctx, deps.endpoints, endpoint.id);
}

/** When an endpoint was last enabled. */
const enabledAtOf = (endpoint: Whole): Instant => (endpoint['enabledAt'] as Instant | undefined) ?? endpoint.createdAt;

/** What is posted. Undefined where we cannot make it, which is our fault and no failure of the receiver's. */
async function requestOf(
  ctx: Context,
  { eventId, id }: Delivery,
  event: Row,
  stored: Stored,
): Promise<PostRequest | undefined> {
  try {
    const { whole: endpoint } = await opened(ctx, stored);
    const body = sentBytes(event);
    return postRequest(endpoint, { id: eventId, body }, ctx.now);
  } catch (error) {
    log.error('delivery cannot be signed', { requestId: ctx.requestId, deliveryId: id, ...faultOf(error) });
    count('UnsignedDeliveries', 1);
    return undefined;
  }
}

/**
 * Looks at one delivery and, if it is time, makes one attempt: claim, POST of the stored bytes, result. Dying after the
 * claim costs an attempt; dying after the POST makes a second one with the same id, which the receiver knows.
 */
export async function deliver(deps: DeliverDeps, hint: Hint, requestId: string): Promise<void> {
  const ctx = await workerContext(deps.store, hint.municipality, requestId, deps.now());
  // Of a municipality that is suspended everything stays due, and the clock brings it once it is at work again.
  if (!ctx) return;
  const rows = await ctx.table.getMany([
    deliveryKey(hint.deliveryId),
    eventKey(hint.eventId),
    recordKey(hint.endpointId),
    endpointHealthKey(hint.endpointId),
  ]);
  const delivery = rows.map(deliveryOf).find((found) => found !== undefined);
  const event = rows.find((row) => row['type'] === 'event');
  const stored = rows.map((row) => storedOf(deps.endpoints, row)).find((found) => found !== undefined);
  const endpoint = stored?.view;
  const standing = standingOf(rows.find((row) => row['type'] === 'endpoint-health'));
  const lane = laneOf(standing, ctx.now);

  if (delivery?.status === 'in_flight' && delivery.leaseUntil !== undefined && delivery.leaseUntil <= ctx.now) {
    const expired: Context = { ...ctx, now: delivery.leaseUntil };
    const enabledAt = endpoint ? enabledAtOf(endpoint) : expired.now;
    const stands = await storeResult(expired, delivery, ABANDONED, deps.random());
    if (endpoint && stands) {
      const told = { slot: undefined, enabledAt };
      await follow(deps, ctx, endpoint, await recordHealth(expired, endpoint.id, standing, ABANDONED, told));
    }
    await hintAt(deps, ctx, stands, lane);
  }
  if (!delivery || !event) return;
  const judge = (of: Whole) => judgeEvent(deps.principals, ctx, ownerOf(of), event as unknown as JudgedEvent);
  if (delivery.status === 'held' && delivery.heldFor === 'grant')
    return lookAtHeld(deps, ctx, delivery, endpoint ? await judge(endpoint) : 'skip');
  if (delivery.status !== 'pending') return;
  // A delivery that was held for longer than the feed keeps its event has nothing to send any more.
  if (event['envelope'] === undefined) return stop(ctx, delivery, 'cancelled');
  if (!stored || endpoint?.['disabled'] !== false) return stop(ctx, delivery, endpoint ? 'held' : 'cancelled');
  if (delivery.notBefore > ctx.now) return hintAt(deps, ctx, delivery, lane);
  // Judged and posted in its own lane, where waiting for an answer keeps nobody else waiting.
  if (lane.isSlow && !hint.isSlow) return hintAt(deps, ctx, delivery, lane);
  const judgement = await judge(endpoint);
  if (judgement === 'hold') return holdForGrant(ctx, delivery);
  if (judgement === 'skip') return stop(ctx, delivery, 'cancelled');
  if (!(await isFirst(ctx, delivery))) return;
  const request = await requestOf(ctx, delivery, event, stored);
  if (!request) return;
  const claimed = await claim(ctx, delivery, standing, hint.isSlow !== true);
  if (claimed === 'slow') return hintAt(deps, ctx, delivery, { isSlow: true });
  if (!claimed) return;
  if ('rests' in claimed) return postpone(deps, ctx, delivery, claimed, lane);

  const result = await postBound(deps.post, request);
  const after: Context = { ...ctx, now: instantOf(deps.now()) };
  const enabledAt = enabledAtOf(endpoint);
  // Disabled first: once the delivery is held it leaves its line, and nothing may pass it there.
  if (isGone(result)) await disableEndpoint(after, deps.endpoints, endpoint.id);
  const stands = await storeResult(after, claimed.delivery, result, deps.random());
  const verdict = await recordHealth(after, endpoint.id, standing, result, { slot: claimed.slot, enabledAt });
  await follow(deps, after, endpoint, verdict);
  await hintAt(deps, after, stands, verdict.health.hangs ? { isSlow: true } : {});
}
