import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  KeyUnusable,
  newPrivateKey,
  newSecret,
  publicKeyOf,
  signedHeaders,
  signV1,
  signV1a,
} from '#shared/webhooks/sign.ts';
import { GOLDEN } from '#test/support/golden-vectors.ts';
import { verified } from '#test/support/receiver.ts';

const sentAt = new Date('2026-11-20T09:00:00.000Z');
const timestamp = sentAt.getTime() / 1000;
const message = fc.record({
  id: fc.stringMatching(/^evt_[0-9a-f]{32}$/),
  timestamp: fc.constant(timestamp),
  body: fc.string({ unit: 'binary', minLength: 1 }).map((text) => JSON.stringify({ text })),
});

/** The text with the character at a place made another one. */
const altered = (text: string, at: number): string => {
  const place = at % text.length;
  return `${text.slice(0, place)}${text[place] === 'A' ? 'B' : 'A'}${text.slice(place + 1)}`;
};

describe('a signature', () => {
  it('is that of the golden vector, v1 and v1a', () => {
    expect(signV1(GOLDEN.v1.key, GOLDEN.message)).toBe(GOLDEN.v1.signature);
    expect(signV1a(GOLDEN.v1a.key, GOLDEN.message)).toBe(GOLDEN.v1a.signature);
    expect(publicKeyOf(GOLDEN.v1a.key)).toBe(GOLDEN.v1a.publicKey);
  });

  it('stands in the header once for each kind that is wanted and each key that is live, the newest first', () => {
    const [young, old] = [newSecret(), newSecret()];
    const [youngPair, oldPair] = [newPrivateKey(), newPrivateKey()];
    const keys = [
      { secret: young, privateKey: youngPair },
      { secret: old, privateKey: oldPair },
    ];
    const header = (...some: Parameters<typeof signedHeaders>) =>
      signedHeaders(...some)['webhook-signature']?.split(' ');
    const { message: sent } = GOLDEN;
    const v1 = [signV1(young, sent), signV1(old, sent)];
    const v1a = [signV1a(youngPair, sent), signV1a(oldPair, sent)];
    expect(header(keys, ['v1'], sent)).toEqual(v1);
    expect(header(keys, ['v1a'], sent)).toEqual(v1a);
    expect(header(keys, ['v1a', 'v1'], sent)).toEqual([v1[0], v1a[0], v1[1], v1a[1]]);
    expect(header([keys[0] ?? { secret: '' }, { secret: old }], ['v1', 'v1a'], sent)).toEqual([v1[0], v1a[0], v1[1]]);
  });

  it('is accepted by the standardwebhooks library, which makes the same', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const secret = newSecret();
        const headers = signedHeaders([{ secret }], ['v1'], sent);
        expect(verified(secret, { url: '', headers, body: sent.body }, sentAt)).toEqual(JSON.parse(sent.body));
        expect(new Webhook(secret).sign(sent.id, sentAt, sent.body)).toBe(headers['webhook-signature']);
      }),
    );
  });

  it('is refused when any one character of the body, the id, the timestamp or itself is another', () => {
    const parts = ['body', 'webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
    fc.assert(
      fc.property(message, fc.constantFrom(...parts), fc.nat(), (sent, part, at) => {
        const secret = newSecret();
        const headers = signedHeaders([{ secret }], ['v1'], sent);
        // After `v1,`: another version is not a wrong signature but an unknown one. The last two digits of base64 carry
        // bits that no decoder reads.
        const place = part === 'webhook-signature' ? 3 + (at % 42) : at;
        const forged =
          part === 'body'
            ? { url: '', headers, body: altered(sent.body, at) }
            : { url: '', headers: { ...headers, [part]: altered(String(headers[part]), place) }, body: sent.body };
        expect(() => verified(secret, forged, sentAt)).toThrow();
      }),
    );
  });

  it('is refused under another secret, and by whoever gets it six minutes later', () => {
    const [sent] = fc.sample(message, 1);
    if (!sent) throw new Error('No sample');
    const secret = newSecret();
    const request = { url: '', headers: signedHeaders([{ secret }], ['v1'], sent), body: sent.body };
    expect(() => verified(newSecret(), request, sentAt)).toThrow('No matching signature found');
    expect(() => verified(secret, request, new Date(sentAt.getTime() + 360_000))).toThrow('timestamp too old');
  });
});

describe('a key that cannot be used', () => {
  const pair = newPrivateKey();
  it.each([
    ['', undefined],
    ['whsec_', undefined],
    ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', undefined],
    [undefined, undefined],
    [newSecret(), pair.slice(0, -8)],
    [newSecret(), pair.replace('whsk_', 'whpk_')],
    [newSecret(), undefined, 'v1a'],
  ])('is an error of ours, and its text holds nothing of the key: %#', (secret, privateKey, ...only) => {
    const signatures = only.length > 0 ? (['v1a'] as const) : (['v1', 'v1a'] as const);
    const made = () => signedHeaders([{ secret: secret as string, privateKey }], signatures, GOLDEN.message);
    expect(made).toThrow(KeyUnusable);
    expect(made).toThrow(
      /^A (?:key wh\w+_…|set of keys without one for the signatures that are wanted) cannot be used$/,
    );
  });
});

describe('a key pair', () => {
  it('is whsk_ and 64 bytes, its public half whpk_ and the last 32, never the same', () => {
    const pairs = Array.from({ length: 20 }, newPrivateKey);
    for (const pair of pairs) {
      const bytes = Buffer.from(/^whsk_([A-Za-z0-9+/]{86}==)$/.exec(pair)?.[1] ?? '', 'base64');
      expect(bytes).toHaveLength(64);
      expect(publicKeyOf(pair)).toBe(`whpk_${bytes.subarray(32).toString('base64')}`);
    }
    expect(new Set(pairs).size).toBe(20);
  });
});

describe('a secret', () => {
  it('is whsec_ and 32 random bytes in base64, never the same', () => {
    const secrets = Array.from({ length: 100 }, newSecret);
    for (const secret of secrets) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
    expect(new Set(secrets).size).toBe(100);
  });
});
