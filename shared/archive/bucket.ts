import { Readable } from 'node:stream';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { TenantSessions } from '../table/tenant-session.ts';

/** What an object is made of: as a whole, or piece by piece where it may be larger than the memory. */
export type ObjectBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/**
 * What an object is for. `handover`: what a municipality takes with it when it leaves, there for 90 days. `archive`: what
 * is purged from the record, until it expires or is deleted.
 */
export type Shelf = 'handover' | 'archive';

/** The objects of one municipality on one shelf. A name is a path there, such as `2026-11-20/families.ndjson`. */
export interface Bucket {
  /** Writes an object, wholly or not at all, in place of an earlier one by its name. */
  put(name: string, body: ObjectBody, contentType: string): Promise<void>;
  /** The object by this name; undefined where there is none. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Deletes the object by this name, if there is one. */
  delete(name: string): Promise<void>;
}

/** Gives a municipality's part of a shelf. */
export type Buckets = (code: string, shelf: Shelf) => Bucket;

/** Key of an object: on each shelf the tenant role reaches what is below the municipality of its session, and nothing else. */
export const objectKey = (code: string, shelf: Shelf, name: string): string => `${shelf}/${code}/${name}`;

/** Bytes of a part: S3 takes 10,000 of them, so an object may have 80 GB. Two are in memory at a time. */
const PART_BYTES = 8 * 1024 * 1024;

async function* bytesOf(pieces: AsyncIterable<string | Uint8Array>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece);
}

/**
 * The objects of a bucket in S3, each municipality's under the tenant role in a session for that one. What a process
 * that dies leaves of a large object is no object, and S3 clears it away (infra/stacks/data.ts).
 */
export function s3Buckets(bucketName: string, sessions: TenantSessions): Buckets {
  const { requestHandler } = new S3Client({}).config;
  return (code, shelf) => {
    const client = new S3Client({ requestHandler, credentials: sessions(code) });
    const placeOf = (name: string) => ({ Bucket: bucketName, Key: objectKey(code, shelf, name) });
    return {
      async put(name, body, contentType) {
        const whole = typeof body === 'string' || body instanceof Uint8Array;
        const Body = whole ? Buffer.from(body) : Readable.from(bytesOf(body));
        const params = { ...placeOf(name), Body, ContentType: contentType };
        await new Upload({ client, params, partSize: PART_BYTES, queueSize: 2 }).done();
      },
      async get(name) {
        // S3 tells that a key is missing to whoever may list its prefix. To a GetObject, which has none, it answers 403.
        const { Bucket, Key } = placeOf(name);
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }));
        if (Contents[0]?.Key !== Key) return undefined;
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
        return Body?.transformToByteArray();
      },
      async delete(name) {
        await client.send(new DeleteObjectCommand(placeOf(name)));
      },
    };
  };
}
