import middy from '@middy/core';
import type { ScheduledEvent } from 'aws-lambda';
import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { observed } from '#functions/sources.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { lifecycleRound } from './app.ts';

const open = () => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN');
  return lifecycleRound({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    now: () => new Date(),
  });
};

export const handler = middy<ScheduledEvent, void>().use(observed()).handler(openedOnce(open));
