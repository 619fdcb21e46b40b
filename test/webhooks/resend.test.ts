import { beforeAll, describe, expect, it, vi } from 'vitest';
import { scopedTable } from '#shared/table/scoped-table.ts';
import { deliveryIdOf, newDelivery, nextDelivery } from '#shared/webhooks/deliveries.ts';
import type { PostResult } from '#shared/webhooks/egress.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const TAKEN: PostResult = { status: 204, durationMs: 1 };
const DOWN: PostResult = { status: 500, durationMs: 1 };
const UNREACHED: PostResult = { error: 'CONNECT_REFUSED', durationMs: 1 };
const EVER = { since: '2026-01-01T00:00:00Z' };

interface Subscribed {
  readonly at: Caller;
  readonly pipeline: Pipeline;
  /** Path of the endpoint. */
  readonly path: string;
}

async function subscribed(fields: Record<string, unknown> = {}): Promise<Subscribed> {
  const at = await livline.freshMunicipality();
  const { id } = await subscribe(livline, at, 'receiver', { types: ['family.*'], ...fields });
  return { at, path: `/webhook-endpoints/${id}`, pipeline: startPipeline(livline, at.code) };
}

/** Commits some events and posts them at once to a receiver that answers so. */
async function commit({ at, pipeline }: Subscribed, count: number, answer: PostResult): Promise<void> {
  pipeline.answer(() => answer);
  for (let number = 0; number < count; number += 1) await createFamily(at, `Familie ${number}`);
  await pipeline.relayFresh();
  await pipeline.drain();
}

const deliveriesOf = async ({ at, path }: Subscribed): Promise<Reply['body'][]> =>
  (await at.get(`${path}/deliveries`, { limit: '200' })).body.items;

/** Repairs the receiver. Whatever is posted from now on is posted without a minute passing. */
function repair({ pipeline }: Subscribed): void {
  pipeline.answer(() => TAKEN);
  pipeline.received.length = 0;
}

describe('POST deliveries/{id}/resend', () => {
  it('sends a delivery that waits for its next attempt at once, and counts its attempts on', async () => {
    const to = await subscribed();
    await commit(to, 1, DOWN);
    livline.advance(5);
    await to.pipeline.drain();
    const [waiting] = await deliveriesOf(to);
    expect(waiting).toMatchObject({ status: 'pending', attempts: 2 });
    expect(Date.parse(waiting.notBefore) - livline.now().getTime()).toBe(300_000);
    repair(to);
    expect(await to.at.post(`${to.path}/deliveries/${waiting.id}/resend`, undefined)).toMatchObject({
      status: 202,
      body: { status: 'pending', attempts: 2, notBefore: livline.now().toISOString() },
    });
    await to.pipeline.drain();
    expect(to.pipeline.received).toHaveLength(1);
    expect(await deliveriesOf(to)).toMatchObject([{ status: 'delivered', attempts: 3 }]);
  });

  it.each([
    ['one whose circuit breaker is open', UNREACHED, 5],
    ['one that asked for a day’s rest', { status: 429, retryAfter: '86400', durationMs: 1 }, 1],
  ])('sends at once to an endpoint that rests, such as %s', async (_, failure, count) => {
    const to = await subscribed();
    await commit(to, count, failure);
    repair(to);
    const [{ id }] = await deliveriesOf(to);
    await to.at.post(`${to.path}/deliveries/${id}/resend`, undefined);
    await to.pipeline.drain();
    expect(to.pipeline.received).toHaveLength(1);
  });

  it('keeps an ordered endpoint’s order: what stands behind another event of its object waits for that one', async () => {
    const to = await subscribed({ ordered: true });
    to.pipeline.answer(() => DOWN);
    const id = await createFamily(to.at);
    await to.at.patch(`/families/${id}`, { capacity: 2 }, 1);
    await to.pipeline.relayFresh();
    await to.pipeline.drain();
    repair(to);
    const [first, second] = (await deliveriesOf(to)).sort((one, other) => other.attempts - one.attempts);
    await to.at.post(`${to.path}/deliveries/${second.id}/resend`, undefined);
    await to.pipeline.drain();
    expect(to.pipeline.received).toEqual([]);
    await to.at.post(`${to.path}/deliveries/${first.id}/resend`, undefined);
    await to.pipeline.drain();
    expect(to.pipeline.received.map(({ headers }) => headers['webhook-id'])).toEqual([first.eventId, second.eventId]);
  });

  it('leaves it to the clock where no hint can be sent', async () => {
    const to = await subscribed();
    await commit(to, 1, DOWN);
    repair(to);
    const [{ id }] = await deliveriesOf(to);
    const { status } = await livline.withoutQueue(() => to.at.post(`${to.path}/deliveries/${id}/resend`, undefined));
    expect(status).toBe(202);
    await to.pipeline.drain();
    expect(to.pipeline.received).toEqual([]);
    livline.advance(60);
    await to.pipeline.clock();
    await to.pipeline.drain();
    expect(to.pipeline.received).toHaveLength(1);
  });
});

describe('POST recover', () => {
  it('sends at once what was held, what failed and what waits, and nothing outside of the period', async () => {
    const to = await subscribed();
    await commit(to, 2, DOWN);
    livline.advance(1);
    const since = livline.now().toISOString();
    await commit(to, 3, DOWN);
    repair(to);
    expect(await to.at.post(`${to.path}/recover`, { since })).toMatchObject({ status: 202, body: { recovered: 3 } });
    await to.pipeline.drain();
    expect((await deliveriesOf(to)).map(({ status }) => status).sort()).toEqual([
      ...Array(3).fill('delivered'),
      ...Array(2).fill('pending'),
    ]);
    expect((await to.at.post(`${to.path}/recover`, EVER)).body).toEqual({ recovered: 2 });
    await to.pipeline.drain();
    expect((await to.at.post(`${to.path}/recover`, EVER)).body).toEqual({ recovered: 0 });
    expect(to.pipeline.received).toHaveLength(5);
  });

  it('sends at once to an endpoint that rests: one attempt first, and the others when it was answered', async () => {
    const to = await subscribed();
    await commit(to, 7, UNREACHED);
    repair(to);
    expect((await to.at.post(`${to.path}/recover`, EVER)).body.recovered).toBe(7);
    await to.pipeline.drain();
    expect(new Set(to.pipeline.received.map(({ headers }) => headers['webhook-id'])).size).toBe(7);
  });

  it('takes 500 at a time, the oldest first whatever their status, and `next` leads through all of them', async () => {
    const to = await subscribed();
    const endpointId = to.path.split('/').at(-1) as string;
    const ctx = { tenant: { code: to.at.code } } as never;
    const table = scopedTable(livline.store, ['T', to.at.code]);
    const start = livline.now().getTime();
    const made = Array.from({ length: 1_200 }, (_, number) => ({
      id: deliveryIdOf(ctx, `evt_${number}`, endpointId),
      status: (['held', 'failed', 'pending'] as const)[number % 7 === 0 ? 0 : number < 700 ? 1 : 2] ?? 'held',
      createdAt: new Date(start + number * 10).toISOString(),
    }));
    for (const { id, status, createdAt } of made) {
      const first = { id, eventId: id, eventName: 'family.created', endpointId, createdAt, status: 'held' as const };
      await table.write(newDelivery(first));
      const before = { ...first, version: 1, attempts: 1, notBefore: createdAt };
      const notBefore = new Date(start + 86_400_000).toISOString();
      await table.write(nextDelivery(before, { status, notBefore }, undefined).write);
    }
    livline.advance(60);
    const counts: number[] = [];
    let since: string | undefined = new Date(start).toISOString();
    while (since !== undefined) {
      const hinted = livline.hints.length;
      const { body } = await to.at.post(`${to.path}/recover`, { since });
      counts.push(body.recovered);
      const now = made.slice(counts.slice(0, -1).reduce((sum, count) => sum + count, 0));
      const ids = livline.hints.slice(hinted).map(({ deliveryId }) => deliveryId);
      expect(new Set(ids)).toEqual(new Set(now.slice(0, body.recovered).map(({ id }) => id)));
      since = body.next;
    }
    expect(counts).toEqual([500, 500, 200]);
  });
});

describe('POST enable', () => {
  it('sends at once what waited, without a round of the clock', async () => {
    const to = await subscribed();
    await commit(to, 3, { status: 410, durationMs: 1 });
    expect((await deliveriesOf(to)).map(({ status }) => status)).toEqual(Array(3).fill('held'));
    repair(to);
    const { body } = await to.at.post(`${to.path}/enable`, { recover: EVER });
    expect(body).toMatchObject({ endpoint: { disabled: false }, recovered: 3 });
    await to.pipeline.drain();
    expect(to.pipeline.received).toHaveLength(3);
  });

  it('ends the rest of an endpoint, so that its next event is posted at once', async () => {
    const to = await subscribed();
    await commit(to, 5, UNREACHED);
    const { version } = (await to.at.get(to.path)).body;
    await to.at.patch(to.path, { disabled: true }, version);
    await to.at.post(`${to.path}/enable`, {});
    to.pipeline.received.length = 0;
    await commit(to, 1, TAKEN);
    expect(to.pipeline.received).toHaveLength(1);
  });
});
