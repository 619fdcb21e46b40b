import { type HandOn, municipalitiesNamed, takeTurns } from '#functions/rounds.ts';
import { workerContext } from '#shared/auth/system.ts';
import { count, faultOf, log } from '#shared/log.ts';
import { endArchives } from '#shared/privacy/end-archives.ts';
import { eraseRequested } from '#shared/privacy/erase.ts';
import { foldEvents } from '#shared/privacy/fold-events.ts';
import { purge } from '#shared/privacy/purge.ts';
import { municipalitiesWhere } from '#shared/tenancy/control.ts';
import { discardUnusedKeys } from '#shared/tenancy/made-keys.ts';
import { type OffboardingDeps, offboard } from '#shared/tenancy/offboarding.ts';
import { lookAfter, resealRequested } from '#shared/tenancy/steward.ts';

export interface LifecycleDeps extends OffboardingDeps {
  readonly handOn: HandOn;
}

/**
 * A round begins no municipality after 30 s and no further step of one after 20 s, so it is over before the next minute
 * starts one unless a single step takes longer. Then two rounds overlap, which every step bears. Lambda ends a step after
 * 15 minutes.
 */
const LIMITS = { atOnce: 4, roundMs: 30_000, turnMs: 20_000 } as const;

/**
 * One round: in each municipality what is outstanding in its life; where it is at work what is to be erased and to be
 * sealed anew; where it leaves the next steps of that. Those that it does not reach in time are handed on to the queue. A
 * fault in one is counted and leaves the others alone.
 */
export const lifecycleRound =
  (deps: LifecycleDeps) =>
  async (event: unknown, { awsRequestId: requestId }: { awsRequestId: string }): Promise<void> => {
    const { store, keys, now } = deps;
    const counted = async <Result>(municipality: string, work: () => Promise<Result>): Promise<Result | undefined> => {
      try {
        return await work();
      } catch (error) {
        log.error('municipality not looked after', { requestId, municipality, ...faultOf(error) });
        count('LifecycleFailures', 1);
        return undefined;
      }
    };
    const lookAfterOne = async (code: string, hasTime: () => boolean): Promise<void> => {
      const status = await counted(code, () => lookAfter(deps, code, requestId));
      if (status === 'offboarding') await counted(code, () => offboard(deps, code, requestId, hasTime));
      else await counted(code, () => workInside(deps, code, requestId, hasTime));
    };
    const named = municipalitiesNamed(event);
    if (!named) await counted('none', () => discardUnusedKeys(store, keys, now()));
    const codes = named ?? (await municipalitiesWhere(store, (status) => status !== 'deleted'));
    const left = await takeTurns(codes, { ...LIMITS, now }, lookAfterOne);
    if (left.length > 0) await deps.handOn(left);
  };

/** Erases, folds and seals anew what is due in a municipality that is at work. */
async function workInside(deps: LifecycleDeps, code: string, requestId: string, hasTime: () => boolean): Promise<void> {
  const ctx = await workerContext(deps.store, code, requestId, deps.now());
  if (!ctx) return;
  await eraseRequested(ctx, hasTime, deps);
  await endArchives(ctx, hasTime, deps);
  await purge(ctx, hasTime);
  await foldEvents(ctx, hasTime);
  await resealRequested(deps, ctx, hasTime);
}
