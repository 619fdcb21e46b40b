import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/**
 * Keys and signatures of Standard Webhooks ("Signature scheme"). `v1` is HMAC-SHA256 under a secret that both sides
 * know; `v1a` is Ed25519, whose public half is all that a receiver needs, so nothing secret has to be handed over.
 */
export const SIGNATURES = ['v1', 'v1a'] as const;
export type Signature = (typeof SIGNATURES)[number];

/** One generation of an endpoint's keys. */
export interface SigningKey {
  /** `whsec_` and 32 bytes in base64. */
  readonly secret: string;
  /** `whsk_` and 64 bytes in base64: the seed and the public key. Only where `v1a` is wanted. */
  readonly privateKey?: string | undefined;
}

/** What is signed: Standard Webhooks, "Webhook Headers". */
export interface SignedMessage {
  /** `webhook-id`: the event's id, the same on every attempt. */
  readonly id: string;
  /** `webhook-timestamp`: seconds since 1970 of this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/** A key of ours cannot be used. That is no fault of the receiver, so it must not count as a failure of its endpoint. */
export class KeyUnusable extends Error {
  constructor(what: string) {
    super(`${what} cannot be used`);
    this.name = 'KeyUnusable';
  }
}

const SECRET_BYTES = 32;
/** An Ed25519 seed has as many bytes as the public key made of it. */
const HALF = 32;

/** A new secret for `v1`. */
export const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/** A new key pair for `v1a`, as its private half is written. */
export function newPrivateKey(): string {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return `whsk_${Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]).toString('base64')}`;
}

/** The bytes of a key, or KeyUnusable where the text is not that of one. */
function bytesOf(key: string | undefined, prefix: 'whsec_' | 'whsk_', length?: number): Buffer {
  const bytes = Buffer.from(key?.startsWith(prefix) ? key.slice(prefix.length) : '', 'base64');
  if (length === undefined ? bytes.length === 0 : bytes.length !== length) throw new KeyUnusable(`A key ${prefix}…`);
  return bytes;
}

/** The public half of a private key, as it is published: `whpk_` and 32 bytes in base64. */
export const publicKeyOf = (privateKey: string): string =>
  `whpk_${bytesOf(privateKey, 'whsk_', 2 * HALF)
    .subarray(HALF)
    .toString('base64')}`;

/** What a signature is made over. */
const signedContent = ({ id, timestamp, body }: SignedMessage): Buffer => Buffer.from(`${id}.${timestamp}.${body}`);

/** The `v1` signature of a message: HMAC-SHA256 keyed with the secret's bytes. */
export const signV1 = (secret: string, message: SignedMessage): string =>
  `v1,${createHmac('sha256', bytesOf(secret, 'whsec_')).update(signedContent(message)).digest('base64')}`;

/** The `v1a` signature of a message: Ed25519. */
export function signV1a(privateKey: string, message: SignedMessage): string {
  const bytes = bytesOf(privateKey, 'whsk_', 2 * HALF);
  const [d, x] = [bytes.subarray(0, HALF), bytes.subarray(HALF)].map((half) => half.toString('base64url'));
  const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: d ?? '', x: x ?? '' }, format: 'jwk' });
  return `v1a,${sign(null, signedContent(message), key).toString('base64')}`;
}

/**
 * The headers of a signed request, with a signature of every kind asked for by every key that is live, the newest key
 * first. A key from before `v1a` was switched on has no private half and signs `v1` alone.
 * @throws KeyUnusable where no signature comes of them
 */
export function signedHeaders(
  keys: readonly SigningKey[],
  signatures: readonly Signature[],
  message: SignedMessage,
): Record<string, string> {
  const made = keys.flatMap(({ secret, privateKey }) => [
    ...(signatures.includes('v1') ? [signV1(secret, message)] : []),
    ...(signatures.includes('v1a') && privateKey !== undefined ? [signV1a(privateKey, message)] : []),
  ]);
  if (made.length === 0) throw new KeyUnusable('A set of keys without one for the signatures that are wanted');
  return {
    'content-type': 'application/cloudevents+json',
    'user-agent': 'Livline-Webhooks/1.0',
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestamp),
    'webhook-signature': made.join(' '),
  };
}
