import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { inboxApi } from './app.ts';

export const handler = openedOnce(() => {
  const { TABLE_NAME } = readEnv('TABLE_NAME');
  return inboxApi({ store: openStore(TABLE_NAME), now: () => new Date() });
});
