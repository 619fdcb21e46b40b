import { type App, serve } from '#functions/http.ts';
import type { Store } from '#shared/table/store.ts';
import { type Door, receiveMessage } from '#shared/webhooks/inbox.ts';

export interface InboxDeps {
  readonly store: Store;
  readonly now: () => Date;
}

/** The inboxes of all municipalities: who calls is settled by the signature of what is sent, not by a token. */
export const inboxApi = ({ store, now }: InboxDeps): App =>
  serve<Door, typeof receiveMessage>([receiveMessage], async ({ requestId }) => ({ store, now: now(), requestId }));
