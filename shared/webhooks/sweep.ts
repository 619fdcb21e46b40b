import type { Context } from '../context.ts';
import { duePartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { WriteRefused } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { type Delivery, deliveryOf, HINT_GRACE_S, hintOf, nextDelivery } from './deliveries.ts';
import type { SendHints } from './hints.ts';
import { relay } from './relay.ts';

/** The sweeper comes every minute and looks this many seconds ahead, so nothing waits for the next round. */
const LOOK_AHEAD_S = 90;
const PAGE = 100;

/** Hints at a delivery and says when to look again; the hint arrives at its time, not before. */
async function rehint(ctx: Context, delivery: Delivery, sendHints: SendHints): Promise<void> {
  const lookFrom = [delivery.leaseUntil ?? delivery.notBefore, ctx.now].sort()[1] as Instant;
  await sendHints([{ ...hintOf(ctx, delivery), delayS: (Date.parse(lookFrom) - Date.parse(ctx.now)) / 1000 }]);
  try {
    await ctx.table.write(nextDelivery(delivery, {}, plusSeconds(lookFrom, HINT_GRACE_S)).write);
  } catch (error) {
    // It was attempted meanwhile, which is what the hint was for.
    if (!(error instanceof WriteRefused)) throw error;
  }
}

/** What the sort key of the due index says: when, what, which. */
const dueOf = (row: Row): string[] => String(row['dueSk']).split('#');

/**
 * Takes up all of one municipality that somebody should have looked at by now: events that the stream did not bring to
 * the relay, deliveries whose hint was lost, leases that ran out. One Query for each page of what is due, nothing else.
 */
export async function sweep(ctx: Context, sendHints: SendHints): Promise<void> {
  const to = plusSeconds(ctx.now, LOOK_AHEAD_S);
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ index: 'due', partition: duePartition, to, after, limit: PAGE });
    const unrelayed = page.rows
      .map(dueOf)
      .flatMap(([at = '', what, id = '']) => (what === 'relay' && at <= ctx.now ? [id] : []));
    const deliveries = page.rows.map(deliveryOf).filter((delivery) => delivery !== undefined);
    if (unrelayed.length > 0) await relay(ctx, unrelayed, sendHints);
    await Promise.all(deliveries.map((delivery) => rehint(ctx, delivery, sendHints)));
    after = page.last;
  } while (after !== undefined);
}
