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
  readonly now: () => Date;
}

/** Municipalities swept at a time. */
const AT_ONCE = 8;

/**
 * One round: every municipality at work is swept, each for itself, and once an hour the end of its change history is
 * logged. A fault in one is counted and leaves the others alone.
 */
export const clockRound =
  (deps: ClockDeps) =>
  async (_event: unknown, { awsRequestId }: { awsRequestId: string }): Promise<void> => {
    const isFullHour = deps.now().getUTCMinutes() === 0;
    const codes = await municipalitiesWhere(deps.store, isAtWork);
    const sweepOne = async (code: string): Promise<void> => {
      try {
        const ctx = await workerContext(deps.store, code, awsRequestId, deps.now());
        if (!ctx) return;
        if (isFullHour) await Promise.all([logHead(ctx), logAccessHead(ctx)]);
        await linkEntries(ctx);
        await sweep(ctx, deps.sendHints);
      } catch (error) {
        log.error('sweep failed', { requestId: awsRequestId, municipality: code, ...faultOf(error) });
        count('SweepFailures', 1);
      }
    };
    for (let start = 0; start < codes.length; start += AT_ONCE) {
      await Promise.all(codes.slice(start, start + AT_ONCE).map(sweepOne));
    }
  };
