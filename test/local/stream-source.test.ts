import { randomUUID } from 'node:crypto';
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBBatchResponse, DynamoDBRecord } from 'aws-lambda';
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest';
import { openPositions, type Positions } from '#infra/local/stream-positions.ts';
import { type StreamHandler, startStreamSource } from '#infra/local/stream-source.ts';
import { createTable } from '#infra/local/table.ts';

const settings = {
  endpoint: inject('dynamodbEndpoint'),
  region: 'eu-central-1',
  credentials: { accessKeyId: randomUUID().replaceAll('-', ''), secretAccessKey: 'any' },
};
const database = new DynamoDBClient(settings);
const streams = new DynamoDBStreamsClient(settings);

let table: string;
let streamArn: string;
let positions: Positions;
let stop: () => Promise<void>;

beforeEach(async () => {
  table = `stream-${randomUUID()}`;
  streamArn = await createTable(database, table, inject('template'));
  positions = openPositions(streamArn);
});

afterEach(() => stop());

const put = (name: string, type = 'event') =>
  database.send(new PutItemCommand({ TableName: table, Item: { pk: { S: name }, sk: { S: 'A' }, type: { S: type } } }));

const nameOf = ({ dynamodb }: DynamoDBRecord) => dynamodb?.Keys?.['pk']?.S ?? '';

/** Starts the source; gives the names of the records that the function took, in order. */
function follow(take: (records: readonly DynamoDBRecord[]) => DynamoDBBatchResponse | undefined): string[] {
  const taken: string[] = [];
  const handler: StreamHandler = async ({ Records }) => {
    const response = take(Records);
    const failed = response?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier) ?? [];
    const first = Records.findIndex(({ dynamodb }) => failed.includes(dynamodb?.SequenceNumber ?? ''));
    taken.push(...Records.slice(0, first < 0 ? undefined : first).map(nameOf));
    return response;
  };
  ({ stop } = startStreamSource({
    client: streams,
    streamArn,
    handler,
    invocation: { functionName: 'relay', timeout: 5000 },
    filter: ({ eventName, dynamodb }) => eventName === 'INSERT' && dynamodb?.NewImage?.['type']?.S === 'event',
    positions,
  }));
  return taken;
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `T#${from + index}`);

it('hands over every inserted event once, in order, in Lambda’s shape', async () => {
  await put('before');
  const seen: DynamoDBRecord[] = [];
  const taken = follow((records) => {
    seen.push(...records);
    return undefined;
  });
  for (const name of numbered(0, 5)) await put(name);
  await put('row', 'family');
  const change = { TableName: table, Key: { pk: { S: 'T#0' }, sk: { S: 'A' } }, UpdateExpression: 'SET seen = :b' };
  await database.send(
    new UpdateItemCommand({ ...change, ExpressionAttributeValues: { ':b': { B: new Uint8Array([1]) } } }),
  );
  await put('after');
  await vi.waitFor(() => expect(taken).toEqual(['before', ...numbered(0, 5), 'after']), { timeout: 5000 });
  expect(seen[0]).toMatchObject({
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    eventSourceARN: streamArn,
    awsRegion: 'eu-central-1',
    dynamodb: { ApproximateCreationDateTime: expect.any(Number), NewImage: { type: { S: 'event' } } },
  });
});

it('tries a record again that was reported as failed, and nothing before it', async () => {
  let failures = 2;
  for (const name of numbered(0, 4)) await put(name);
  const taken = follow((records) => {
    const poisoned = records.find((record) => nameOf(record) === 'T#2');
    if (poisoned === undefined || failures === 0) return undefined;
    failures -= 1;
    return { batchItemFailures: [{ itemIdentifier: poisoned.dynamodb?.SequenceNumber ?? '' }] };
  });
  await vi.waitFor(() => expect(taken).toEqual(numbered(0, 4)), { timeout: 5000 });
});

it('cuts out a record that always makes the function fail, and takes all others', async () => {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  for (const name of numbered(0, 20)) await put(name);
  const taken = follow((records) => {
    if (records.some((record) => nameOf(record) === 'T#7')) throw new Error('poison');
    return undefined;
  });
  await vi.waitFor(
    () =>
      expect(taken.toSorted()).toEqual(
        numbered(0, 20)
          .filter((name) => name !== 'T#7')
          .toSorted(),
      ),
    {
      timeout: 5000,
    },
  );
  expect(stderr).toHaveBeenCalledOnce();
  expect(stderr.mock.calls[0]?.[0]).toMatch(/gave up stream record \d+/);
  stderr.mockRestore();
});

it('goes on where it was', async () => {
  await put('first');
  const before = follow(() => undefined);
  await vi.waitFor(() => expect(before).toEqual(['first']), { timeout: 5000 });
  await stop();
  await put('second');
  const after = follow(() => undefined);
  await vi.waitFor(() => expect(after).toEqual(['second']), { timeout: 5000 });
});
