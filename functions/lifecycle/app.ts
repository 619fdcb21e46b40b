import { count, faultOf, log } from '#shared/log.ts';
import { municipalitiesWhere } from '#shared/tenancy/control.ts';
import { lookAfter, type StewardDeps } from '#shared/tenancy/steward.ts';

/** One round: what is outstanding in the life of each municipality. A fault in one is counted and leaves the others alone. */
export const lifecycleRound =
  (deps: StewardDeps) =>
  async (_event: unknown, { awsRequestId }: { awsRequestId: string }): Promise<void> => {
    for (const code of await municipalitiesWhere(deps.store, (status) => status !== 'deleted')) {
      try {
        await lookAfter(deps, code, awsRequestId);
      } catch (error) {
        log.error('municipality not looked after', { requestId: awsRequestId, municipality: code, ...faultOf(error) });
        count('LifecycleFailures', 1);
      }
    }
  };
