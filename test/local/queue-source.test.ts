import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { callersOf } from '#infra/local/callers.ts';
import { type QueueHandler, startQueueSource } from '#infra/local/queue-source.ts';
import { createQueue, type QueueServer, startQueueServer } from '#infra/local/queues.ts';

const accessKeyId = randomUUID();
let server: QueueServer;
let client: SQSClient;

const clientWith = (key: string) =>
  new SQSClient({
    endpoint: server.endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: key, secretAccessKey: 'any' },
    maxAttempts: 1,
  });

beforeAll(async () => {
  server = await startQueueServer(callersOf(accessKeyId));
  client = clientWith(accessKeyId);
});

afterAll(() => server.stop());

const send = (QueueUrl: string, MessageBody: string) =>
  client.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: 'endpoint' }));

/** Messages that are there, waiting or being worked on. */
async function remaining(QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  const { ApproximateNumberOfMessages: ready, ApproximateNumberOfMessagesNotVisible: inFlight } = Attributes;
  return Number(ready) + Number(inFlight);
}

function follow(queueUrl: string, handler: QueueHandler) {
  return startQueueSource({
    client,
    queueUrl,
    handler,
    invocation: { functionName: 'deliver', timeout: 5000 },
    concurrency: 3,
  });
}

it('hands over each message in Lambda’s shape and deletes it', async () => {
  const queueUrl = await createQueue(client, server.endpoint, 'delivery');
  const seen: SQSRecord[] = [];
  const source = follow(queueUrl, async ({ Records }) => {
    seen.push(...Records);
  });
  for (const body of ['a', 'b', 'c', 'd', 'e']) await send(queueUrl, body);
  await vi.waitFor(async () => expect(await remaining(queueUrl)).toBe(0));
  await source.stop();
  expect(seen.map(({ body }) => body).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(seen[0]).toMatchObject({
    messageId: expect.any(String),
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: expect.stringMatching(/^\d+$/) },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:delivery',
    awsRegion: 'eu-central-1',
  });
});

it('leaves a message that failed to come back', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const Attributes = { VisibilityTimeout: '1' };
  await client.send(new CreateQueueCommand({ QueueName: 'brief', Attributes }));
  const queueUrl = `${server.endpoint}/000000000000/brief`;
  const attempts: string[] = [];
  const source = follow(queueUrl, async ({ Records: [record] }) => {
    attempts.push(String(record?.attributes.ApproximateReceiveCount));
    if (attempts.length === 1) throw new Error('not now');
    const again = attempts.length === 2;
    return { batchItemFailures: again ? [{ itemIdentifier: String(record?.messageId) }] : [] };
  });
  await send(queueUrl, 'stubborn');
  await vi.waitFor(async () => expect([attempts, await remaining(queueUrl)]).toEqual([['1', '2', '3'], 0]), {
    timeout: 10_000,
  });
  await source.stop();
  expect(stderr).toHaveBeenCalledOnce();
  stderr.mockRestore();
});

it('hears nobody without the access key of the installation', async () => {
  await expect(clientWith('somebodyelse').send(new ListQueuesCommand())).rejects.toThrow();
});
