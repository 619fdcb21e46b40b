import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Caller, Reply } from './livline.ts';

/** A connection as its creation answered. */
export interface Connected {
  readonly id: string;
  readonly secret: string;
}

interface Sending {
  readonly id?: string;
  readonly at?: Date;
}

/** The headers that a case system sends with a body, signed by a library that is not ours. */
export function signedBy(secret: string, body: string, { id = `msg_${randomUUID()}`, at = new Date() }: Sending) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
}

/** Sends a message as a case system does, signed with its connection's secret at the instance's time. */
export function sendSigned(
  by: Caller,
  { id, secret }: Connected,
  message: object,
  sending: Sending = {},
): Promise<Reply> {
  const raw = JSON.stringify(message);
  return by.inbox(id, { raw, headers: signedBy(secret, raw, { at: by.now(), ...sending }) });
}
