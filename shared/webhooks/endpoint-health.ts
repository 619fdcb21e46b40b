import type { Context } from '../auth/context.ts';
import { endpointHealthKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { unchangedSince, type Write } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { isTaken, type PostResult } from './egress.ts';
import { retryAfterSeconds } from './schedule.ts';

/**
 * How an endpoint is doing: one small row beside it, read with each delivery and written with each claim and each result.
 * Because every attempt takes one of its slots, a receiver that hangs holds up five attempts of its own and nobody else's.
 */
export interface Health {
  readonly version: number;
  /** Attempts under way: until when each has its slot. */
  readonly slots: Readonly<Record<string, Instant>>;
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
}

/** Attempts that an endpoint may have under way at once. */
const SLOTS = 5;
/** Connection failures in a row that open the breaker. */
const FAILURES_TO_OPEN = 5;
const FIRST_REST_S = 60;
const LONGEST_REST_S = 15 * 60;
/** Seconds of nothing but failures after which an endpoint is disabled. */
export const FAILING_S = 5 * 86_400;
/** Shares of that time at which somebody is warned, in per cent. */
const WARNINGS = [90, 70, 50] as const;
/** Seconds after which a delivery that found no slot looks again. */
const SLOT_WAIT_S = 5;

const HEALTHY: Health = { version: 0, slots: {}, unreached: 0, openings: 0, warned: 0 };

/** The health in a row; that of an endpoint that was never tried where there is none. */
export const healthOf = (row: Row | undefined): Health =>
  row?.['type'] === 'endpoint-health' ? (row['view'] as Health) : HEALTHY;

export const readHealth = async (ctx: Context, endpointId: string): Promise<Health> =>
  healthOf(await ctx.table.get(endpointHealthKey(endpointId)));

/** Writes an endpoint's health, on condition that nobody else has since it was read. */
export const healthWrite = (endpointId: string, before: Health, after: Omit<Health, 'version'>): Write => {
  const { version } = before;
  const view: Health = { ...after, version: version + 1 };
  return {
    kind: 'put',
    key: endpointHealthKey(endpointId),
    item: { type: 'endpoint-health', version: view.version, view },
    condition: unchangedSince(version),
  };
};

const taken = ({ slots }: Health, now: Instant) => Object.entries(slots).filter(([, until]) => until > now);

/** Why a delivery must wait: a rest of the endpoint has an end; a slot comes free at any time. */
export type Wait = { readonly until: Instant; readonly rests: boolean };

/** Whether an attempt must wait, and until when. After the breaker's rest one attempt probes, and the others wait for it. */
export function waitOf(health: Health, now: Instant): Wait | undefined {
  if (health.restUntil !== undefined && health.restUntil > now) return { until: health.restUntil, rests: true };
  const allowed = health.openings > 0 ? 1 : SLOTS;
  return taken(health, now).length < allowed ? undefined : { until: plusSeconds(now, SLOT_WAIT_S), rests: false };
}

/** The health with a slot for this attempt. Slots whose lease has run out are free. */
export const withSlot = (health: Health, attempt: string, until: Instant, now: Instant): Health => ({
  ...health,
  slots: { ...Object.fromEntries(taken(health, now)), [attempt]: until },
});

/** Whether there is no receiver any more: it says so itself, or its URL is one that is never posted to. */
export const isGone = ({ status, error }: PostResult): boolean => status === 410 || error === 'URL_REFUSED';

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
export function afterResult(
  before: Health,
  attempt: string,
  result: PostResult,
  now: Instant,
  enabledAt: Instant,
): Verdict {
  const { [attempt]: _, ...slots } = before.slots;
  const { failingSince: since, restUntil: __, ...rest } = { ...before, slots };
  if (isTaken(result)) return { health: { ...rest, unreached: 0, openings: 0, warned: 0 } };
  const failingSince = since === undefined || since < enabledAt ? now : since;
  const known = failingSince === since ? before.warned : 0;
  const share = ((Date.parse(now) - Date.parse(failingSince)) / 1000 / FAILING_S) * 100;
  const warn = WARNINGS.find((percent) => share >= percent && share < 100);
  const failing = { ...rest, failingSince, warned: Math.max(known, warn ?? 0) };
  const verdict = {
    ...(share >= 100 && { disable: true as const }),
    ...(warn !== undefined && warn > known && { warn }),
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
