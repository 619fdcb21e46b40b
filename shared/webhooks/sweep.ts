import type { Context } from '../auth/context.ts';
import type { Whole } from '../record/stored.ts';
import { duePartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { type Delivery, deliveryOf, HINT_GRACE_S, hintOf, lookAgain, unlessRefused } from './deliveries.ts';
import { warnOfExpiry } from './endpoint-events.ts';
import { GRANT_WATCH, lookAtGrant } from './grant-watch.ts';
import type { SendHints } from './hints.ts';
import { applyMessage } from './inbox-effects.ts';
import { expirePayload } from './inbox-expiry.ts';
import { inboxMessages } from './inbox-messages.ts';
import { type RelayDeps, relayAll } from './relay.ts';

/** The sweeper comes every minute and looks this many seconds ahead, so nothing waits for the next round. */
const LOOK_AHEAD_S = 90;
const PAGE = 100;

/** Hints at deliveries and says when to look again; a hint arrives at its time, not before. */
async function rehint(ctx: Context, deliveries: readonly Delivery[], sendHints: SendHints): Promise<void> {
  const timed = deliveries.map((delivery) => ({
    delivery,
    delayS: Math.max(Date.parse(delivery.notBefore) - Date.parse(ctx.now), 0) / 1000,
  }));
  await sendHints(timed.map(({ delivery, delayS }) => ({ ...hintOf(ctx, delivery), delayS })));
  // What is refused was looked at meanwhile, which is what the hint was for.
  await Promise.all(
    timed.map(({ delivery, delayS }) =>
      unlessRefused(ctx.table.write(lookAgain(delivery, plusSeconds(ctx.now, delayS + HINT_GRACE_S)))),
    ),
  );
}

/** What the sort key of the due index says: when, what, which. */
function dueOf(row: Row): { at: Instant; what: string; id: string } {
  const [at = '', what = '', id = ''] = String(row['dueSk']).split('#');
  return { at, what, id };
}

/** Overdue, or due soon at the very time of its attempt: then no hint is on its way, because it was too far for one. */
const isUnhinted = (at: Instant, { notBefore }: Delivery, now: Instant): boolean => at <= now || at === notBefore;

/**
 * Takes up all of one municipality that somebody should have looked at by now: events that the stream did not bring to
 * the relay, deliveries whose hint was lost, leases that ran out, messages to the inbox that were not applied or whose
 * payload's time is over, client certificates about to expire, deliveries that wait for a live grant. One Query for each
 * page of what is due, nothing else. What there is no time for is left to the next round.
 */
export async function sweep(ctx: Context, deps: RelayDeps, hasTime: () => boolean): Promise<void> {
  const { principals, sendHints } = deps;
  const to = plusSeconds(ctx.now, LOOK_AHEAD_S);
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ index: 'due', partition: duePartition, to, after, limit: PAGE });
    const due = page.rows.map((row) => ({ row, ...dueOf(row) }));
    const overdue = (wanted: string) => due.filter(({ at, what }) => what === wanted && at <= ctx.now);
    const unrelayed = overdue('relay').map(({ id }) => id);
    const unhinted = due.flatMap(({ row, at }) => {
      const delivery = deliveryOf(row);
      return delivery && isUnhinted(at, delivery, ctx.now) ? [delivery] : [];
    });
    if (unrelayed.length > 0) await relayAll(ctx, unrelayed, deps);
    if (unhinted.length > 0) await rehint(ctx, unhinted, sendHints);
    for (const { row, id } of overdue(inboxMessages.path)) {
      const isReceived = (row['view'] as Whole).status === 'received';
      await (isReceived ? applyMessage(ctx, principals, id) : expirePayload(ctx, id));
    }
    for (const { at, row } of overdue('webhook-endpoints')) await warnOfExpiry(ctx, row['view'] as Whole, at);
    // Whenever it comes, because the clock is woken by a grant that is given.
    for (const { what, row } of due) if (what === GRANT_WATCH) await lookAtGrant(ctx, deps, row);
    after = page.last;
  } while (after !== undefined && hasTime());
}
