import { workerContext } from '#shared/context.ts';
import { count, faultOf, log } from '#shared/log.ts';
import { eraseRequested } from '#shared/privacy/erase.ts';
import { municipalitiesWhere } from '#shared/tenancy/control.ts';
import { lookAfter, type StewardDeps } from '#shared/tenancy/steward.ts';

/** Milliseconds after which a round begins nothing more: Lambda ends it after 15 minutes. */
const ROUND_MS = 10 * 60_000;

/**
 * One round: what is outstanding in the life of each municipality, and in those at work the erasures that were requested.
 * A fault in one is counted and leaves the others alone.
 */
export const lifecycleRound =
  (deps: StewardDeps) =>
  async (_event: unknown, { awsRequestId }: { awsRequestId: string }): Promise<void> => {
    const endsAt = deps.now().getTime() + ROUND_MS;
    const hasTime = () => deps.now().getTime() < endsAt;
    for (const code of await municipalitiesWhere(deps.store, (status) => status !== 'deleted')) {
      try {
        await lookAfter(deps, code, awsRequestId);
        const ctx = await workerContext(deps.store, code, awsRequestId, deps.now());
        if (ctx) await eraseRequested(ctx, hasTime);
      } catch (error) {
        log.error('municipality not looked after', { requestId: awsRequestId, municipality: code, ...faultOf(error) });
        count('LifecycleFailures', 1);
      }
    }
  };
