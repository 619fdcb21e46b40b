import { openedOnce } from '#functions/opened-once.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { cognitoIdentity } from '#shared/tenancy/identity.ts';
import { adminApi } from './app.ts';

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'USER_POOL_ID', 'TOKEN_URL', 'OPERATOR_CLIENT_ID');
  return adminApi({
    store: openStore(env.TABLE_NAME),
    identity: cognitoIdentity(env.USER_POOL_ID),
    now: () => new Date(),
    tokenUrl: env.TOKEN_URL,
    operatorClientId: env.OPERATOR_CLIENT_ID,
  });
});
