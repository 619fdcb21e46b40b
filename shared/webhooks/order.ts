import type { Context } from '../auth/context.ts';
import { deliveryKey, duePartition, orderKey } from '../table/keys.ts';
import { freshVersion, isVersion, PRESENT, unchangedSince, type Write, WriteRefused } from '../table/write.ts';
import { plusSeconds } from '../time.ts';
import { type Delivery, HINT_GRACE_S, unlessRefused } from './deliveries.ts';

/**
 * Order on an ordered endpoint: one row for each endpoint and subject names the deliveries that are not finished, and the
 * first of them alone may be attempted. A delivery enters and leaves it in the very transaction in which it comes to be
 * and is finished, so nobody can pass and nobody is forgotten; other subjects have rows of their own and never wait. The
 * last one takes the row with it.
 */
interface Line {
  readonly version: number;
  /** The deliveries that are not finished, by id. */
  readonly waiting: Readonly<Record<string, Place>>;
}

interface Place {
  readonly sequence: number;
  readonly eventId: string;
}

const EMPTY: Line = { version: 0, waiting: {} };
/** More deliveries about one subject than are committed at one instant. */
const TRIES = 20;

async function readLine(ctx: Context, endpointId: string, subject: string): Promise<Line> {
  const row = await ctx.table.get(orderKey(endpointId, subject));
  return row ? (row as unknown as Line) : EMPTY;
}

const first = ({ waiting }: Line): { readonly id: string; readonly eventId: string } | undefined => {
  const [head] = Object.entries(waiting).sort(([, a], [, b]) => a.sequence - b.sequence);
  return head && { id: head[0], eventId: head[1].eventId };
};

/**
 * Whether a delivery may be attempted as far as order goes. One that has to wait is taken off the clock, if the line is
 * still as it was read: whoever leaves before it puts it back, in the transaction of leaving.
 */
export async function isFirst(ctx: Context, { id, version, endpointId, order }: Delivery): Promise<boolean> {
  if (!order) return true;
  const line = await readLine(ctx, endpointId, order.subject);
  const head = first(line);
  if (head === undefined || head.id === id) return true;
  await unlessRefused(
    ctx.table.transact([
      { kind: 'update', key: deliveryKey(id), unindex: ['due'], condition: isVersion(version) },
      { kind: 'check', key: orderKey(endpointId, order.subject), condition: isVersion(line.version) },
    ]),
  );
  return false;
}

/** Puts the delivery whose turn has come back on the clock. */
const wake = (ctx: Context, id: string): Write => ({
  kind: 'update',
  key: deliveryKey(id),
  index: { due: { pk: duePartition, sk: [plusSeconds(ctx.now, HINT_GRACE_S), 'deliver', id] } },
  condition: PRESENT,
});

/** The delivery whose turn it is after one has left, as a hint names it. */
export async function nextInLine(
  ctx: Context,
  { endpointId, order }: Delivery,
): Promise<{ readonly id: string; readonly eventId: string; readonly endpointId: string } | undefined> {
  if (!order) return undefined;
  const head = first(await readLine(ctx, endpointId, order.subject));
  return head && { ...head, endpointId };
}

/**
 * Commits writes of a delivery with what they change of its line. Without an order there is nothing to change, and one write by itself costs half. Throws
 * `WriteRefused` where one of the given writes is refused.
 */
export async function commitInLine(
  ctx: Context,
  delivery: Delivery,
  change: 'enter' | 'leave',
  writes: readonly Write[],
): Promise<void> {
  const { order, endpointId, id, eventId } = delivery;
  const [only, ...others] = writes;
  if (!order) return only && others.length === 0 ? ctx.table.write(only) : ctx.table.transact(writes);
  for (let attempt = 1; ; attempt += 1) {
    const { version, waiting } = await readLine(ctx, endpointId, order.subject);
    const { [id]: _, ...rest } = waiting;
    const remaining = change === 'leave' ? rest : { ...rest, [id]: { sequence: order.sequence, eventId } };
    const row = { key: orderKey(endpointId, order.subject), condition: unchangedSince(version) };
    const item = { type: 'order', version: version === 0 ? freshVersion() : version + 1, waiting: remaining };
    const line: Write =
      Object.keys(remaining).length === 0 ? { ...row, kind: 'delete' } : { ...row, kind: 'put', item };
    const next = change === 'leave' && first({ version, waiting: rest });
    try {
      return await ctx.table.transact([...writes, line, ...(next ? [wake(ctx, next.id)] : [])]);
    } catch (error) {
      const outrun = error instanceof WriteRefused && error.at >= writes.length;
      if (!outrun || attempt === TRIES) throw error;
    }
  }
}
