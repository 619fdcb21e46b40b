import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import type { Answer, Idempotency } from '../operation.ts';
import { answerKey, eventKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import { expiryAfter } from '../time.ts';
import { requestFingerprint } from './keyed-hash.ts';
import type { View } from './resource.ts';
import { answerOf } from './stored.ts';

/**
 * The answers to requests with an Idempotency-Key. Each is a row beside the request's event, written in the same
 * transaction, and DynamoDB removes it after {@link ANSWER_LIFE_DAYS}. DynamoDB may take days longer, so a row that has
 * expired is not used.
 */

/** Days for which an Idempotency-Key stands for the request that it came with. */
const ANSWER_LIFE_DAYS = 7;

/** What a request was answered. */
interface FirstAnswer {
  readonly status: number;
  /** As text, because DynamoDB gives a map back in any order and a replay gives the same bytes. */
  readonly view: string;
  readonly href: string;
}

/** Returns the write of an answer: refused where the request has one already. */
export const answerWrite = (ctx: Context, eventId: string, fingerprint: string, answer: FirstAnswer): Write => ({
  kind: 'put',
  key: answerKey(eventId),
  condition: ABSENT,
  item: { type: 'answer', fingerprint, answer },
  expiresAt: expiryAfter(ctx.now, ANSWER_LIFE_DAYS),
});

/** Returns the answer to a request, or its event where the answer is gone; undefined where there was no such request. */
export async function readEarlier(ctx: Context, eventId: string): Promise<Row | undefined> {
  const rows = await ctx.table.getMany([answerKey(eventId), eventKey(eventId)]);
  return rows.find(({ type }) => type === 'answer') ?? rows[0];
}

/** Whether a row is an answer that still stands for its request. */
export const isLiveAnswer = (ctx: Context, { type, expiresAt }: Row): boolean =>
  type === 'answer' && Number(expiresAt) * 1000 >= Date.parse(ctx.now);

/** Returns the first answer again. Throws `idempotency_key_reused` where it was the answer to another request. */
export async function replay(ctx: Context, row: Row, { essence }: Idempotency): Promise<Answer> {
  if (row['fingerprint'] !== (await requestFingerprint(ctx, essence))) {
    throw new Problem('idempotency_key_reused', 'This Idempotency-Key came earlier with another request.');
  }
  const { status, view, href } = row['answer'] as FirstAnswer;
  const first = answerOf(status, JSON.parse(view) as View, href);
  return { ...first, headers: { ...first.headers, 'idempotency-replayed': 'true' } };
}

/**
 * Takes the answer of an event, which shows a record as it was. The row stays until it expires, so that a request which is
 * sent again does not create the record again.
 */
export async function forgetAnswer(ctx: Context, eventId: string): Promise<void> {
  const key = answerKey(eventId);
  try {
    await ctx.table.write({ kind: 'update', key, remove: ['fingerprint', 'answer'], condition: PRESENT });
  } catch (error) {
    // It has expired.
    if (!(error instanceof WriteRefused)) throw error;
  }
}
