import middy from '@middy/core';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { type BatchFailures, observed } from '#functions/sources.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { queueHints } from '#shared/webhooks/hints.ts';
import { relayStream } from './app.ts';

const open = () => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'DELIVERY_QUEUE_URL');
  return relayStream({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    sendHints: queueHints({ url: env.DELIVERY_QUEUE_URL }),
    now: () => new Date(),
  });
};

export const handler = middy<DynamoDBStreamEvent, BatchFailures>().use(observed()).handler(openedOnce(open));
