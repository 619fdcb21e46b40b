import { createHmac, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** A new endpoint secret: `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Signature scheme"). */
export const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

/** What is signed: Standard Webhooks, "Webhook Headers". */
export interface SignedMessage {
  /** `webhook-id`: the event's id, the same on every attempt. */
  readonly id: string;
  /** `webhook-timestamp`: seconds since 1970 of this attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/** The `v1` signature of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, keyed with the secret's bytes. */
export function signV1(secret: string, { id, timestamp, body }: SignedMessage): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** The headers of a signed request. */
export const signedHeaders = (secret: string, message: SignedMessage): Record<string, string> => ({
  'content-type': 'application/cloudevents+json',
  'user-agent': 'Livline-Webhooks/1.0',
  'webhook-id': message.id,
  'webhook-timestamp': String(message.timestamp),
  'webhook-signature': signV1(secret, message),
});
