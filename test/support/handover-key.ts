import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import type { Caller } from './livline.ts';

/** The key pair of every municipality that leaves in a test file. */
const pair = generateKeyPair('RSA-OAEP-256', { extractable: true });

/** Gives the municipality's public key, to which its record is encrypted when it leaves. */
export async function giveHandoverKey(by: Caller): Promise<void> {
  const { e, n } = await exportJWK((await pair).publicKey);
  const { version } = (await by.get('/settings')).body;
  const { status } = await by.patch('/settings', { handoverKey: { kty: 'RSA', e, n } }, version);
  if (status !== 200) throw new Error(`The key was answered ${status}`);
}

/** The text of an object of a handover, opened with the municipality's private key. */
export async function openedHandover(object: Buffer): Promise<string> {
  const { privateKey } = await pair;
  const pieces = object
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  const plain = await Promise.all(pieces.map(async (jwe) => (await compactDecrypt(jwe, privateKey)).plaintext));
  return Buffer.concat(plain).toString();
}
