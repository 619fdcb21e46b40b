import { type App, serve } from '#functions/http.ts';
import { principalsOf } from '#shared/auth/principals.ts';
import type { Store } from '#shared/table/store.ts';
import { costOf, type QuotaDeps, quotas } from '#shared/tenancy/quota.ts';
import { type Door, receiveMessage } from '#shared/webhooks/inbox.ts';

export interface InboxDeps extends QuotaDeps {
  readonly store: Store;
}

/** The inboxes of all municipalities: who calls is settled by the signature of what is sent, not by a token. */
export function inboxApi(deps: InboxDeps): App {
  const { store, now } = deps;
  const charge = quotas(deps);
  const principals = principalsOf(store, now);
  return serve<Door, typeof receiveMessage>([receiveMessage], async ({ requestId, answerHeaders }) => ({
    store,
    principals,
    now: now(),
    requestId,
    charge: async (ctx) => void Object.assign(answerHeaders, await charge(ctx, costOf(receiveMessage))),
  }));
}
