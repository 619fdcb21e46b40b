import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent, ScheduledEvent, SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { callersOf } from '#infra/local/callers.ts';
import { invoke } from '#infra/local/lambda.ts';
import { createQueue, startQueueServer } from '#infra/local/queues.ts';
import type { PostRequest } from '#shared/webhooks/egress.ts';
import { type AnyRow, rowsOf } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { verified } from '#test/support/receiver.ts';
import { standInTokens, standInUnwrapping } from '#test/support/stand-in.ts';

let livline: Livline;
let at: Caller;
let secret: string;
let sqs: SQSClient;
let queueUrl: string;
let slowQueueUrl: string;
const received: PostRequest[] = [];
const closing: (() => unknown)[] = [];

/** The functions as deployed, with SQS and a receiver on this machine, all in real time. */
beforeAll(async () => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  livline = await startLivline({ allowLocal: true });
  const credentials = await livline.store.client.config.credentials();
  const queues = await startQueueServer(callersOf(credentials.accessKeyId));
  sqs = new SQSClient({ endpoint: queues.endpoint, region: 'eu-central-1', credentials });
  queueUrl = await createQueue(sqs, queues.endpoint, 'delivery');
  slowQueueUrl = await createQueue(sqs, queues.endpoint, 'slow-delivery');
  const receiver = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    received.push({ url: request.url ?? '', headers: request.headers as Record<string, string>, body });
    response.writeHead(204).end();
  });
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  const [tokens, kms] = [await standInTokens(credentials.accessKeyId), await standInUnwrapping(livline.keys)];
  closing.push(queues.stop, tokens.stop, kms.stop, () => receiver.close());

  // The functions live now; what happens here happened three minutes ago.
  livline.advance((Date.now() - livline.now().getTime()) / 1000 - 180);
  for (const [name, value] of Object.entries({
    TABLE_NAME: livline.store.tableName,
    KEYS_TABLE_NAME: livline.store.keysTableName,
    TENANT_ROLE_ARN: 'arn:aws:iam::000000000000:role/tenant',
    AWS_ENDPOINT_URL_STS: tokens.url,
    AWS_ENDPOINT_URL_KMS: kms.url,
    DELIVERY_QUEUE_URL: queueUrl,
    SLOW_DELIVERY_QUEUE_URL: slowQueueUrl,
    CLOCK_QUEUE_URL: queueUrl,
    LOCAL_WEBHOOKS: '1',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: inject('dynamodbEndpoint'),
    AWS_ENDPOINT_URL_SQS: queues.endpoint,
  })) {
    vi.stubEnv(name, value);
  }
  at = await livline.freshMunicipality();
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  secret = (await at.post('/webhook-endpoints', { url, types: ['family.*'] })).body.secret;
  livline.advance(1);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  for (const close of closing) await close();
});

const run = async <Event, Result>(
  load: Promise<{ handler: (event: Event, context: never) => Promise<Result> }>,
  event: Event,
): Promise<Result> =>
  invoke(
    async (sent: Event, context) => (await load).handler(sent, context as never),
    { functionName: 'under-test', timeout: 10_000 },
    event,
  );
const relay = (event: DynamoDBStreamEvent) => run(import('#functions/relay/index.ts'), event);
const deliver = (event: SQSEvent) => run(import('#functions/deliver/index.ts'), event);
const clock = (event: ScheduledEvent) => run(import('#functions/clock/index.ts'), event);

/** A row as a stream record, as Lambda's documentation shows one. */
const recordOf = (row: AnyRow, place: number): DynamoDBRecord => ({
  eventID: `c4ca4238a0b923820dcc509a6f75849${place}`,
  eventName: 'INSERT',
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: 'eu-central-1',
  dynamodb: {
    ApproximateCreationDateTime: 1_795_165_200,
    Keys: marshall({ pk: row['pk'], sk: row['sk'] }) as never,
    NewImage: marshall(row) as never,
    SequenceNumber: `4421584500000000017450439${place}`,
    SizeBytes: 599,
    StreamViewType: 'NEW_IMAGE',
  },
  eventSourceARN: 'arn:aws:dynamodb:eu-central-1:123456789012:table/livline/stream/2026-11-20T09:00:00.000',
});

/** The next message of the queue as Lambda hands it over, taken out of the queue. */
async function nextMessage(from = queueUrl): Promise<SQSEvent> {
  const { Messages: [message] = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: from, MessageSystemAttributeNames: ['All'], WaitTimeSeconds: 5 }),
  );
  if (!message) throw new Error('There is no message');
  await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle: message.ReceiptHandle }));
  const attributes = message.Attributes as unknown as SQSEvent['Records'][number]['attributes'];
  return {
    Records: [
      {
        messageId: message.MessageId ?? '',
        receiptHandle: message.ReceiptHandle ?? '',
        body: message.Body ?? '',
        attributes,
        messageAttributes: {},
        md5OfBody: message.MD5OfBody ?? '',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:delivery',
        awsRegion: 'eu-central-1',
      },
    ],
  };
}

const NONE_FAILED = { batchItemFailures: [] };

describe('the deployed handlers, with events in the shapes of Lambda', () => {
  it('bring a committed event from the stream over the queue to a receiver', async () => {
    const id = await createFamily(at);
    const [event] = (await rowsOf(livline.store, at.code, 'event')).filter(({ objectId }) => objectId === id);
    if (!event) throw new Error('No event');
    expect(await relay({ Records: [recordOf(event, 1)] })).toEqual(NONE_FAILED);
    // An endpoint proves itself in the lane of slow endpoints, to which the ordinary one hands its first delivery on.
    expect(await deliver(await nextMessage())).toEqual(NONE_FAILED);
    const message = await nextMessage(slowQueueUrl);
    expect(await deliver(message)).toEqual(NONE_FAILED);
    expect(received).toHaveLength(1);
    expect(verified(secret, received[0] as PostRequest, new Date())).toMatchObject({ subject: id });
    expect(await deliver(message)).toEqual(NONE_FAILED);
    expect(received).toHaveLength(1);
  });

  it('name the record or the message that failed', async () => {
    const broken = recordOf({ pk: 'T#0101#E#evt_1', sk: 'A', type: 'event' }, 7);
    expect(await relay({ Records: [broken] })).toEqual({
      batchItemFailures: [{ itemIdentifier: '44215845000000000174504397' }],
    });
    await createFamily(at);
    await clock({} as ScheduledEvent);
    const message = await nextMessage();
    vi.stubEnv('TABLE_NAME', 'no-such-table');
    vi.resetModules();
    expect(await deliver(message)).toEqual({ batchItemFailures: [{ itemIdentifier: message.Records[0]?.messageId }] });
    vi.stubEnv('TABLE_NAME', livline.store.tableName);
    vi.resetModules();
    expect(await deliver(message)).toEqual(NONE_FAILED);
    expect(received).toHaveLength(2);
  });

  it('take a schedule, and bring what no stream did', async () => {
    const id = await createFamily(at);
    const event: ScheduledEvent = {
      version: '0',
      id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '123456789012',
      time: '2026-11-20T09:01:00Z',
      region: 'eu-central-1',
      resources: ['arn:aws:events:eu-central-1:123456789012:rule/clock'],
      detail: {},
    };
    await clock(event);
    expect(await deliver(await nextMessage())).toEqual(NONE_FAILED);
    expect(JSON.parse(received.at(-1)?.body ?? '').subject).toBe(id);
  });

  it('say which setting is missing', async () => {
    vi.stubEnv('DELIVERY_QUEUE_URL', '');
    vi.resetModules();
    await expect(clock({} as ScheduledEvent)).rejects.toThrow('DELIVERY_QUEUE_URL is not set');
  });
});
