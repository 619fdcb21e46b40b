import { createHash, randomUUID } from 'node:crypto';
import { GetObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callersOf } from '#infra/local/callers.ts';
import { BUCKET, createBucket, type QueueServer, startQueueServer } from '#infra/local/queues.ts';
import { type Buckets, s3Buckets } from '#shared/archive/bucket.ts';
import { memoryBuckets } from '../support/memory-buckets.ts';

const accessKeyId = randomUUID();
const callers = callersOf(accessKeyId);
let server: QueueServer;
let buckets: Buckets;

beforeAll(async () => {
  server = await startQueueServer(callers);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', server.endpoint);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  const own: S3ClientConfig = { credentials: { accessKeyId, secretAccessKey: 'any' } };
  await createBucket(new S3Client(own));
  buckets = s3Buckets(BUCKET, (code) => async () => callers.startSession(code, 900));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

const digest = (bytes: Uint8Array | undefined) => bytes && createHash('sha256').update(bytes).digest('hex');

async function* pieces(...all: readonly (string | Uint8Array)[]) {
  yield* all;
}

describe.each([
  ['S3', () => buckets],
  ['the stand-in of the tests', () => memoryBuckets().buckets],
])('a bucket in %s', (_, open) => {
  it('keeps an object as it was written, and a later one in its place', async () => {
    const bucket = open()('0630', 'handover');
    expect(await bucket.get('families.ndjson')).toBeUndefined();
    await bucket.put('families.ndjson', '{"alias":"Familien ved åen"}\n', 'application/x-ndjson');
    expect(Buffer.from((await bucket.get('families.ndjson')) ?? []).toString()).toBe('{"alias":"Familien ved åen"}\n');
    await bucket.put('families.ndjson', pieces('a', new Uint8Array([98]), 'c'), 'application/x-ndjson');
    expect(Buffer.from((await bucket.get('families.ndjson')) ?? []).toString()).toBe('abc');
  });

  it('takes one of no pieces, and one larger than a part', async () => {
    const bucket = open()('0630', 'handover');
    await bucket.put('empty', pieces(), 'application/x-ndjson');
    expect(await bucket.get('empty')).toHaveLength(0);
    const piece = Buffer.alloc(3 * 1024 * 1024, 'æ');
    await bucket.put('large', pieces(piece, piece, piece, piece), 'application/x-ndjson');
    const expected = digest(Buffer.concat([piece, piece, piece, piece]));
    expect(digest(await bucket.get('large'))).toBe(expected);
  });

  it('keeps nothing of one that breaks off', async () => {
    const bucket = open()('0630', 'handover');
    async function* breaking() {
      yield Buffer.alloc(9 * 1024 * 1024);
      throw new Error('The table is gone');
    }
    await expect(bucket.put('broken', breaking(), 'application/x-ndjson')).rejects.toThrow('The table is gone');
    expect(await bucket.get('broken')).toBeUndefined();
  });

  it('keeps each municipality and each shelf apart', async () => {
    const both = open();
    await both('0630', 'handover').put('same', 'Vejle', 'text/plain');
    await both('0766', 'handover').put('same', 'Hedensted', 'text/plain');
    await both('0630', 'archive').put('same', 'archived', 'text/plain');
    expect(Buffer.from((await both('0630', 'handover').get('same')) ?? []).toString()).toBe('Vejle');
  });
});

it('a session of one municipality reaches no object of another', async () => {
  const stray = s3Buckets(BUCKET, () => async () => callers.startSession('0766', 900));
  await expect(stray('0630', 'handover').put('x', 'y', 'text/plain')).rejects.toThrow();
  await expect(stray('0630', 'handover').get('same')).rejects.toThrow();
});

it('S3 answers 403 to a session that asks for an object which is not there, as AWS does, and the bucket says that there is none', async () => {
  const session = new S3Client({ credentials: callers.startSession('0630', 900) });
  const missing = new GetObjectCommand({ Bucket: BUCKET, Key: 'archive/0630/missing' });
  await expect(session.send(missing)).rejects.toMatchObject({
    name: 'AccessDenied',
    $metadata: { httpStatusCode: 403 },
  });
  expect(await buckets('0630', 'archive').get('missing')).toBeUndefined();
  await buckets('0630', 'archive').put('there', 'archived', 'text/plain');
  await buckets('0630', 'archive').delete('there');
  expect(await buckets('0630', 'archive').get('there')).toBeUndefined();
});
