import { timingSafeEqual } from 'node:crypto';
import type { Context } from '../auth/context.ts';
import type { Principals } from '../auth/principals.ts';
import { type Connected, inboxContext, notSigned } from '../auth/signature.ts';
import { invalid, Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { parseJson, requireBounded } from '../json.ts';
import { type Operation, param } from '../operation.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { Fields } from '../record/resource.ts';
import { parse } from '../record/validate.ts';
import { createRecord } from '../record/verbs.ts';
import type { Store } from '../table/store.ts';
import { instantOf } from '../time.ts';
import { applyMessage, MESSAGE_KINDS, readMessage } from './inbox-effects.ts';
import { inboxMessages, inParts, MOST_MENTIONS } from './inbox-messages.ts';
import { isMessageKind } from './message-kinds.ts';
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
  readonly principals: Principals;
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
  return [objectId, childId].map((id) => String(id).toLowerCase()).find(isId);
}

const UUIDS = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** The text of a message without escapes; where a name stands twice in an object, without its first value. */
function unescaped(text: string): string {
  try {
    return JSON.stringify(parseJson(text));
  } catch {
    return text;
  }
}

/**
 * Returns the ids that stand anywhere in a message, in whatever field and spelling, besides the one that it is about. Throws
 * 422 where they are more than can be remembered: the erasure of a person must find each message that names that person.
 */
function mentionsIn(text: string, objectId: string | undefined): string[] {
  const ids = new Set(
    [text, unescaped(text)]
      .flatMap((each) => each.match(UUIDS) ?? [])
      .map((id) => id.toLowerCase())
      .filter(isId),
  );
  if (objectId !== undefined) ids.delete(objectId);
  if (ids.size > MOST_MENTIONS)
    throw invalid('', `A message names at most ${MOST_MENTIONS} ids besides the one that it is about.`, 'too_long');
  return [...ids];
}

/**
 * Throws `forbidden` for a kind of message that the connection does not take, and 422 for one whose data have another
 * form than its kind has: waiting would mend neither. A message of an unknown kind is kept for a person.
 */
function requireFitting(kinds: readonly string[], type: unknown, data: unknown): void {
  if (!isMessageKind(type)) return;
  if (!kinds.includes(type)) {
    throw new Problem('forbidden', `This connection takes no ${type}: its \`kinds\` do not name it.`);
  }
  parse(MESSAGE_KINDS[type].data(), data, '/data');
}

/** Stores a message, on condition that it has not come before, and applies it. */
async function take({ ctx, kinds }: Connected, { principals }: Door, { id, timestamp, text }: Sent): Promise<void> {
  const { payload, beside } = inParts(ctx, text);
  const { type, data } = readMessage(text) ?? {};
  requireFitting(kinds, type, data);
  const objectId = objectOf(data);
  const mentions = mentionsIn(text, objectId);
  const fields = {
    connectionId: ctx.actor.id,
    messageId: id,
    sentAt: instantOf(new Date(timestamp * 1000)),
    ...(typeof type === 'string' && TYPE.test(type) && { type }),
    ...(objectId !== undefined && { objectId }),
    ...(mentions.length > 0 && { mentions }),
    bytes: Buffer.byteLength(text),
    payload,
  };
  try {
    const { body } = await createRecord(ctx, inboxMessages, fields, { beside });
    await applyMessage(ctx, principals, (body as { id: string }).id);
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
  run: async (door, request) => {
    const { now, requestId, charge } = door;
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
    const connected = await inboxContext(door, signed, requestId, now);
    await charge(connected.ctx);
    requireBounded(text);
    await take(connected, door, { id, timestamp, text });
    return { status: 202 };
  },
};
