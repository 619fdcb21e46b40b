import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newSecret, signedHeaders, signV1 } from '#shared/webhooks/sign.ts';
import { verified } from '#test/support/receiver.ts';

/** The golden vector of Standard Webhooks. */
const GOLDEN = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1_614_265_330,
  body: '{"test": 2432232314}',
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

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
  it('is that of the golden vector', () => {
    expect(signV1(GOLDEN.secret, GOLDEN)).toBe(GOLDEN.signature);
  });

  it('is accepted by the standardwebhooks library, which makes the same', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const secret = newSecret();
        const headers = signedHeaders(secret, sent);
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
        const headers = signedHeaders(secret, sent);
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
    const request = { url: '', headers: signedHeaders(secret, sent), body: sent.body };
    expect(() => verified(newSecret(), request, sentAt)).toThrow('No matching signature found');
    expect(() => verified(secret, request, new Date(sentAt.getTime() + 360_000))).toThrow('timestamp too old');
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
