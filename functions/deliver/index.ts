import middy from '@middy/core';
import type { SQSEvent } from 'aws-lambda';
import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { type BatchFailures, observed } from '#functions/sources.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { postWebhook } from '#shared/webhooks/egress.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { queueHints } from '#shared/webhooks/hints.ts';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { deliverQueue } from './app.ts';

const now = () => new Date();

const open = () => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'DELIVERY_QUEUE_URL', 'SLOW_DELIVERY_QUEUE_URL');
  const egress = { allowLocal: process.env['LOCAL_WEBHOOKS'] === '1' };
  return deliverQueue({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    now,
    post: withReceiverTokens(postWebhook(egress), now),
    sendHints: queueHints({ url: env.DELIVERY_QUEUE_URL, slowUrl: env.SLOW_DELIVERY_QUEUE_URL }),
    endpoints: webhookEndpoints(egress),
    random: Math.random,
  });
};

export const handler = middy<SQSEvent, BatchFailures>().use(observed()).handler(openedOnce(open));
