import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../auth/context.ts';
import { log } from '../log.ts';
import { endpointHealthKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { isVersion, WriteRefused } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { unlessRefused } from './deliveries.ts';
import { isTaken, type PostResult } from './egress.ts';
import { retryAfterSeconds } from './schedule.ts';

/**
 * How an endpoint is doing: one small row beside it, read with each delivery. An attempt takes one of its slots and gives
 * it back, each by an update of that one attribute, so that attempts of one endpoint do not get in each other's way. The
 * rest of the row is written only when it changes, which a success after a success does not.
 */
export interface Health {
  /** Version of what is said here; the slots change without one. */
  readonly version: number;
  /** Connection failures since the last answer of any kind. */
  readonly unreached: number;
  /** How often in a row the circuit breaker has opened. */
  readonly openings: number;
  /** While the breaker is open, or the receiver asked for a pause: until when nothing is sent. */
  readonly restUntil?: Instant | undefined;
  /** The first failure since the last success. */
  readonly failingSince?: Instant | undefined;
  /** The highest share of the failing time that was warned of, in per cent. */
  readonly warned: number;
  /** Whether it has ever answered. */
  readonly isProven?: true;
  /** Whether the last attempt ended because no answer came in time. */
  readonly hangs?: true;
}

/** An attempt under way: which it is, and until when it has its slot. */
interface Slot {
  readonly until: Instant;
  readonly attempt: string;
}

/** The health and the slots as they were read together. */
export interface Standing {
  readonly health: Health;
  /** By their place, whether or not their lease has run out. */
  readonly slots: readonly (Slot | undefined)[];
}

/** Attempts that an endpoint may have under way at once. */
const SLOTS = 5;
/** Seconds an attempt has its slot and its delivery to itself: more than a POST can take. */
export const LEASE_S = 30;
/** Connection failures in a row that open the breaker. */
const FAILURES_TO_OPEN = 5;
const FIRST_REST_S = 60;
const LONGEST_REST_S = 15 * 60;
/** Seconds of nothing but failures after which an endpoint is disabled. */
export const FAILING_S = 5 * 86_400;
/** Shares of that time at which somebody is warned, in per cent. */
const WARNINGS = [90, 70, 50] as const;
/** Seconds after which a delivery that found no slot looks again, and those where the endpoint hangs and an attempt takes long. */
const SLOT_WAIT_S = 5;
const HANGING_WAIT_S = 20;
/** How often a slot or a change of the health is tried again because another attempt was quicker. */
const TRIES = 10;

const HEALTHY: Health = { version: 0, unreached: 0, openings: 0, warned: 0 };

const slotName = (place: number): string => `slot${place}`;
const slotText = ({ until, attempt }: Slot): string => `${until} ${attempt}`;

function slotOf(text: unknown): Slot | undefined {
  if (typeof text !== 'string') return undefined;
  const [until = '', attempt = ''] = text.split(' ');
  return { until, attempt };
}

/** What is in a row; an endpoint that was never tried where there is none. */
export function standingOf(row: Row | undefined): Standing {
  const view = row?.['view'];
  return {
    health: row?.['type'] !== 'endpoint-health' || view === undefined ? HEALTHY : (view as Health),
    slots: Array.from({ length: SLOTS }, (_, place) => slotOf(row?.[slotName(place)])),
  };
}

const isTakenSlot = (slot: Slot | undefined, now: Instant): slot is Slot => slot !== undefined && slot.until > now;

/**
 * Whether an attempt goes through the lane of slow endpoints: the last one timed out, none was ever answered, or one is
 * under way. So an endpoint never holds more than one worker of the ordinary lane, and one that hangs holds none.
 */
export const isSlow = ({ health, slots }: Standing, now: Instant): boolean =>
  health.hangs === true || health.isProven !== true || slots.some((slot) => isTakenSlot(slot, now));

/** Attempts that may be under way: one to an endpoint that hangs, that the breaker lets be probed or that never answered. */
const allowedBy = ({ openings, isProven, hangs }: Health): number => (openings > 0 || hangs || !isProven ? 1 : SLOTS);

/** Why a delivery must wait: a rest of the endpoint has an end; a slot comes free at any time. */
export type Wait = { readonly until: Instant; readonly rests: boolean };

/** Whether an attempt must wait, and until when. After the breaker's rest one attempt probes, and the others wait for it. */
function waitOf({ health, slots }: Standing, now: Instant): Wait | undefined {
  if (health.restUntil !== undefined && health.restUntil > now) return { until: health.restUntil, rests: true };
  if (slots.filter((slot) => isTakenSlot(slot, now)).length < allowedBy(health)) return undefined;
  return { until: plusSeconds(now, health.hangs ? HANGING_WAIT_S : SLOT_WAIT_S), rests: false };
}

/** Characters of an attempt's name that stand in its delivery's id, which is a hash: hexadecimal digits. */
const HASHED = [4, 10] as const;

/**
 * Which free slot an attempt tries for: where there may be one attempt, the first, so that only one gets it; else one by its
 * delivery's id, so that attempts which begin together seldom meet.
 */
function placeFor({ health, slots }: Standing, attempt: string, isOrdinary: boolean, now: Instant): number {
  const free = slots.flatMap((slot, place) => (isTakenSlot(slot, now) ? [] : [place]));
  const chosen =
    isOrdinary || allowedBy(health) === 1 ? 0 : Number.parseInt(attempt.slice(...HASHED), 16) % free.length;
  return free[chosen] ?? 0;
}

/** A slot that an attempt has. */
export interface OwnSlot extends Slot {
  readonly place: number;
}

/**
 * Takes a slot for an attempt, or says how long to wait for one. Two attempts never get the same one: a slot is taken on
 * condition that it is free. One whose lease has run out is free. In the ordinary lane an endpoint has its first slot alone,
 * and an attempt that finds it taken goes through the other lane: undefined.
 */
export async function takeSlot(
  ctx: Context,
  endpointId: string,
  found: Standing,
  { attempt, isOrdinary }: { readonly attempt: string; readonly isOrdinary: boolean },
): Promise<OwnSlot | Wait | undefined> {
  let known = found;
  for (let tried = 1; tried <= TRIES; tried += 1) {
    if (isOrdinary && isSlow(known, ctx.now)) return undefined;
    const wait = waitOf(known, ctx.now);
    if (wait) return wait;
    const place = placeFor(known, attempt, isOrdinary, ctx.now);
    const slot = { until: plusSeconds(ctx.now, LEASE_S), attempt };
    const name = slotName(place);
    try {
      await ctx.table.write({
        kind: 'update',
        key: endpointHealthKey(endpointId),
        set: { type: 'endpoint-health', [name]: slotText(slot) },
        condition: {
          expression: `attribute_not_exists(#${name}) OR #${name} <= :now`,
          values: { now: `${ctx.now} ~` },
        },
      });
      return { ...slot, place };
    } catch (error) {
      if (!(error instanceof WriteRefused)) throw error;
      known = standingOf(error.row);
    }
  }
  return { until: plusSeconds(ctx.now, 1), rests: false };
}

/** Gives a slot back, unless its lease ran out and another attempt has it. */
export async function giveSlotBack(ctx: Context, endpointId: string, { place, ...slot }: OwnSlot): Promise<void> {
  const name = slotName(place);
  await unlessRefused(
    ctx.table.write({
      kind: 'update',
      key: endpointHealthKey(endpointId),
      remove: [name],
      condition: { expression: `#${name} = :mine`, values: { mine: slotText(slot) } },
    }),
  );
}

/**
 * Ends the rest of an endpoint, whether its breaker took it or its receiver asked for it: whoever controls the endpoint says
 * that it can be posted to now. The breaker stays half open, so one attempt goes first. An endpoint that does not rest costs
 * one read and no write.
 */
export async function endRest(ctx: Context, endpointId: string): Promise<void> {
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const { health } = standingOf(await ctx.table.get(endpointHealthKey(endpointId)));
    const { restUntil, ...rest } = health;
    if (restUntil === undefined || restUntil <= ctx.now) return;
    const view: Health = { ...rest, version: health.version + 1 };
    const write = ctx.table.write({
      kind: 'update',
      key: endpointHealthKey(endpointId),
      set: { version: view.version, view },
      condition: isVersion(health.version),
    });
    if (await unlessRefused(write)) return;
  }
}

/** What a result is told with: the attempt's slot, and when the endpoint was last enabled. */
interface Told {
  readonly slot: OwnSlot | undefined;
  readonly enabledAt: Instant;
}

/**
 * Keeps what a result says of its endpoint, and gives the attempt's slot back. The result itself is stored before, so one
 * that finds no way past other attempts is lost for the health alone, which the next result tells as well.
 */
export async function recordHealth(
  ctx: Context,
  endpointId: string,
  found: Standing,
  result: PostResult,
  { slot, enabledAt }: Told,
): Promise<Verdict> {
  let { health } = found;
  let own = slot;
  for (let tried = 1; ; tried += 1) {
    const verdict = afterResult(health, result, ctx.now, enabledAt);
    if (isDeepStrictEqual(verdict.health, health) || tried > TRIES) {
      if (tried > TRIES) log.warn('health of an endpoint not kept', { requestId: ctx.requestId, endpointId });
      if (own) await giveSlotBack(ctx, endpointId, own);
      return verdict;
    }
    const name = own && slotName(own.place);
    const view: Health = { ...verdict.health, version: health.version + 1 };
    const unchanged = health.version === 0 ? 'attribute_not_exists(#version)' : '#version = :before';
    try {
      await ctx.table.write({
        kind: 'update',
        key: endpointHealthKey(endpointId),
        set: { type: 'endpoint-health', version: view.version, view },
        ...(name && { remove: [name] }),
        condition: {
          expression: name ? `${unchanged} AND #${name} = :mine` : unchanged,
          values: {
            ...(health.version > 0 && { before: health.version }),
            ...(own && { mine: slotText({ until: own.until, attempt: own.attempt }) }),
          },
        },
      });
      return verdict;
    } catch (error) {
      if (!(error instanceof WriteRefused)) throw error;
      const now = standingOf(error.row);
      health = now.health;
      if (own && now.slots[own.place]?.attempt !== own.attempt) own = undefined;
    }
  }
}

/** Whether there is no receiver any more: it says so itself, or its URL is one that is never posted to. */
export const isGone = ({ status, error }: PostResult): boolean => status === 410 || error === 'URL_REFUSED';

/** Whether no answer came in time, so that another attempt may wait as long. */
const hasTimedOut = ({ error }: PostResult): boolean => error === 'TIMEOUT' || error === 'CONNECT_TIMEOUT';

/** What an attempt's result makes of an endpoint. */
export interface Verdict {
  readonly health: Health;
  /** Set where the endpoint is to be disabled for having failed too long. */
  readonly disable?: true;
  /** Set where somebody is to be warned: the share of {@link FAILING_S} that has passed, in per cent. */
  readonly warn?: number;
}

/**
 * The health after an attempt. Any answer closes the breaker, for then somebody is there; only a 2xx ends the time of
 * failing. `enabledAt` is when the endpoint was last enabled: failures before it count no more.
 */
function afterResult(before: Health, result: PostResult, now: Instant, enabledAt: Instant): Verdict {
  const { failingSince: since, restUntil: _, hangs: __, ...known } = before;
  const isProven = known.isProven === true || result.status !== undefined;
  const rest = { ...known, ...(isProven && { isProven }), ...(hasTimedOut(result) && { hangs: true as const }) };
  if (isTaken(result)) return { health: { ...rest, unreached: 0, openings: 0, warned: 0 } };
  const failingSince = since === undefined || since < enabledAt ? now : since;
  const warnedOf = failingSince === since ? before.warned : 0;
  const share = ((Date.parse(now) - Date.parse(failingSince)) / 1000 / FAILING_S) * 100;
  const warn = WARNINGS.find((percent) => share >= percent && share < 100);
  const failing = { ...rest, failingSince, warned: Math.max(warnedOf, warn ?? 0) };
  const verdict = {
    ...(share >= 100 && { disable: true as const }),
    ...(warn !== undefined && warn > warnedOf && { warn }),
  };
  if (result.status !== undefined) {
    const asked = [429, 503].includes(result.status) ? retryAfterSeconds(result.retryAfter, now) : 0;
    const pause = asked > 0 && { restUntil: plusSeconds(now, asked) };
    return { health: { ...failing, unreached: 0, openings: 0, ...pause }, ...verdict };
  }
  const unreached = before.unreached + 1;
  if (unreached < FAILURES_TO_OPEN) return { health: { ...failing, unreached }, ...verdict };
  const restS = Math.min(FIRST_REST_S * 2 ** before.openings, LONGEST_REST_S);
  return {
    health: { ...failing, unreached, openings: before.openings + 1, restUntil: plusSeconds(now, restS) },
    ...verdict,
  };
}
