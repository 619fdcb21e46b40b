import { createHash } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type CryptoKey, compactDecrypt, exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { putNdjson } from '#shared/archive/ndjson.ts';
import { recipientOf } from '#shared/crypto/recipient.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { memoryBuckets } from '#test/support/memory-buckets.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const KEYS = [
  ['RSA-OAEP-256', 'RSA-OAEP-256', {}],
  ['ECDH-ES+A256KW', 'ECDH-ES on P-256', { crv: 'P-256' }],
  ['ECDH-ES+A256KW', 'ECDH-ES on X25519', { crv: 'X25519' }],
] as const;

/** The lines of an object, opened with the private key as any library of JWE would. */
async function opened(object: Buffer, privateKey: CryptoKey): Promise<string[]> {
  const pieces = object
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  const plain = await Promise.all(pieces.map(async (jwe) => (await compactDecrypt(jwe, privateKey)).plaintext));
  return Buffer.concat(plain)
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}

describe('the handover of a municipality that gave a public key', () => {
  it.each(KEYS)('is encrypted to it and opens with the private key alone (%s, %s)', async (alg, _what, options) => {
    const at = await livline.freshMunicipality();
    const { publicKey, privateKey } = await generateKeyPair(alg, { ...options, extractable: true });
    const jwk: JWK = await exportJWK(publicKey);
    const { id } = await makeFamily(at, { outsideWork: 'Sygeplejerske i Vejle' });
    await livline.store.client.send(
      new UpdateCommand({
        TableName: livline.store.tableName,
        Key: { pk: `M#${at.code}`, sk: 'A' },
        UpdateExpression: 'SET tenant.handoverKey = :key',
        ExpressionAttributeValues: { ':key': jwk },
      }),
    );
    await livline.operator('POST', `/municipalities/${at.code}/status`, { body: { status: 'offboarding' } });
    await livline.lifecycle();
    livline.advance(180);
    await livline.lifecycle();
    const mine = [...livline.objects].filter(([key]) => key.startsWith(`handover/${at.code}/`));
    const objects = new Map(mine.map(([key, bytes]) => [key.split('/').at(-1) as string, bytes]));
    const manifest = JSON.parse(String(objects.get('manifest.json')));
    expect(manifest.encryption).toMatchObject({ alg, enc: 'A256GCM' });
    const { name, count, sha256 } = manifest.files.find((file: { name: string }) => file.name.startsWith('families'));
    const families = objects.get(name) as Buffer;
    expect([name, count]).toEqual(['families.ndjson.jwe', 1]);
    expect(createHash('sha256').update(families).digest('hex')).toBe(sha256);
    const lines = (await opened(families, privateKey)).map((line) => JSON.parse(line));
    expect(lines).toMatchObject([{ id, outsideWork: 'Sygeplejerske i Vejle' }]);
    for (const [object, bytes] of objects) {
      expect(bytes.toString(), object).not.toMatch(new RegExp(`Sygeplejerske|${id}`));
    }
    const { privateKey: another } = await generateKeyPair(alg, options);
    await expect(opened(families, another)).rejects.toThrow();
  });

  it('is in pieces of a few megabytes, each of whole lines', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RSA-OAEP-256', { extractable: true });
    const { buckets, objects } = memoryBuckets();
    const lines = Array.from({ length: 7 }, (_, at) => JSON.stringify({ at, text: 'æ'.repeat(400_000) }));
    const recipient = await recipientOf(await exportJWK(publicKey));
    const pages = async function* () {
      yield lines;
    };
    const entry = await putNdjson(buckets('0630', 'handover'), 'now', 'inbox.ndjson.jwe', pages(), recipient);
    const object = objects.get('handover/0630/now/inbox.ndjson.jwe') as Buffer;
    expect(entry).toMatchObject({ count: 7, bytes: object.length });
    // Two lines of 800 KB fit into a piece.
    expect(object.toString().trimEnd().split('\n')).toHaveLength(4);
    expect(await opened(object, privateKey)).toEqual(lines);
  });
});
