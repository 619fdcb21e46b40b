import { KMSClient } from '@aws-sdk/client-kms';
import { openedOnce } from '#functions/opened-once.ts';
import { kmsKeyMaker } from '#shared/crypto/key-maker.ts';
import { readEnv } from '#shared/env.ts';
import { openStore } from '#shared/table/store.ts';
import { kmsCertificates } from '#shared/tenancy/certificates.ts';
import { cognitoIdentity } from '#shared/tenancy/identity.ts';
import { adminApi } from './app.ts';

export const handler = openedOnce(() => {
  const env = readEnv('TABLE_NAME', 'USER_POOL_ID', 'TOKEN_URL', 'OPERATOR_CLIENT_ID', 'RECOVERY_DELAY_S', 'STAGE');
  const kms = new KMSClient({});
  return adminApi({
    store: openStore(env.TABLE_NAME),
    identity: cognitoIdentity(env.USER_POOL_ID),
    keys: kmsKeyMaker({ client: kms, stage: env.STAGE }),
    certificates: kmsCertificates(kms, env.STAGE),
    now: () => new Date(),
    tokenUrl: env.TOKEN_URL,
    operatorClientId: env.OPERATOR_CLIENT_ID,
    recoveryDelayS: Number(env.RECOVERY_DELAY_S),
  });
});
