import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import type { Answer, Idempotency } from '../operation.ts';
import { eventKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { plusSeconds } from '../time.ts';
import { requestFingerprint } from './keyed-hash.ts';
import type { View } from './resource.ts';
import { answerOf } from './stored.ts';

/** A row that the change was decided on has been changed by another request: decide again. */
export class Outrun extends Error {}
/** The request's event is there already: the request was done before. */
export class Done extends Error {
  readonly event: Row | undefined;

  constructor(event: Row | undefined) {
    super();
    this.event = event;
  }
}

/** Days for which an Idempotency-Key stands for the request it came with. */
const KEY_LIFE_DAYS = 7;
/** How often a change is decided anew because others were quicker. */
const TRIES = 12;
/** Milliseconds between them, at most, doubling; the first ones come at once. */
const pauseOf = (attempt: number): number => (attempt < 3 ? 0 : Math.random() * Math.min(400, 2 ** attempt * 4));

/**
 * Runs a change so that one request has one effect. A request whose event exists already gets the first answer, also
 * when a rule now refuses it or its If-Match has become stale through its own first success. The event is named by
 * client and key, so two at the same instant meet in the database. A key older than a week names a new event.
 */
export async function once(
  ctx: Context,
  idempotency: Idempotency | undefined,
  run: (eventId: string | undefined) => Promise<Answer>,
): Promise<Answer> {
  let eventId = idempotency && derivedId('evt', ctx.tenant.code, ctx.actor.id, idempotency.key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(eventId);
    } catch (error) {
      const expected = error instanceof Problem || error instanceof Done || error instanceof Outrun;
      if (!expected) throw error;
      const earlier = error instanceof Done ? error.event : eventId && (await ctx.table.get(eventKey(eventId)));
      if (earlier && idempotency) {
        if ((earlier['at'] as string) >= plusSeconds(ctx.now, -KEY_LIFE_DAYS * 86_400))
          return await replay(ctx, earlier, idempotency);
        eventId = derivedId('evt', ctx.tenant.code, eventId as string);
      } else if (error instanceof Problem) throw error;
      if (attempt === TRIES) {
        throw new Problem('in_flight', 'Others are changing the same data at this moment.', [], { 'retry-after': '1' });
      }
      await pause(pauseOf(attempt));
    }
  }
}

async function replay(ctx: Context, event: Row, { essence }: Idempotency): Promise<Answer> {
  const request = event['request'] as
    | { fingerprint: string; answer: { status: number; view: string; href: string } }
    | undefined;
  if (request?.fingerprint !== (await requestFingerprint(ctx, essence))) {
    throw new Problem('idempotency_key_reused', 'This Idempotency-Key came earlier with another request.');
  }
  const { status, view, href } = request.answer;
  const first = answerOf(status, JSON.parse(view) as View, href);
  return { ...first, headers: { ...first.headers, 'idempotency-replayed': 'true' } };
}
