import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { type Operation, param } from '../operation.ts';
import { purposeOf } from '../privacy/access-log.ts';
import { instant, line, reference, sensitive, setOf, whole } from '../record/fields.ts';
import { operationsOf } from '../record/operations.ts';
import { getRecord } from '../record/read.ts';
import { defineResource, type Fields } from '../record/resource.ts';
import { openFields, sealField } from '../record/sealing.ts';
import { type Key, partKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import type { Write } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';

/** Seconds after which the clock applies a message that was stored and, for want of a living process, not applied. */
const APPLY_GRACE_S = 60;

/** Seconds for which the payload of a message is kept after it was applied or a person decided on it: 30 days. */
const PAYLOAD_KEPT_S = 30 * 86_400;
const ENDED = ['applied', 'resolved', 'dismissed'];

/** Returns when a message loses its payload; undefined while it has not ended, and once it has none. */
export const payloadEndsAt = ({ status, statusAt, ...message }: Fields): Instant | undefined =>
  ENDED.includes(String(status)) && message['payload'] !== undefined
    ? plusSeconds(String(statusAt), PAYLOAD_KEPT_S)
    : undefined;

/** Ids that a message may have besides the one that it is about: each is a row beside it, in the same transaction. */
export const MOST_MENTIONS = 50;

/** Characters of a message in its own row. Written as JSON text one has up to six bytes, and a row holds 400 KB. */
const PART = 60_000;

/** Messages of one connection that wait for a person at most, and the bytes they may have together. */
export const MOST_OPEN = { open: 1_000, bytes: 20_000_000 } as const;
/** Seconds after which a sender may try again: a person has to decide on messages that wait first. */
const FULL_RETRY_S = 300;

const isFull = (): Problem =>
  new Problem(
    'too_many_requests',
    'Too many messages of this connection wait for a person. Send this one again when some have been decided on.',
    [],
    { 'retry-after': String(FULL_RETRY_S) },
  );

/** What came in through a connection, from when it is durable until it is applied or a person has decided on it. */
export const inboxMessages = defineResource({
  path: 'inbox',
  name: 'inbox-message',
  danish: 'Indgående besked',
  summary: 'A message from a connection. What cannot be applied waits as `unresolved`, with the reason, for a person.',
  scopes: { read: 'webhooks:read', write: 'webhooks:write' },
  fields: () => ({
    connectionId: reference('The connection whose secret signed it (forbindelse).'),
    messageId: line("The sender's id of it (besked-id): its `webhook-id`.", 255),
    sentAt: instant('When it was sent, UTC (afsendt): its `webhook-timestamp`.'),
    type: line('What it tells (beskedtype), such as `case.linked`; absent where it says none.', 100).optional(),
    objectId: reference('The record that it says it is about (objekt-id), where it says one.')
      .meta({ examples: ['01930000-0000-7000-8000-000000000003'] })
      .optional(),
    mentions: setOf(
      'Ids that stand anywhere in the message besides `objectId` (nævnte id’er): the erasure of one of them takes the payload.',
      reference('An id of a record (post-id), or of something else.'),
      MOST_MENTIONS,
    ).optional(),
    bytes: whole('Size of the message (størrelse), 0–1,048,576 bytes.', 0, 1_048_576),
    payload: sensitive(
      z
        .string()
        .describe(
          'The message as it came (indhold), JSON in UTF-8, until 30 days after it was applied, resolved or dismissed.',
        ),
    ),
  }),
  machine: {
    steps: {
      received: ['applied', 'unresolved'],
      applied: [],
      unresolved: ['resolved', 'dismissed'],
      resolved: [],
      dismissed: [],
    },
    reasonFor: ['unresolved', 'resolved', 'dismissed'],
  },
  events: {
    status: {
      received: 'received',
      applied: 'applied',
      unresolved: 'unresolved',
      resolved: 'resolved',
      dismissed: 'dismissed',
    },
  },
  order: (message) => message.createdAt,
  filters: {
    status: (message) => message.status,
    connectionId: (message) => message.connectionId,
    objectId: (message) => message.objectId,
  },
  mentions: ({ mentions = [] }) => mentions,
  due: (message) =>
    message.status === 'received' ? plusSeconds(message.createdAt, APPLY_GRACE_S) : payloadEndsAt(message),
  locks: ({ connectionId, messageId }) => [
    { name: ['inbox', connectionId, messageId], detail: 'This message has come before.' },
  ],
  tallies: ({ connectionId, status, bytes }) =>
    ['received', 'unresolved'].includes(String(status))
      ? [{ name: ['inbox', connectionId], amounts: { open: 1, bytes }, most: MOST_OPEN, refusal: isFull }]
      : [],
  settle: ({ ctx, after, entering = '' }) => {
    const isInbox = ctx.actor.kind === 'system' || ctx.actor.id === after.connectionId;
    if (['applied', 'unresolved'].includes(entering) && !isInbox)
      throw new Problem('illegal_transition', 'What came in is applied by Livline alone. Resolve or dismiss it.');
    return {};
  },
  example: {
    connectionId: '01930000-0000-7000-8000-000000000033',
    messageId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    sentAt: '2026-11-20T08:59:58.000Z',
    type: 'case.linked',
    bytes: 33,
    payload: '{"type":"case.linked","data":{}}',
  },
});

/** A message's text as its record's `payload`, and what does not fit in there as rows beside it. */
export function inParts(
  ctx: Context,
  text: string,
): { payload: string; beside: (id: string) => Promise<readonly Write[]> } {
  const rest = Array.from({ length: Math.ceil(text.length / PART) - 1 }, (_, at) =>
    text.slice((at + 1) * PART, (at + 2) * PART),
  );
  const beside = (id: string) =>
    Promise.all(
      rest.map(async (part, at): Promise<Write> => {
        const payload = await sealField(ctx, id, `payload.${at}`, part);
        return { kind: 'put', key: partKey(id, at), item: { type: 'part', sensitive: { payload } } };
      }),
    );
  return { payload: text.slice(0, PART), beside };
}

/** The rows beside a message. */
async function partRows(ctx: Context, id: string): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ partition: partKey(id, 0).pk, from: 'P#', to: 'P$', after, limit: 20 });
    rows.push(...page.rows);
    after = page.last;
  } while (after !== undefined);
  return rows;
}

/** Keys of the rows beside a message. */
export const partsOf = async (ctx: Context, id: string): Promise<Key[]> =>
  (await partRows(ctx, id)).map((_, at) => partKey(id, at));

/** A message's whole text, of which `payload` is the beginning. */
export async function wholePayload(ctx: Context, id: string, payload: string): Promise<string> {
  if (payload.length < PART) return payload;
  const sealed = (await partRows(ctx, id)).map((row) => (row['sensitive'] as { payload: string }).payload);
  const rest = await openFields(ctx, id, Object.fromEntries(sealed.map((text, at) => [`payload.${at}`, text])));
  return [payload, ...Object.values(rest)].join('');
}

/** The operations on the inbox: messages are made by who sends them, and a person only decides on them. */
export const inboxOperations = (): Operation<Context>[] =>
  operationsOf(inboxMessages)
    .filter(({ id }) => !/^(?:create|update|upsert)-|-by-external-id$/.test(id))
    .map((operation) => {
      if (operation.id === 'change-inbox-message-status')
        return { ...operation, example: { status: 'resolved', reason: 'Linked by hand.' } };
      if (operation.id !== 'get-inbox-message') return operation;
      return {
        ...operation,
        run: async (ctx, request) => {
          const id = param(request, 'id');
          const answer = await getRecord(ctx, inboxMessages, { id }, purposeOf(request));
          const { payload, ...view } = answer.body as Fields;
          if (typeof payload !== 'string') return answer;
          return { ...answer, body: { ...view, payload: await wholePayload(ctx, id, payload) } };
        },
      };
    });
