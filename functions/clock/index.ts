import middy from '@middy/core';
import type { ScheduledEvent, SQSEvent } from 'aws-lambda';
import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { turnQueue } from '#functions/rounds.ts';
import { observed } from '#functions/sources.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { queueHints } from '#shared/webhooks/hints.ts';
import { clockRound } from './app.ts';

const open = () => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'CLOCK_QUEUE_URL', 'DELIVERY_QUEUE_URL');
  return clockRound({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    sendHints: queueHints({ url: env.DELIVERY_QUEUE_URL }),
    now: () => new Date(),
    handOn: turnQueue(env.CLOCK_QUEUE_URL),
  });
};

export const handler = middy<ScheduledEvent | SQSEvent, void>().use(observed()).handler(openedOnce(open));
