import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import type { Caller, Callers } from './callers.ts';
import { ACCOUNT, REGION } from './lambda.ts';

export interface QueueServer {
  /** `http://127.0.0.1:<port>`; no other machine can reach it. */
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/** The bucket of this machine, by a name that no queue has. */
export const BUCKET = 'livline-objects';

const isBucket = (path: string): boolean => path === `/${BUCKET}` || path === `/${BUCKET}/`;
const isObject = (path: string): boolean => path.startsWith(`/${BUCKET}/`) && !isBucket(path);

/**
 * Whether the roles let a caller ask this: a municipality's session for its own objects and lists of those alone, a
 * function for all but objects.
 */
function mayAsk({ municipality }: Caller, { pathname: path, searchParams }: URL): boolean {
  if (municipality === undefined) return !isObject(path);
  const prefix = isBucket(path) && searchParams.get('list-type') === '2' ? searchParams.get('prefix') : null;
  const asked = prefix ?? path.slice(`/${BUCKET}/`.length);
  return (prefix !== null || isObject(path)) && new RegExp(`^[a-z]+/${municipality}/`).test(asked);
}

const DENIED =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

/**
 * Starts SQS and S3 on a free port of the loopback interface, open to the installation's callers alone. Both keep what
 * they have in memory: messages are hints to look at a row that is due, and whatever a restart loses the clock finds
 * within a minute; objects are gone with the process.
 */
export async function startQueueServer(callers: Callers): Promise<QueueServer> {
  // Not its own `startFauxqs`, which listens on every interface.
  const app = buildApp({ logger: false, defaultRegion: REGION });
  app.addHook('onRequest', async (request, reply) => {
    const caller = callers.of(request);
    if (!caller || !mayAsk(caller, new URL(request.url, 'http://s3')))
      await reply.status(403).send({ __type: 'AccessDenied' });
  });
  // No role may list the whole bucket, and a GetObject has no prefix: so S3 answers 403 where there is no such object.
  app.addHook('onSend', async (request, reply, payload) => {
    const isMissing = reply.statusCode === 404 && ['GET', 'HEAD'].includes(request.method);
    if (!isMissing || !isObject(request.url.split('?')[0] as string)) return payload;
    reply.code(403).header('content-type', 'application/xml').removeHeader('content-length');
    return request.method === 'HEAD' ? '' : DENIED;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    endpoint: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    stop: async () => {
      await app.close();
    },
  };
}

/**
 * Creates the queue `name` and its dead-letter queue `<name>-failed`, with the times of the deployed ones
 * (infra/stacks/events.ts).
 * @returns its URL
 */
export async function createQueue(client: SQSClient, endpoint: string, name: string): Promise<string> {
  const failed = `${name}-failed`;
  await client.send(new CreateQueueCommand({ QueueName: failed }));
  const deadLetters = { deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${failed}`, maxReceiveCount: 5 };
  await client.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: {
        VisibilityTimeout: '180',
        MessageRetentionPeriod: '86400',
        RedrivePolicy: JSON.stringify(deadLetters),
      },
    }),
  );
  // The URL in its answer has a host name that not every machine resolves.
  return `${endpoint}/${ACCOUNT}/${name}`;
}

/** Creates the bucket, which is empty. */
export async function createBucket(client: S3Client): Promise<void> {
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
}
