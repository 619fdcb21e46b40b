import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { inboxApi } from './app.ts';

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN');
  return inboxApi({ store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)), now: () => new Date() });
});
