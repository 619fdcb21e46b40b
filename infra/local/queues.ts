import type { AddressInfo } from 'node:net';
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import { isOurs } from './callers.ts';
import { ACCOUNT, REGION } from './lambda.ts';

export interface QueueServer {
  /** `http://127.0.0.1:<port>`; no other machine can reach it. */
  readonly endpoint: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts SQS on a free port of the loopback interface, open to one access key id alone. It keeps its messages in
 * memory: they are hints to look at a row that is due, and whatever a restart loses the clock finds within a minute.
 */
export async function startQueueServer(accessKeyId: string): Promise<QueueServer> {
  // Not its own `startFauxqs`, which listens on every interface.
  const app = buildApp({ logger: false, defaultRegion: REGION });
  app.addHook('onRequest', async (request, reply) => {
    if (!isOurs(request, accessKeyId)) await reply.status(403).send({ __type: 'AccessDenied' });
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
