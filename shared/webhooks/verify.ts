import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';

/**
 * Verifies webhooks of Livline, or of any other sender that follows Standard Webhooks (https://www.standardwebhooks.com):
 * `v1` (HMAC-SHA256) and `v1a` (Ed25519). For receivers: this file depends on nothing but node:crypto and on no other
 * file, so copy it, or import it.
 *
 *     const { id } = verifyWebhook(process.env.LIVLINE_SECRET, request.headers, rawBody);
 *
 * Give it the body's bytes as they came: JSON that was parsed and written again is another text.
 */

/** The message is not proven to be genuine. Answer 401 and forget it. */
export class WebhookRefused extends Error {
  override name = 'WebhookRefused';
}
/** One of the three headers is missing, given twice or not of its form. */
export class BadHeader extends WebhookRefused {
  override name = 'BadHeader';
}
/** The timestamp is too far from the clock here: an old message sent again, or a clock that is wrong. */
export class BadTimestamp extends WebhookRefused {
  override name = 'BadTimestamp';
}
/** No signature was made over these bytes by any of the keys. */
export class BadSignature extends WebhookRefused {
  override name = 'BadSignature';
}
/** A key that was given is none. That is the receiver's own fault, so it is no {@link WebhookRefused}: mend the settings. */
export class BadKey extends Error {
  override name = 'BadKey';
}

/** Headers by name in any case, as node has them, or the `Headers` of fetch. */
export type WebhookHeaders =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | { get(name: string): string | null };

export interface VerifyOptions {
  /** How far the timestamp may be from now, in either direction. Seconds; 300 if left out. */
  readonly toleranceSeconds?: number;
  /** The clock, in milliseconds since 1970; the machine's if left out. */
  readonly now?: number;
}

/** A message that is genuine. */
export interface Verified {
  /** The event's id, the same on every attempt: who has seen it before has nothing more to do. */
  readonly id: string;
  /** When this attempt was made. */
  readonly sentAt: Date;
}

const TOLERANCE_S = 300;

/**
 * Checks one message against one key or several (a secret `whsec_…`, a public key `whpk_…`): one good signature by any
 * of them is enough, so during a rotation give the old key and the new one.
 * @throws WebhookRefused of the kind that says why; BadKey for a key that is none
 */
export function verifyWebhook(
  keys: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  { toleranceSeconds = TOLERANCE_S, now = Date.now() }: VerifyOptions = {},
): Verified {
  const checks = [keys].flat().map(checkOf);
  if (checks.length === 0) throw new BadKey('A key is needed');

  const id = headerOf(headers, 'webhook-id');
  // What is signed is joined with dots, so an id with one could be read as another id and timestamp.
  if (!/^[^\s.]+$/.test(id)) throw new BadHeader('webhook-id has a dot or a space');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  if (!/^\d{1,12}$/.test(timestamp)) throw new BadHeader('webhook-timestamp is no number of seconds');
  const signatures = headerOf(headers, 'webhook-signature');

  const age = now / 1000 - Number(timestamp);
  if (!(Math.abs(age) <= toleranceSeconds))
    throw new BadTimestamp(`The message is ${age > 0 ? 'too old' : 'from the future'}`);

  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)]);
  const good = signatures.split(' ').some((signature) => checks.some((check) => check(signature, signed)));
  if (!good) throw new BadSignature('No signature is good');
  return { id, sentAt: new Date(Number(timestamp) * 1000) };
}

/** A header that must be there once. */
function headerOf(headers: WebhookHeaders, name: string): string {
  const found =
    typeof headers.get === 'function'
      ? headers.get(name)
      : Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
  if (typeof found !== 'string' || found === '') throw new BadHeader(`${name} is missing or given twice`);
  return found;
}

/** Whether a signature (`v1,…` or `v1a,…`) over the signed bytes is good under one key. */
type Check = (signature: string, signed: Buffer) => boolean;

function checkOf(key: string): Check {
  const [prefix = '', text = ''] = key.split('_', 2);
  const bytes = bytesOf(text);
  if (prefix === 'whsec' && bytes && bytes.length >= 16) {
    return (signature, signed) => {
      const sent = signatureBytes(signature, 'v1,');
      const made = createHmac('sha256', bytes).update(signed).digest();
      return sent?.length === made.length && timingSafeEqual(sent, made);
    };
  }
  if (prefix === 'whpk' && bytes?.length === 32) {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    return (signature, signed) => {
      const sent = signatureBytes(signature, 'v1a,');
      return sent?.length === 64 && verify(null, signed, publicKey, sent);
    };
  }
  throw new BadKey('A key is whsec_… (a secret) or whpk_… (a public key), with its bytes in base64');
}

/** The bytes of a signature of this version. */
const signatureBytes = (signature: string, version: string): Buffer | undefined =>
  signature.startsWith(version) ? bytesOf(signature.slice(version.length)) : undefined;

/** The bytes that a base64 text stands for, if it is the one way to write them: decoders let more than that pass. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}
