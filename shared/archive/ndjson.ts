import { createHash } from 'node:crypto';
import type { Recipient } from '../crypto/recipient.ts';
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

/** Bytes of NDJSON in one JWE, unless a single line is larger. */
const JWE_BYTES = 2 * 1024 * 1024;

/** The lines in pieces of at most {@link JWE_BYTES}, each of whole lines. */
function* piecesOf(lines: readonly string[]): Generator<Buffer> {
  let piece: string[] = [];
  let size = 0;
  for (const line of lines) {
    const bytes = Buffer.byteLength(line) + 1;
    if (size > 0 && size + bytes > JWE_BYTES) {
      yield Buffer.from(piece.join(''));
      [piece, size] = [[], 0];
    }
    piece.push(`${line}\n`);
    size += bytes;
  }
  if (size > 0) yield Buffer.from(piece.join(''));
}

/**
 * Writes an object of NDJSON page by page, so that one page is in memory at a time. For a recipient each line of the object
 * is a JWE in compact form, whose plaintext is some lines of NDJSON; bytes and digest are those of the object as it is.
 */
export async function putNdjson(
  bucket: Bucket,
  folder: string,
  name: string,
  pages: AsyncIterable<readonly string[]>,
  recipient?: Recipient | undefined,
): Promise<ObjectEntry> {
  const hash = createHash('sha256');
  let [count, bytes] = [0, 0];
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const lines of pages) {
      count += lines.length;
      for (const plain of piecesOf(lines)) {
        const piece = recipient ? Buffer.from(`${await recipient.encrypt(plain)}\n`) : plain;
        hash.update(piece);
        bytes += piece.length;
        yield piece;
      }
    }
  }
  await bucket.put(`${folder}/${name}`, pieces(), recipient ? 'application/jose' : 'application/x-ndjson');
  return { name, count, bytes, sha256: hash.digest('hex') };
}
