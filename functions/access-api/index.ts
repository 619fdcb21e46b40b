import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { turnQueue } from '#functions/rounds.ts';
import { DOUBT_S } from '#shared/auth/principals.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { cognitoIdentity } from '#shared/tenancy/identity.ts';
import { accessApi } from './app.ts';

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'USER_POOL_ID', 'TOKEN_URL', 'CLOCK_QUEUE_URL');
  const wakeClock = turnQueue(env.CLOCK_QUEUE_URL, DOUBT_S);
  return accessApi({
    store: openStore(env.TABLE_NAME, insideBy(env.TENANT_ROLE_ARN)),
    perTenant: process.env['PER_TENANT'] === '1',
    now: () => new Date(),
    identity: cognitoIdentity(env.USER_POOL_ID),
    tokenUrl: env.TOKEN_URL,
    wakeClock: (code) => wakeClock([code]),
  });
});
