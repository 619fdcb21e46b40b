import { createHash } from 'node:crypto';
import type { Bucket } from './bucket.ts';

/** An object as a manifest names it. */
export interface ObjectEntry {
  /** Its name in the folder of the manifest. */
  readonly name: string;
  /** Lines in it, one for each record. */
  readonly count: number;
  readonly bytes: number;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly sha256: string;
}

/** Writes an object of NDJSON page by page, so that one page is in memory at a time. */
export async function putNdjson(
  bucket: Bucket,
  folder: string,
  name: string,
  pages: AsyncIterable<readonly string[]>,
): Promise<ObjectEntry> {
  const hash = createHash('sha256');
  let [count, bytes] = [0, 0];
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const lines of pages) {
      const piece = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      hash.update(piece);
      count += lines.length;
      bytes += piece.length;
      if (piece.length > 0) yield piece;
    }
  }
  await bucket.put(`${folder}/${name}`, pieces(), 'application/x-ndjson');
  return { name, count, bytes, sha256: hash.digest('hex') };
}
