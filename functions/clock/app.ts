import { type HandOn, municipalitiesNamed, takeTurns } from '#functions/rounds.ts';
import { principalsOf } from '#shared/auth/principals.ts';
import { workerContext } from '#shared/auth/system.ts';
import { count, faultOf, log } from '#shared/log.ts';
import { linkEntries, logAccessHead } from '#shared/privacy/access-chain.ts';
import { logHead } from '#shared/privacy/audit.ts';
import type { Store } from '#shared/table/store.ts';
import { municipalitiesWhere } from '#shared/tenancy/control.ts';
import { isAtWork } from '#shared/tenancy/lifecycle.ts';
import type { SendHints } from '#shared/webhooks/hints.ts';
import { sweep } from '#shared/webhooks/sweep.ts';

export interface ClockDeps {
  readonly store: Store;
  readonly sendHints: SendHints;
  readonly handOn: HandOn;
  readonly now: () => Date;
}

/**
 * A round ends before the next minute starts one: what begins at the 30th second has 15 more, and Lambda ends it at the
 * 55th. A municipality with nothing due takes 2 requests, about 20 ms, so a round serves all 98 in a fraction of a second.
 */
const LIMITS = { atOnce: 16, roundMs: 30_000, turnMs: 15_000 } as const;

/**
 * One round: every municipality at work is swept, each for itself, and once an hour the end of its change history is
 * logged. Those that it does not reach in time are handed on to the queue. A fault in one is counted and leaves the others
 * alone.
 */
export const clockRound = (deps: ClockDeps) => {
  const principals = principalsOf(deps.store, deps.now);
  return async (event: unknown, { awsRequestId }: { awsRequestId: string }): Promise<void> => {
    const isFullHour = deps.now().getUTCMinutes() === 0;
    const codes = municipalitiesNamed(event) ?? (await municipalitiesWhere(deps.store, isAtWork));
    const sweepOne = async (code: string, hasTime: () => boolean): Promise<void> => {
      try {
        const ctx = await workerContext(deps.store, code, awsRequestId, deps.now());
        if (!ctx) return;
        if (isFullHour) await Promise.all([logHead(ctx), logAccessHead(ctx)]);
        await linkEntries(ctx);
        await sweep(ctx, { principals, sendHints: deps.sendHints }, hasTime);
      } catch (error) {
        log.error('sweep failed', { requestId: awsRequestId, municipality: code, ...faultOf(error) });
        count('SweepFailures', 1);
      }
    };
    const left = await takeTurns(codes, { ...LIMITS, now: deps.now }, sweepOne);
    if (left.length > 0) await deps.handOn(left);
  };
};
