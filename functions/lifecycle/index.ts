import { KMSClient } from '@aws-sdk/client-kms';
import middy from '@middy/core';
import type { ScheduledEvent, SQSEvent } from 'aws-lambda';
import { insideBy } from '#functions/inside.ts';
import { openedOnce } from '#functions/opened-once.ts';
import { turnQueue } from '#functions/rounds.ts';
import { observed } from '#functions/sources.ts';
import { s3Buckets } from '#shared/archive/bucket.ts';
import { kmsKeyMaker } from '#shared/crypto/key-maker.ts';
import { readEnv } from '#shared/env.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { openStore } from '#shared/table/store.ts';
import { kmsCertificates } from '#shared/tenancy/certificates.ts';
import { cognitoIdentity } from '#shared/tenancy/identity.ts';
import { webhookResources } from '#shared/webhooks/resources.ts';
import { lifecycleRound } from './app.ts';

const open = () => {
  const env = readEnv('TABLE_NAME', 'TENANT_ROLE_ARN', 'LIFECYCLE_QUEUE_URL', 'BUCKET_NAME', 'USER_POOL_ID', 'STAGE');
  const inside = insideBy(env.TENANT_ROLE_ARN);
  const client = new KMSClient({});
  return lifecycleRound({
    store: openStore(env.TABLE_NAME, inside),
    now: () => new Date(),
    handOn: turnQueue(env.LIFECYCLE_QUEUE_URL),
    buckets: s3Buckets(env.BUCKET_NAME, inside.sessions),
    identity: cognitoIdentity(env.USER_POOL_ID),
    keys: kmsKeyMaker({ client, stage: env.STAGE }),
    certificates: kmsCertificates(client, env.STAGE),
    resources: [...RESOURCES, ...webhookResources({ allowLocal: false })],
  });
};

export const handler = middy<ScheduledEvent | SQSEvent, void>().use(observed()).handler(openedOnce(open));
