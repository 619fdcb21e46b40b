import { createHmac, type KeyObject } from 'node:crypto';
import type { Context } from '../auth/context.ts';
import { count, log } from '../log.ts';
import { eventSummary, sequenceText } from '../record/events.ts';
import { checkpointKey, eventKey, feedPartition } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Condition, type Write, WriteRefused } from '../table/write.ts';
import { localDateOf, plusSeconds } from '../time.ts';
import { follow, genesis, type Link } from './chain.ts';

/**
 * The end of the feed: an event that is 90 days old is folded. Its CloudEvent goes, with the case numbers in it. Its row
 * keeps what the history of its record shows, the code of the record's row, and a keyed code over all of that, by which an
 * audit verifies it, because its hash cannot be computed again. The checkpoint says up to where events are folded and from
 * where the chain of hashes goes on.
 *
 * It is done once a day, in the first lifecycle round that has time. The other rounds read one row.
 */

/** Seconds for which the feed shows an event: 90 days. */
const FEED_S = 90 * 86_400;
/** Events folded in one transaction, which holds 100 writes. */
const CHUNK = 50;
/** Says what the code is for, so that no other code under the same key can stand in its place. */
const DOMAIN = 'livline folded event 1';

/** The checkpoint's row. */
interface Checkpoint extends Link {
  /** The Danish day on which everything that was due had been folded. */
  readonly day?: string | undefined;
}

function foldedCode(key: KeyObject, municipality: string, { sequence, hash, mac = '' }: Row, view: object): string {
  const parts = [DOMAIN, municipality, sequence, hash, mac, JSON.stringify(view)];
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url');
}

/** Whether a folded event is as it was folded. */
export function isWholeFolded(key: KeyObject, municipality: string, row: Row): boolean {
  const { code, ...view } = (row['view'] ?? {}) as { readonly code?: string };
  return code !== undefined && code === foldedCode(key, municipality, row, view);
}

/** Returns the write that folds an event. */
function foldWrite(key: KeyObject, municipality: string, row: Row): Write {
  const folded = eventSummary(row);
  const view = { ...(row['view'] as object), folded };
  return {
    kind: 'update',
    key: eventKey(folded.id),
    set: { view: { ...view, code: foldedCode(key, municipality, row, view) } },
    remove: ['envelope', 'cases', 'redacted'],
    condition: { expression: 'attribute_exists(#envelope)' },
  };
}

/** Writes the checkpoint, on condition that it is where it was read. */
const checkpointWrite = (before: Checkpoint | undefined, after: Checkpoint): Write => {
  const unmoved: Condition = before
    ? { expression: '#sequence = :sequence', values: { sequence: before.sequence } }
    : ABSENT;
  return { kind: 'put', key: checkpointKey, condition: unmoved, item: { type: 'checkpoint', ...after } };
};

/** Folds the next events that are old enough. Returns the checkpoint behind them, undefined where there are none. */
async function foldChunk(ctx: Context, before: Checkpoint | undefined, from: Link): Promise<Checkpoint | undefined> {
  const { rows } = await ctx.table.query({
    index: 'list',
    partition: feedPartition,
    from: sequenceText(from.sequence + 1),
    limit: CHUNK,
  });
  const cutoff = plusSeconds(ctx.now, -FEED_S);
  const young = rows.findIndex((row) => eventSummary(row).at > cutoff);
  const old = young === -1 ? rows : rows.slice(0, young);
  if (old.length === 0) return undefined;
  const { link, fault } = follow(from, old);
  // What was altered stays as it is: folding it would make its new content look whole.
  if (fault) {
    const { requestId, tenant } = ctx;
    log.error('history not folded', { requestId, municipality: tenant.code, sequence: fault.sequence });
    count('LifecycleFailures', 1);
    return undefined;
  }
  const key = await ctx.keys.integrityKey();
  const after = link as Link;
  await ctx.table.transact([checkpointWrite(before, after), ...old.map((row) => foldWrite(key, ctx.tenant.code, row))]);
  return after;
}

/** Folds what is due in one municipality, once a day. */
export async function foldEvents(ctx: Context, hasTime: () => boolean): Promise<void> {
  const day = localDateOf(ctx.now);
  const row = (await ctx.table.get(checkpointKey)) as Checkpoint | undefined;
  if (row?.day === day) return;
  let before = row && { sequence: row.sequence, hash: row.hash };
  try {
    while (hasTime()) {
      const from = before ?? genesis(ctx.tenant.code);
      const next = await foldChunk(ctx, before, from);
      if (!next) return await ctx.table.write(checkpointWrite(before, { ...from, day }));
      before = next;
    }
  } catch (error) {
    // Another round was quicker.
    if (!(error instanceof WriteRefused)) throw error;
  }
}
