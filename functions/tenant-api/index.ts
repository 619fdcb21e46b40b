import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { postWebhook } from '#shared/webhooks/egress.ts';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { tenantApi } from './app.ts';

const now = () => new Date();

export const handler = openedOnce(() => {
  const { TABLE_NAME } = readEnv('TABLE_NAME');
  const allowLocal = process.env['LOCAL_WEBHOOKS'] === '1';
  return tenantApi({
    store: openStore(TABLE_NAME),
    now,
    post: withReceiverTokens(postWebhook({ allowLocal }), now),
    allowLocal,
  });
});
