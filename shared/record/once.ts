import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import type { Answer, Idempotency } from '../operation.ts';
import type { Row } from '../table/scoped-table.ts';
import { isLiveAnswer, readEarlier, replay } from './answers.ts';

/** A row that the change was decided on has been changed by another request: decide again. */
export class Outrun extends Error {}
/** The request was done before: its answer or its event is there already. */
export class Done extends Error {
  /** The row that is there. */
  readonly row: Row | undefined;

  constructor(row: Row | undefined) {
    super();
    this.row = row;
  }
}

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
      const earlier = error instanceof Done ? error.row : eventId && (await readEarlier(ctx, eventId));
      if (earlier && idempotency) {
        if (isLiveAnswer(ctx, earlier)) return await replay(ctx, earlier, idempotency);
        eventId = derivedId('evt', ctx.tenant.code, eventId as string);
      } else if (error instanceof Problem) throw error;
      if (attempt === TRIES) {
        throw new Problem('in_flight', 'Others are changing the same data at this moment.', [], { 'retry-after': '1' });
      }
      await pause(pauseOf(attempt));
    }
  }
}
