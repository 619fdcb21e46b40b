import type { ApiHandler, ApiHandlers } from './gateway.ts';
import type { QueueHandler } from './queue-source.ts';
import type { ScheduleHandler } from './schedule.ts';
import type { StreamHandler } from './stream-source.ts';

/** The handlers of all functions. */
export interface Functions extends ApiHandlers {
  readonly relay: StreamHandler;
  readonly deliver: QueueHandler;
  readonly clock: ScheduleHandler & QueueHandler;
  readonly lifecycle: ScheduleHandler & QueueHandler;
}

/** Loads the same entries that are bundled for AWS. They read the environment when they are first called. */
export async function loadFunctions(): Promise<Functions> {
  const [tenantApi, accessApi, archiveApi, adminApi, publicApi, inbox, relay, deliver, clock, lifecycle] =
    await Promise.all([
      import('#functions/tenant-api/index.ts'),
      import('#functions/access-api/index.ts'),
      import('#functions/archive-api/index.ts'),
      import('#functions/admin-api/index.ts'),
      import('#functions/public-api/index.ts'),
      import('#functions/inbox/index.ts'),
      import('#functions/relay/index.ts'),
      import('#functions/deliver/index.ts'),
      import('#functions/clock/index.ts'),
      import('#functions/lifecycle/index.ts'),
    ]);
  return {
    // hono's adapter takes the events of every kind of gateway.
    tenantApi: tenantApi.handler as ApiHandler,
    accessApi: accessApi.handler as ApiHandler,
    archiveApi: archiveApi.handler as ApiHandler,
    adminApi: adminApi.handler as ApiHandler,
    publicApi: publicApi.handler,
    inbox: inbox.handler as ApiHandler,
    relay: relay.handler,
    deliver: deliver.handler,
    clock: clock.handler,
    lifecycle: lifecycle.handler,
  };
}
