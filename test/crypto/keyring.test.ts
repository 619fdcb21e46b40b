import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeyBinding, KeyOpener } from '#shared/crypto/key-opener.ts';
import { type Keyrings, keyrings, type Sealing } from '#shared/crypto/keyring.ts';
import { open, seal } from '#shared/crypto/seal.ts';

const newKey = () => randomBytes(32).toString('base64');
const newSealing = (): Sealing => ({
  keyId: 'arn:key',
  current: 1,
  wrapped: { 1: newKey() },
  secrets: { 1: newKey() },
  lookup: newKey(),
  integrity: newKey(),
});

let asked: [string, string, KeyBinding][];
let given: Uint8Array[];
let answer: (wrapped: string) => Promise<Uint8Array>;
let clock: number;
let keyringOf: Keyrings;

beforeEach(() => {
  asked = [];
  given = [];
  answer = async (wrapped) => new Uint8Array(Buffer.from(wrapped, 'base64'));
  clock = 0;
  const opener: KeyOpener = {
    async unwrap(...request) {
      asked.push(request);
      const bytes = await answer(request[1]);
      given.push(bytes);
      return bytes;
    },
  };
  keyringOf = keyrings(opener, () => new Date(clock));
});

describe('a keyring', () => {
  it('asks for nothing until a key is needed, and then names key, municipality and purpose', async () => {
    const sealing = newSealing();
    const keyring = keyringOf('0630', sealing);
    expect(asked).toEqual([]);
    await keyring.key('1');
    await keyring.key('s1');
    await keyring.lookupKey();
    expect(asked).toEqual([
      ['arn:key', sealing.wrapped['1'], { municipality: '0630', purpose: 'fields' }],
      ['arn:key', sealing.secrets['1'], { municipality: '0630', purpose: 'secrets' }],
      ['arn:key', sealing.lookup, { municipality: '0630', purpose: 'lookup' }],
    ]);
  });

  it('has no key of a name that the municipality has not', () => {
    const keyring = keyringOf('0630', newSealing());
    expect(['0', '2', '-1', '1.5', 's2'].map((name) => keyring.key(name))).toEqual(Array(5).fill(undefined));
    expect(asked).toEqual([]);
  });

  it('is announced before it is used: until then values are sealed with the one before', async () => {
    const sealing = { ...newSealing(), next: { version: 2, from: new Date(120_000).toISOString() } };
    const announced = { ...sealing, wrapped: { ...sealing.wrapped, 2: newKey() } };
    clock = 119_999;
    expect(keyringOf('0630', announced).current).toBe(1);
    expect(await keyringOf('0630', announced).key('2')).toBeDefined();
    clock = 120_000;
    expect(keyringOf('0630', announced).current).toBe(2);
    expect(await keyringOf('0630', announced).key('1')).toBeDefined();
  });

  it('shows a key neither as text nor as JSON, and leaves no copy of its bytes', async () => {
    const sealing = newSealing();
    const keyring = keyringOf('0630', sealing);
    const key = await keyring.key('1');
    expect(key).toMatchObject({ type: 'secret', symmetricKeySize: 32 });
    const bytes = Buffer.from(sealing.wrapped[1] as string, 'base64');
    for (const text of [inspect(key, { depth: null, showHidden: true }), JSON.stringify(key), String(key)])
      for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(bytes.toString(form));
    const lookup = await keyring.lookupKey();
    expect(given).toEqual([new Uint8Array(32), new Uint8Array(32)]);
    const expected = createHmac('sha256', Buffer.from(sealing.lookup, 'base64')).update('phone').digest('hex');
    expect(createHmac('sha256', lookup).update('phone').digest('hex')).toBe(expected);
  });

  it('shares one unwrapping among all who need the key at the same time', async () => {
    const sealing = newSealing();
    const place = { municipality: '0630', recordId: 'r', field: 'phone' };
    const seals = await Promise.all(
      Array.from({ length: 20 }, (_, index) => seal(keyringOf('0630', sealing), place, index)),
    );
    const opened = await Promise.all(seals.map((sealed) => open(keyringOf('0630', sealing), place, sealed)));
    expect(opened).toEqual(seals.map((_, index) => index));
    expect(asked).toHaveLength(1);
  });

  it('remembers a key for five minutes and no longer', async () => {
    const sealing = newSealing();
    const use = () => Promise.all([keyringOf('0630', sealing).key('1'), keyringOf('0630', sealing).lookupKey()]);
    await use();
    clock = 5 * 60_000 - 1;
    await use();
    expect(asked).toHaveLength(2);
    clock += 1;
    await use();
    expect(asked).toHaveLength(4);
  });

  it('remembers no failure', async () => {
    const sealing = newSealing();
    const right = answer;
    answer = () => Promise.reject(new Error('KMS is away'));
    await expect(keyringOf('0630', sealing).key('1')).rejects.toThrow('away');
    await expect(keyringOf('0630', sealing).lookupKey()).rejects.toThrow('away');
    answer = right;
    await expect(keyringOf('0630', sealing).key('1')).resolves.toBeDefined();
    await expect(keyringOf('0630', sealing).lookupKey()).resolves.toBeDefined();
  });

  it('knows a key that was made anew, under the same version, from the one before', async () => {
    const [before, after] = [newSealing(), newSealing()];
    const old = await keyringOf('0630', before).key('1');
    const anew = await keyringOf('0630', after).key('1');
    expect(anew).not.toBe(old);
    expect(await keyringOf('0630', before).key('1')).toBe(old);
    expect(asked).toHaveLength(2);
  });

  it('shares no key between municipalities, whatever their rows hold', async () => {
    const sealing = newSealing();
    await keyringOf('0630', sealing).key('1');
    await keyringOf('0766', sealing).key('1');
    expect(asked.map(([, , { municipality }]) => municipality)).toEqual(['0630', '0766']);
  });

  it('forgets the oldest keys when there are too many', async () => {
    const first = newSealing();
    await keyringOf('0630', first).key('1');
    for (let index = 0; index < 300; index += 1) await keyringOf('0630', newSealing()).key('1');
    const before = asked.length;
    await keyringOf('0630', first).key('1');
    expect(asked).toHaveLength(before + 1);
  });
});
