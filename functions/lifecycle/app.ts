import { workerContext } from '#shared/auth/system.ts';
import { count, faultOf, log } from '#shared/log.ts';
import { eraseRequested } from '#shared/privacy/erase.ts';
import { purge } from '#shared/privacy/purge.ts';
import { municipalitiesWhere } from '#shared/tenancy/control.ts';
import { isAtWork } from '#shared/tenancy/lifecycle.ts';
import { discardUnusedKeys } from '#shared/tenancy/made-keys.ts';
import { type OffboardingDeps, offboard } from '#shared/tenancy/offboarding.ts';
import { lookAfter, resealRequested } from '#shared/tenancy/steward.ts';

/** Milliseconds after which a round begins no further step: Lambda ends it after 15 minutes. */
const ROUND_MS = 10 * 60_000;

/**
 * One round: what is outstanding in the life of each municipality; in those at work what is to be erased and to be sealed
 * anew; and last those that leave, for that takes longest. A fault in one is counted and leaves the others alone.
 */
export const lifecycleRound =
  (deps: OffboardingDeps) =>
  async (_event: unknown, { awsRequestId: requestId }: { awsRequestId: string }): Promise<void> => {
    const endsAt = deps.now().getTime() + ROUND_MS;
    const hasTime = () => deps.now().getTime() < endsAt;
    const inEach = async (codes: readonly string[], work: (code: string) => Promise<void>) => {
      for (const code of codes) {
        try {
          await work(code);
        } catch (error) {
          log.error('municipality not looked after', { requestId, municipality: code, ...faultOf(error) });
          count('LifecycleFailures', 1);
        }
      }
    };
    await inEach(['keys'], () => discardUnusedKeys(deps.store, deps.keys, deps.now()));
    const present = await municipalitiesWhere(deps.store, (status) => status !== 'deleted');
    await inEach(present, (code) => lookAfter(deps, code, requestId));
    await inEach(await municipalitiesWhere(deps.store, isAtWork), async (code) => {
      const ctx = await workerContext(deps.store, code, requestId, deps.now());
      if (!ctx) return;
      await eraseRequested(ctx, hasTime, deps);
      await purge(ctx, hasTime);
      await resealRequested(deps, ctx, hasTime);
    });
    const leaving = await municipalitiesWhere(deps.store, (status) => status === 'offboarding');
    await inEach(leaving, (code) => offboard(deps, code, requestId, hasTime));
  };
