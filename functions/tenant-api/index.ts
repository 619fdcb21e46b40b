import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { postWebhook } from '#shared/webhooks/egress.ts';
import { queueHints } from '#shared/webhooks/hints.ts';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { tenantApi } from './app.ts';

const now = () => new Date();

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'DELIVERY_QUEUE_URL');
  const allowLocal = process.env['LOCAL_WEBHOOKS'] === '1';
  return tenantApi({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    perTenant: process.env['PER_TENANT'] === '1',
    now,
    post: withReceiverTokens(postWebhook({ allowLocal }), now),
    sendHints: queueHints({ url: env.DELIVERY_QUEUE_URL }),
    allowLocal,
  });
});
