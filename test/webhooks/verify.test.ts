import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newPrivateKey, newSecret, publicKeyOf, signedHeaders } from '#shared/webhooks/sign.ts';
import {
  BadHeader,
  BadKey,
  BadSignature,
  BadTimestamp,
  verifyWebhook,
  WebhookRefused,
} from '#shared/webhooks/verify.ts';
import { GOLDEN } from '#test/support/golden-vectors.ts';

const now = GOLDEN.message.timestamp * 1000;
const headersWith = (signature: string, timestamp = String(GOLDEN.message.timestamp)) => ({
  'webhook-id': GOLDEN.message.id,
  'webhook-timestamp': timestamp,
  'webhook-signature': signature,
});
const { body } = GOLDEN.message;
const genuine = { id: GOLDEN.message.id, sentAt: new Date(now) };
const KEYS = [
  ['v1', GOLDEN.v1.key, GOLDEN.v1.signature],
  ['v1a', GOLDEN.v1a.publicKey, GOLDEN.v1a.signature],
] as const;

describe.each(KEYS)('a %s signature', (version, key, signature) => {
  const headers = headersWith(signature);

  it('of the golden vector is good', () => {
    expect(verifyWebhook(key, headers, body, { now })).toEqual(genuine);
    expect(verifyWebhook([key], headers, Buffer.from(body), { now })).toEqual(genuine);
    expect(verifyWebhook(key, new Headers(headers), new TextEncoder().encode(body), { now })).toEqual(genuine);
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    expect(verifyWebhook(key, upper, body, { now })).toEqual(genuine);
  });

  it('is refused when any one byte of the id, the timestamp, the body or itself is another', () => {
    const parts = ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'body'] as const;
    const sent = { ...headers, body };
    fc.assert(
      fc.property(fc.constantFrom(...parts), fc.nat(), fc.integer({ min: 1, max: 255 }), (part, at, by) => {
        const bytes = Buffer.from(sent[part]);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ by;
        const { body: forged, ...rest } = { ...sent, [part]: part === 'body' ? bytes : bytes.toString('latin1') };
        expect(() => verifyWebhook(key, rest, forged, { now })).toThrow(WebhookRefused);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is refused when the body is longer or shorter, or a part of one header moves into another', () => {
    for (const other of [`${body} `, ` ${body}`, body.slice(0, -1), '', `${body}\n`])
      expect(() => verifyWebhook(key, headers, other, { now })).toThrow(BadSignature);
    const moved = { ...headers, 'webhook-id': `${headers['webhook-id']}.${headers['webhook-timestamp']}` };
    expect(() => verifyWebhook(key, moved, body, { now })).toThrow(BadHeader);
  });

  it('is good among others that are not, and not under another key', () => {
    const others = ['v1,AAAA', 'v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'v1a,', '', ',', 'v1'];
    const among = headersWith([...others, signature, ...others].join(' '));
    expect(verifyWebhook(key, among, body, { now })).toEqual(genuine);
    expect(() => verifyWebhook(key, headersWith(others.join(' ')), body, { now })).toThrow(BadSignature);
    for (const other of [newSecret(), publicKeyOf(newPrivateKey())]) {
      expect(() => verifyWebhook(other, headers, body, { now })).toThrow(BadSignature);
      expect(verifyWebhook([other, key], headers, body, { now })).toEqual(genuine);
    }
    expect(() => verifyWebhook(key, headersWith(signature.replace(version, 'v9')), body, { now })).toThrow(
      BadSignature,
    );
  });
});

describe('a timestamp', () => {
  const [, key, signature] = KEYS[0];
  const at = (seconds: number, options = {}) =>
    verifyWebhook(key, headersWith(signature), body, { now: now + seconds * 1000, ...options });

  it('up to five minutes old or ahead is good, and no other', () => {
    for (const seconds of [-300, -299, 0, 299, 300]) expect(at(seconds)).toEqual(genuine);
    for (const seconds of [-86_400, -301, 301, 86_400]) expect(() => at(seconds)).toThrow(BadTimestamp);
    expect(() => verifyWebhook(key, headersWith(signature), body)).toThrow(BadTimestamp);
    expect(() => at(Number.NaN)).toThrow(BadTimestamp);
  });

  it('may be older where the receiver says so', () => {
    expect(at(3_600, { toleranceSeconds: 3_600 })).toEqual(genuine);
    expect(() => at(1, { toleranceSeconds: 0 })).toThrow(BadTimestamp);
  });

  it.each(['', ' ', '1614265330.0', '+1614265330', '0x60379472', '1614265330 ', 'now', '-1'])(
    'that is %j is none',
    (timestamp) => {
      const headers = { ...headersWith(signature), 'webhook-timestamp': timestamp };
      expect(() => verifyWebhook(key, headers, body, { now })).toThrow(BadHeader);
    },
  );
});

describe('a header', () => {
  const [, key, signature] = KEYS[0];
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const)('%s must be there, once', (name) => {
    const headers = headersWith(signature);
    for (const value of [undefined, '', [headers[name], headers[name]]]) {
      expect(() => verifyWebhook(key, { ...headers, [name]: value }, body, { now })).toThrow(BadHeader);
    }
    const { [name]: _, ...others } = headers;
    expect(() => verifyWebhook(key, new Headers(others), body, { now })).toThrow(BadHeader);
  });
});

describe('a key', () => {
  it.each(['', 'whsec_', 'whpk_AAAA', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', GOLDEN.v1a.key, `${GOLDEN.v1.key}\n`])(
    'that is none (%#) is the fault of the receiver and no refusal, and is not repeated',
    (key) => {
      const run = () => verifyWebhook([GOLDEN.v1.key, key], headersWith(GOLDEN.v1.signature), body, { now });
      expect(run).toThrow(BadKey);
      expect(run).toThrow(/^A key is whsec_… \(a secret\) or whpk_… \(a public key\), with its bytes in base64$/);
      expect(BadKey.prototype).not.toBeInstanceOf(WebhookRefused);
    },
  );

  it('is needed', () => {
    expect(() => verifyWebhook([], headersWith(GOLDEN.v1.signature), body, { now })).toThrow(BadKey);
  });
});

describe('what is sent', () => {
  const message = fc.record({
    id: fc.stringMatching(/^evt_[0-9a-f]{32}$/),
    timestamp: fc.integer({ min: 0, max: 4_102_444_800 }),
    body: fc.string({ unit: 'binary', minLength: 1 }).map((text) => JSON.stringify({ text })),
  });
  const keys = [
    { secret: newSecret(), privateKey: newPrivateKey() },
    { secret: newSecret(), privateKey: newPrivateKey() },
  ];

  it('is good under each of the live keys by itself, whoever checks', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const at = { now: sent.timestamp * 1000 };
        const headers = signedHeaders(keys, ['v1', 'v1a'], sent);
        for (const { secret, privateKey } of keys) {
          expect(verifyWebhook(secret, headers, sent.body, at).id).toBe(sent.id);
          expect(verifyWebhook(publicKeyOf(privateKey), headers, sent.body, at).id).toBe(sent.id);
          const library = new Webhook(secret).sign(sent.id, new Date(at.now), sent.body);
          expect(verifyWebhook(secret, { ...headers, 'webhook-signature': library }, sent.body, at).id).toBe(sent.id);
        }
      }),
      { numRuns: 50 },
    );
  });
});
