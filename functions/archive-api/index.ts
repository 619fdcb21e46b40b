import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { s3Buckets } from '#shared/archive/bucket.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { archiveApi } from './app.ts';

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'BUCKET_NAME');
  const inside = insideBy(env.TENANT_ROLE_ARN);
  return archiveApi({
    store: openStore(env.TABLE_NAME, inside),
    perTenant: process.env['PER_TENANT'] === '1',
    now: () => new Date(),
    buckets: s3Buckets(env.BUCKET_NAME, inside.sessions),
  });
});
