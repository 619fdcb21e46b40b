import { timingSafeEqual } from 'node:crypto';
import type { Context } from '../auth/context.ts';
import { inboxContext, notSigned } from '../auth/signature.ts';
import { Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { requireBounded } from '../json.ts';
import { type Operation, param } from '../operation.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { Fields } from '../record/resource.ts';
import { createRecord } from '../record/verbs.ts';
import type { Store } from '../table/store.ts';
import { instantOf } from '../time.ts';
import { applyMessage, readMessage } from './inbox-effects.ts';
import { inboxMessages, inParts } from './inbox-messages.ts';
import { newSecret, signV1 } from './sign.ts';

/** Seconds by which the sender's clock may differ from ours, either way (Standard Webhooks, "Verifying webhooks"). */
const WINDOW_S = 300;
/** Stands in where there is no such connection, so that an unknown one takes as long to refuse as a known one. */
const NOBODYS = newSecret();
const MESSAGE_ID = /^[\x21-\x7e]{1,255}$/;
/** A type of message in words. Anything else may be a value that is nobody's to see. */
const TYPE = /^[a-z][a-z_.-]{0,99}$/;

/** What an inbox works with, before it is known who calls. */
export interface Door {
  readonly store: Store;
  readonly now: Date;
  readonly requestId: string;
  /** Takes a proven message from its connection's quota. */
  readonly charge: (ctx: Context) => Promise<void>;
}

/** A message as it came, its sender not proven yet. */
interface Sent {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly text: string;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The id of the record that a message says it is about; undefined where it says none. */
function objectOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { objectId, childId } = data as Fields;
  return [objectId, childId].find((id) => typeof id === 'string' && isId(id)) as string | undefined;
}

/** Stores a message, on condition that it has not come before, and applies it. */
async function take(ctx: Context, connectionId: string, { id, timestamp, text }: Sent): Promise<void> {
  const { payload, beside } = inParts(ctx, text);
  const { type, data } = readMessage(text) ?? {};
  const objectId = objectOf(data);
  const fields = {
    connectionId,
    messageId: id,
    sentAt: instantOf(new Date(timestamp * 1000)),
    ...(typeof type === 'string' && TYPE.test(type) && { type }),
    ...(objectId !== undefined && { objectId }),
    payload,
  };
  try {
    const { body } = await createRecord(ctx, inboxMessages, fields, { beside });
    await applyMessage(ctx, (body as { id: string }).id);
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'already_exists')) throw error;
  }
}

/**
 * Takes one message into a municipality's inbox. It carries no token: its signature over the bytes as they came, under a
 * secret of the connection in the path and within five minutes, is what lets it in.
 */
export const receiveMessage: Pick<Operation<Door>, 'method' | 'path' | 'body' | 'run'> = {
  method: 'POST',
  path: `${TENANT_BASE}/inbox/{id}`,
  run: async ({ store, now, requestId, charge }, request) => {
    const { text } = request;
    const [id = '', time = '', signatures = ''] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
      request.header(name),
    );
    const timestamp = Number(time);
    const fresh = /^\d{1,12}$/.test(time) && Math.abs(now.getTime() / 1000 - timestamp) <= WINDOW_S;
    if (!fresh || !MESSAGE_ID.test(id)) throw notSigned();
    const connectionId = param(request, 'id');
    const signedWith = (secret: string): boolean => {
      const expected = signV1(secret === '' ? NOBODYS : secret, { id, timestamp, body: text });
      return signatures.split(' ').some((signature) => isSame(signature, expected));
    };
    const signed = { code: param(request, 'code'), connectionId, signedWith };
    const ctx = await inboxContext(store, signed, requestId, now);
    await charge(ctx);
    requireBounded(text);
    await take(ctx, connectionId, { id, timestamp, text });
    return { status: 202 };
  },
};
