import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import type { KeyOpener } from '#shared/crypto/key-opener.ts';
import { keyrings, type Sealing } from '#shared/crypto/keyring.ts';
import { keyNameOf, open, type Place, SealBroken, seal } from '#shared/crypto/seal.ts';
import { newId } from '#shared/ids.ts';

/** Keys that are wrapped in nothing but base64. */
const opener: KeyOpener = { unwrap: async (_keyId, wrapped) => new Uint8Array(Buffer.from(wrapped, 'base64')) };
const newKey = () => randomBytes(32).toString('base64');
const keyringOf = keyrings(opener);

const sealing: Sealing = {
  keyId: 'arn:key',
  current: 2,
  wrapped: { 1: newKey(), 2: newKey() },
  secrets: { 1: newKey(), 2: newKey() },
  lookup: newKey(),
  integrity: newKey(),
};
const keyring = keyringOf('0630', sealing);
const place: Place = { municipality: '0630', recordId: newId(new Date(0)), field: 'phone' };

const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as NonNullable<unknown> | null);

const expectBroken = (opened: Promise<unknown>) => expect(opened).rejects.toThrow(SealBroken);

describe('a sealed value', () => {
  it('opens at its place to what was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        expect(await open(keyring, place, await seal(keyring, place, value))).toEqual(value);
      }),
    );
  });

  it('tells nothing but its place and its key', async () => {
    const [head = '', wrapped, nonce = ''] = (await seal(keyring, place, '+45 12 34 56 78')).split('.');
    const header = { alg: 'dir', enc: 'A256GCM', kid: '2', mun: '0630', rec: place.recordId, fld: 'phone' };
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual(header);
    expect(wrapped).toBe('');
    expect(Buffer.from(nonce, 'base64url')).toHaveLength(12);
  });

  it('is a JWE that a library for JOSE opens with the same key', async () => {
    const sealed = await seal(keyring, place, { phone: '+45 12 34 56 78' });
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealed,
      Buffer.from(sealing.wrapped[2] as string, 'base64'),
    );
    expect(JSON.parse(Buffer.from(plaintext).toString())).toEqual({ phone: '+45 12 34 56 78' });
    expect(protectedHeader).toMatchObject({ alg: 'dir', enc: 'A256GCM', kid: '2' });
  });

  it('differs each time it is sealed', async () => {
    const seals = await Promise.all(Array.from({ length: 50 }, () => seal(keyring, place, 'the same')));
    expect(new Set(seals.map((sealed) => sealed.split('.')[2])).size).toBe(50);
    expect(new Set(seals.map((sealed) => sealed.split('.')[3])).size).toBe(50);
  });

  it.each<[string, Partial<Place>]>([
    ['record', { recordId: newId(new Date(1)) }],
    ['field', { field: 'mobile' }],
    ['municipality, though it had the same keys', { municipality: '0766' }],
  ])('opens at no other %s', async (_what, other) => {
    const sealed = await seal(keyring, place, 'secret');
    await expectBroken(open(keyringOf(other.municipality ?? '0630', sealing), { ...place, ...other }, sealed));
  });

  it('opens with no other key of the same version', async () => {
    const sealed = await seal(keyring, place, 'secret');
    const foreign = keyringOf('0630', { ...sealing, wrapped: { 2: newKey() } });
    await expectBroken(open(foreign, place, sealed));
  });

  it('of a secret is sealed with the key of secrets, which opens no field', async () => {
    const sealed = await seal(keyring, place, 'whsec_1', keyring.newest.secrets);
    expect(keyNameOf(sealed)).toBe('s2');
    expect(await open(keyring, place, sealed)).toBe('whsec_1');
    await expectBroken(open(keyringOf('0630', { ...sealing, secrets: sealing.wrapped }), place, sealed));
  });

  it('opens with no character changed, left out or added', async () => {
    const sealed = await seal(keyring, place, { cpr: '670101-1234' });
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= \n';
    const character = fc.constantFrom(...alphabet);
    const at = fc.nat({ max: sealed.length - 1 });
    await fc.assert(
      fc.asyncProperty(at, character, fc.constantFrom(0, 1), async (index, other, removed) => {
        const changed = sealed.slice(0, index) + other + sealed.slice(index + removed);
        fc.pre(changed !== sealed);
        await expectBroken(open(keyring, place, changed));
        await expectBroken(open(keyring, place, sealed.slice(0, index) + sealed.slice(index + 1)));
      }),
      { numRuns: 1000 },
    );
  });

  it('opens in no other spelling of its last character', async () => {
    const sealed = await seal(keyring, place, 'secret');
    // Of the tag's last character two bits count: each of its spellings stands for the same bytes.
    const last = Buffer.from(sealed.split('.')[4] ?? '', 'base64url');
    const spellings = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((character) => sealed.slice(0, -1) + character)
      .filter((text) => text !== sealed && Buffer.from(text.split('.')[4] ?? '', 'base64url').equals(last));
    expect(spellings).toHaveLength(15);
    for (const spelling of spellings) await expectBroken(open(keyring, place, spelling));
  });

  it('opens with no part of another', async () => {
    const seals = await Promise.all(['one', 'two'].map((value) => seal(keyring, place, value)));
    const [one = [], two = []] = seals.map((sealed) => sealed.split('.'));
    for (const part of [2, 3, 4]) {
      await expectBroken(open(keyring, place, one.with(part, two[part] ?? '').join('.')));
    }
  });

  it('says the name of its key without being opened, and after a rotation still opens', async () => {
    const before = await seal(keyringOf('0630', { ...sealing, current: 1 }), place, 'secret');
    const after = await seal(keyring, place, 'secret');
    expect([keyNameOf(before), keyNameOf(after)]).toEqual(['1', '2']);
    expect(await open(keyring, place, before)).toBe('secret');
    await expectBroken(open(keyringOf('0630', { ...sealing, wrapped: { 2: newKey() } }), place, before));
  });

  it('has a header with nothing changed, missing or added, though it were sealed with the right key', async () => {
    const secret = createSecretKey(Buffer.from(sealing.wrapped['2'] ?? '', 'base64'));
    const right = { alg: 'dir', enc: 'A256GCM', kid: '2', mun: '0630', rec: place.recordId, fld: 'phone' };
    const sealedUnder = (header: typeof right) =>
      new CompactEncrypt(Buffer.from('"secret"')).setProtectedHeader(header).encrypt(secret);
    expect(await open(keyring, place, await sealedUnder(right))).toBe('secret');

    const { fld: _, ...partial } = right;
    const wrong: object[] = [
      partial,
      { ...right, kid: '02' },
      { ...right, kid: '3' },
      { ...right, zip: 'DEF' },
      { ...right, typ: 'JWT' },
      { ...right, crit: ['b64'], b64: true },
    ];
    for (const header of wrong) {
      const sealed = await sealedUnder(header as typeof right).catch(() => 'jose itself makes no such thing');
      await expectBroken(open(keyring, place, sealed));
    }
  });

  it.each(['', '.', '....', 'secret', 'bnVsbA....', 'e30....', 'eyJraWQiOjF9....'])(
    'is not %j, and nothing like it',
    async (text) => {
      await expectBroken(open(keyring, place, text));
      expect(() => keyNameOf(text)).toThrow(SealBroken);
    },
  );

  it('tells nothing of the value when it does not open', async () => {
    const header = { alg: 'dir', enc: 'A256GCM', kid: '2', mun: '0630', rec: place.recordId, fld: 'phone' };
    const key = await crypto.subtle.importKey(
      'raw',
      Buffer.from(sealing.wrapped['2'] ?? '', 'base64'),
      'AES-GCM',
      false,
      ['encrypt'],
    );
    const broken = await new CompactEncrypt(Buffer.from('{12345678')).setProtectedHeader(header).encrypt(key);
    const error = await open(keyring, place, broken).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SealBroken);
    expect(inspect(error)).toContain(`The sealed phone of record ${place.recordId} in municipality 0630`);
    expect(inspect(error)).not.toContain('12345678');
  });
});
