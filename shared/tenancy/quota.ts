import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { count, faultOf, log } from '../log.ts';
import { memory } from '../memory.ts';
import type { Operation } from '../operation.ts';
import { quotaKey } from '../table/keys.ts';
import { WriteRefused } from '../table/write.ts';
import { instantOf } from '../time.ts';

/** Units that an operation costs. */
export const COSTS = { read: 1, write: 5, report: 20 } as const;

/** What an operation costs: by its method, unless it says otherwise. */
export const costOf = ({ method, cost }: Pick<Operation<never>, 'method' | 'cost'>): number =>
  COSTS[cost ?? (method === 'GET' ? 'read' : 'write')];

/** Units a minute that a client may spend in a municipality unless its operator sets another number: 100 reads or 20 writes a second. */
export const QUOTA_PER_MINUTE = 6_000;
/** What an operator may set: at least the dearest operation once, at most what no single client can reach. */
export const QUOTA_BOUNDS = { min: COSTS.report, max: 1_000_000 } as const;

const WINDOW_MS = 60_000;
/** A counter is kept this long after its minute, so that a process whose clock is late finds it. */
const KEPT_MS = 3_600_000;
/** A process begins with this part of the allowance, and takes at most the other at once. */
const FIRST = 1 / 300;
const LARGEST = 1 / 20;
/** More clients than one Lambda instance meets in a minute; the oldest gives way, and what it had leased is lost. */
const REMEMBERED = 1_000;

/** One minute of one client in one municipality, as this process knows it. */
interface Minute {
  readonly startsAt: number;
  /** Units that all processes have leased, at the least: it grows, and the table is asked again only within what it leaves. */
  used: number;
  /** Units that this process has leased and not spent. */
  leased: number;
  spent: number;
  /** The one request to the table that is under way; gives whether the table answered. */
  asking: Promise<boolean> | undefined;
  /** Whether the log has been told that the allowance is used up. */
  told: boolean;
}

/** Takes what a request costs from its client's allowance. Gives the headers that say what is left. Throws `too_many_requests`. */
export type Charge = (ctx: Context, cost: number) => Promise<Readonly<Record<string, string>>>;

export interface QuotaDeps {
  readonly now: () => Date;
  /** Units a minute where the municipality's row has no number of its own. */
  readonly quotaPerMinute?: number | undefined;
}

/**
 * The quota of each client in each municipality: so many units in each minute of the clock, whoever and however many the
 * processes are that serve it. A counter in the table holds what they have leased. A process adds its next lease to it on
 * condition that the sum stays within the allowance, and serves requests out of its lease without asking anybody: so the
 * sum of what all have served never exceeds the allowance, and the table is asked once for many requests. A first lease is
 * small and the next one as large as what the process has spent by then, so that many processes that serve one request
 * each do not use up the minute between them. Once the table has no more, the process knows, and refuses until the minute
 * is over without asking: a flood costs the table nothing. What this gives up: units leased by a process that then idles
 * or ends are lost for that minute (never more than it has spent, or a first lease), and a client that spends the end of
 * one minute and the start of the next gets twice the allowance within moments. Where the table fails to answer, the
 * request goes on, unpaid: the record must be there for a helpline, and what needs the table is about to fail by itself.
 */
export function quotas({ now, quotaPerMinute = QUOTA_PER_MINUTE }: QuotaDeps): Charge {
  const minutes = memory<Minute>({ most: REMEMBERED, now, until: ({ startsAt }) => startsAt + WINDOW_MS });
  const begin = async (): Promise<Minute> => {
    const time = now().getTime();
    return { startsAt: time - (time % WINDOW_MS), used: 0, leased: 0, spent: 0, asking: undefined, told: false };
  };

  return async (ctx, cost) => {
    const { tenant, actor } = ctx;
    const allowance = tenant.quotaPerMinute ?? quotaPerMinute;
    const minute = await minutes.get(`${tenant.code} ${actor.id}`, begin);
    const granted = await take(ctx, minute, cost, allowance);
    const seconds = String(Math.max(1, Math.ceil((minute.startsAt + WINDOW_MS - now().getTime()) / 1000)));
    const headers = {
      'ratelimit-policy': `"default";q=${allowance};qu="units";w=${WINDOW_MS / 1000}`,
      ratelimit: `"default";r=${Math.max(0, minute.leased + allowance - minute.used)};t=${seconds}`,
    };
    if (granted) return headers;
    const detail = `The client may spend ${allowance} units a minute in this municipality; this request costs ${cost}.`;
    throw new Problem('too_many_requests', detail, [], { ...headers, 'retry-after': seconds });
  };
}

/** Spends units, leasing more where there are too few. False where the minute has no such number left. */
async function take(ctx: Context, minute: Minute, cost: number, allowance: number): Promise<boolean> {
  while (minute.leased < cost) {
    if (cost - minute.leased > allowance - minute.used) {
      if (!minute.told) log.warn('quota used up', { municipality: ctx.tenant.code, clientId: ctx.actor.id, allowance });
      minute.told = true;
      return false;
    }
    minute.asking ??= lease(ctx, minute, cost - minute.leased, allowance).finally(() => {
      minute.asking = undefined;
    });
    if (!(await minute.asking)) return true;
  }
  minute.leased -= cost;
  minute.spent += cost;
  return true;
}

/** Asks the table for at least so many units. False where it failed to answer. */
async function lease(ctx: Context, minute: Minute, least: number, allowance: number): Promise<boolean> {
  const wanted = Math.min(Math.max(minute.spent, allowance * FIRST), allowance * LARGEST);
  const amount = Math.min(Math.max(least, Math.ceil(wanted)), allowance - minute.used);
  try {
    const counted = await ctx.control.add({
      kind: 'update',
      key: quotaKey(ctx.actor.id, instantOf(new Date(minute.startsAt))),
      add: { used: amount },
      set: { expiresAt: Math.ceil((minute.startsAt + WINDOW_MS + KEPT_MS) / 1000) },
      condition: {
        expression: 'attribute_not_exists(#used) OR #used <= :room',
        values: { room: allowance - amount },
      },
    });
    minute.used = Number(counted?.['used']);
    minute.leased += amount;
  } catch (error) {
    if (!(error instanceof WriteRefused)) {
      log.error('quota not counted', { municipality: ctx.tenant.code, requestId: ctx.requestId, ...faultOf(error) });
      count('UncountedRequests', 1);
      return false;
    }
    // Others were quicker: less is left than was asked for.
    minute.used = Number(error.row?.['used'] ?? allowance);
  }
  return true;
}
