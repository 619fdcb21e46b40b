import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { PostResult } from '#shared/webhooks/egress.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const UNREACHED: PostResult = { error: 'CONNECT_REFUSED', durationMs: 1 };
const TAKEN: PostResult = { status: 204, durationMs: 1 };
const TIMED_OUT: PostResult = { error: 'TIMEOUT', durationMs: 20_000 };

/** A municipality with an endpoint, and its workers. */
async function subscribed(types = ['family.*']) {
  const at = await livline.freshMunicipality();
  const endpoint = await subscribe(livline, at, 'receiver', { types });
  return { at, endpoint, pipeline: startPipeline(livline, at.code) };
}

/** Commits some events and relays them; their hints wait in the queue. */
async function commit(at: Caller, pipeline: Pipeline, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) await createFamily(at, `Familie ${number}`);
  await pipeline.relayFresh();
}

/** Lets the endpoint answer once, so that it has its five slots. */
async function prove(at: Caller, pipeline: Pipeline): Promise<void> {
  await commit(at, pipeline, 1);
  await pipeline.drain();
}

/** Keeps whatever is posted waiting for its answer, until the function that this returns is called. */
function holdAnswers(pipeline: Pipeline): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  pipeline.answer(async () => {
    await promise;
    return TAKEN;
  });
  return resolve;
}

/** A hint as it comes through the ordinary lane. */
const ordinary = (hint: DelayedHint): DelayedHint => ({ ...hint, isSlow: false });
/** The lane of each hint that waits. */
const lanesOf = (pipeline: Pipeline): string[] => pipeline.queue.map(({ hint }) => (hint.isSlow ? 'slow' : 'ordinary'));

const deliveriesOf = async (
  at: Caller,
  endpoint: { id: string },
  query: Record<string, string> = {},
): Promise<Reply['body'][]> => (await at.get(`/webhook-endpoints/${endpoint.id}/deliveries`, query)).body.items;
const endpointNow = async (at: Caller, { id }: { id: string }) => (await at.get(`/webhook-endpoints/${id}`)).body;
const minutesFrom = (start: number, times: readonly { at: number }[]) => times.map(({ at }) => (at - start) / 60_000);

describe('an endpoint', () => {
  it('has at most five attempts under way, and the others wait for a slot', async () => {
    const { at, pipeline } = await subscribed();
    await prove(at, pipeline);
    await commit(at, pipeline, 8);
    let release = () => {};
    const held = new Promise<void>((done) => {
      release = done;
    });
    let most = 0;
    let under = 0;
    pipeline.answer(async () => {
      under += 1;
      most = Math.max(most, under);
      await held;
      under -= 1;
      return TAKEN;
    });
    const hints = pipeline.queue.splice(0).map(({ hint }) => hint);
    const working = hints.map((hint) => pipeline.deliver(hint));
    await vi.waitFor(() => expect(pipeline.queue).toHaveLength(3), 15_000);
    expect(under).toBe(5);
    release();
    await Promise.all(working);
    await pipeline.untilQuiet();
    expect(most).toBe(5);
    expect(new Set(pipeline.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1 + 8);
  });

  it('that has never answered has one attempt under way until it does', async () => {
    const { at, pipeline } = await subscribed();
    await commit(at, pipeline, 4);
    const release = holdAnswers(pipeline);
    const working = pipeline.queue.splice(0).map(({ hint }) => pipeline.deliver(hint));
    await vi.waitFor(() => expect([pipeline.queue.length, pipeline.received.length]).toEqual([3, 1]), 15_000);
    release();
    await Promise.all(working);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(4);
  });

  it('that timed out goes through the lane of slow endpoints with one attempt at a time, until it answers again', async () => {
    const { at, pipeline } = await subscribed();
    await prove(at, pipeline);
    pipeline.received.length = 0;
    pipeline.answer(() => TIMED_OUT);
    await commit(at, pipeline, 1);
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(1);
    // What a timed-out attempt leaves is hinted at in the slow lane.
    expect(lanesOf(pipeline)).toEqual(['slow']);

    await commit(at, pipeline, 3);
    const fresh = pipeline.queue.filter(({ hint }) => !hint.isSlow).map(({ hint }) => hint);
    for (const hint of fresh) await pipeline.deliver(ordinary(hint));
    expect(pipeline.received, 'posted in the ordinary lane').toHaveLength(1);

    pipeline.answer(() => TAKEN);
    await pipeline.untilQuiet();
    expect(new Set(pipeline.received.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    pipeline.received.length = 0;
    await commit(at, pipeline, 1);
    for (const { hint } of pipeline.queue.splice(0)) await pipeline.deliver(ordinary(hint));
    expect([pipeline.received.length, pipeline.queue.length], 'posted in the ordinary lane').toEqual([1, 0]);
  });

  it('that has never answered proves itself in the lane of slow endpoints', async () => {
    const { at, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    const [first] = pipeline.queue.splice(0);
    await pipeline.deliver(ordinary(first?.hint as DelayedHint));
    expect([pipeline.received.length, lanesOf(pipeline)]).toEqual([0, ['slow']]);
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(1);
  });

  it('never holds more than one worker of the ordinary lane', async () => {
    const { at, pipeline } = await subscribed();
    await prove(at, pipeline);
    pipeline.received.length = 0;
    const release = holdAnswers(pipeline);
    await commit(at, pipeline, 1);
    const [first] = pipeline.queue.splice(0);
    const working = pipeline.deliver(ordinary(first?.hint as DelayedHint));
    await vi.waitFor(() => expect(pipeline.received).toHaveLength(1), 15_000);
    await commit(at, pipeline, 2);
    for (const { hint } of pipeline.queue.splice(0)) await pipeline.deliver(ordinary(hint));
    expect([pipeline.received.length, lanesOf(pipeline)]).toEqual([1, ['slow', 'slow']]);
    release();
    await working;
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(3);
  });

  it('gets back the slot of an attempt whose worker died', async () => {
    const { at, pipeline } = await subscribed();
    await commit(at, pipeline, 6);
    const dying = pipeline.workers({
      post: () => {
        throw new Error('The process has ended');
      },
    });
    for (const { hint } of pipeline.queue.splice(0)) await dying.deliver(hint);
    await pipeline.untilQuiet();
    expect(new Set(pipeline.received.map(({ headers }) => headers['webhook-id'])).size).toBe(6);
  });

  it('that was not reached five times in a row rests for 60 s, doubling to 15 min, and then one attempt probes', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 12);
    pipeline.answer(() => UNREACHED);
    const start = livline.now().getTime();
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(5);
    const health = async () => (await rowsOf(livline.store, at.code, 'endpoint-health'))[0]?.['view'];
    expect(await health()).toMatchObject({ openings: 1 });
    const rests = [60, 120, 240, 480, 900, 900];
    for (const [at_, rest] of rests.entries()) {
      pipeline.received.length = 0;
      const { restUntil } = await health();
      expect(Date.parse(restUntil) - livline.now().getTime()).toBe(rest * 1000);
      livline.advance(rest - 1);
      await pipeline.drain();
      expect(pipeline.received).toEqual([]);
      livline.advance(1);
      await pipeline.clock();
      await pipeline.drain();
      expect(pipeline.received, `opening ${at_ + 1}`).toHaveLength(1);
    }
    pipeline.answer(() => TAKEN);
    await pipeline.untilQuiet();
    expect(await health()).toMatchObject({ openings: 0, unreached: 0 });
    expect((await deliveriesOf(at, endpoint)).every(({ status }) => status === 'delivered')).toBe(true);
    expect(livline.now().getTime()).toBeGreaterThan(start);
  });

  it('that answers, with whatever status, was reached', async () => {
    const { at, pipeline } = await subscribed();
    await commit(at, pipeline, 9);
    let posts = 0;
    pipeline.answer(() => {
      posts += 1;
      return posts % 5 === 0 ? { status: 500, durationMs: 1 } : UNREACHED;
    });
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(9);
  });

  it('that asks for a pause with Retry-After gets it for everything', async () => {
    const { at, pipeline } = await subscribed();
    await commit(at, pipeline, 3);
    pipeline.answer(() => ({ status: 429, retryAfter: '600', durationMs: 1 }));
    const start = livline.now().getTime();
    await pipeline.drain();
    pipeline.answer(() => TAKEN);
    await pipeline.untilQuiet();
    const minutes = minutesFrom(start, pipeline.received);
    expect(minutes[0]).toBe(0);
    expect(minutes).toHaveLength(4);
    for (const minute of minutes.slice(1)) expect(minute).toBeGreaterThanOrEqual(10);
  });

  it('that is dead delays no other endpoint', async () => {
    const { at, pipeline } = await subscribed();
    const healthy = await subscribe(livline, at, 'healthy', { types: ['family.*'] });
    await commit(at, pipeline, 10);
    const start = livline.now().getTime();
    pipeline.answer(({ url }) => (url === healthy.url ? TAKEN : UNREACHED));
    await pipeline.drain();
    const arrived = pipeline.received.filter(({ url }) => url === healthy.url);
    expect(minutesFrom(start, arrived)).toEqual(Array(10).fill(0));
  });
});

describe('an endpoint whose receiver is gone', () => {
  it('is disabled by 410, what waits is held, and enabling with recovery delivers all of it', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    const since = livline.now().toISOString();
    await commit(at, pipeline, 3);
    pipeline.answer(() => ({ status: 410, durationMs: 1 }));
    await pipeline.drain();
    await commit(at, pipeline, 2);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
    expect(await endpointNow(at, endpoint)).toMatchObject({ disabled: true });
    expect(await deliveriesOf(at, endpoint, { status: 'held' })).toHaveLength(5);

    pipeline.answer(() => TAKEN);
    const enabled = await at.post(`/webhook-endpoints/${endpoint.id}/enable`, { recover: { since } });
    expect(enabled).toMatchObject({ status: 200, body: { endpoint: { disabled: false }, recovered: 5 } });
    await pipeline.untilQuiet();
    const ids = pipeline.received.slice(1).map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(5);
    const feed = (await at.get('/events', { types: 'family.*' })).body.items.map(({ id }: { id: string }) => id);
    expect(ids.sort()).toEqual(feed.sort());
  });

  it('is disabled when its URL is refused on its text, and not tried again', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    pipeline.answer(() => ({ error: 'URL_REFUSED', durationMs: 0 }));
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
    expect(await endpointNow(at, endpoint)).toMatchObject({ disabled: true });
  });

  it('or fails for five days is warned of at 50, 70 and 90 per cent to the others, and then disabled', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    const watcher = await subscribe(livline, at, 'watcher', { types: ['webhook-endpoint.*'] });
    pipeline.answer(({ url }) => (url === watcher.url ? TAKEN : { status: 500, durationMs: 1 }));
    for (let day = 0; day < 6; day += 1) {
      await commit(at, pipeline, 1);
      await pipeline.drain();
      for (let quarter = 0; quarter < 4; quarter += 1) {
        livline.advance(6 * 3_600);
        await pipeline.clock();
        await pipeline.drain();
        await pipeline.relayFresh();
      }
    }
    await pipeline.untilQuiet();
    expect(await endpointNow(at, endpoint)).toMatchObject({ disabled: true });
    const arrived = pipeline.received.filter(({ url }) => url === watcher.url).map(({ body }) => JSON.parse(body));
    const told = arrived.filter(({ subject }) => subject === endpoint.id);
    expect(
      told.map(({ type, data }) => [type.replace('dk.livline.webhook-endpoint.', ''), data.failingPercent]),
    ).toEqual([
      ['failing', 50],
      ['failing', 70],
      ['failing', 90],
      ['disabled', undefined],
    ]);
    for (const { data } of told) {
      expect(data.actor.kind).toBe('system');
    }
    const listed = (await at.get('/events', { types: 'webhook-endpoint.*' })).body.items;
    expect(listed.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(told.map(({ id }) => id)));
  });

  it('is not disabled by failures from before it was enabled', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.drain();
    const { version } = await endpointNow(at, endpoint);
    await at.patch(`/webhook-endpoints/${endpoint.id}`, { disabled: true }, version);
    livline.advance(6 * 86_400);
    await at.post(`/webhook-endpoints/${endpoint.id}/enable`, {});
    await commit(at, pipeline, 1);
    await pipeline.drain();
    expect(await endpointNow(at, endpoint)).toMatchObject({ disabled: false });
  });
});

describe('the deliveries of an endpoint', () => {
  it('are listed newest first and by status, each with what came of its attempts', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    pipeline.answer(() => ({ status: 500, durationMs: 7, address: '192.0.2.1', body: 'Down' }));
    await pipeline.drain();
    const [waiting] = await deliveriesOf(at, endpoint, { status: 'pending' });
    expect(waiting).toMatchObject({ eventName: 'family.created', endpointId: endpoint.id, attempts: 1 });
    livline.advance(5);
    pipeline.answer(() => TAKEN);
    await pipeline.drain();
    expect(await deliveriesOf(at, endpoint, { status: 'pending' })).toEqual([]);
    expect(await deliveriesOf(at, endpoint)).toMatchObject([{ id: waiting.id, status: 'delivered', attempts: 2 }]);
    const { body } = await at.get(`/webhook-endpoints/${endpoint.id}/deliveries/${waiting.id}/attempts`);
    expect(body.items).toMatchObject([
      { attempt: 1, status: 500, durationMs: 7, address: '192.0.2.1', body: 'Down' },
      { attempt: 2, status: 204 },
    ]);
    await commit(at, pipeline, 2);
    const page = await at.get(`/webhook-endpoints/${endpoint.id}/deliveries`, { limit: '2' });
    const rest = await deliveriesOf(at, endpoint, { limit: '2', cursor: page.body.nextCursor });
    expect([...page.body.items, ...rest].map(({ id }) => id)).toHaveLength(3);
    expect(rest.map(({ id }) => id)).toEqual([waiting.id]);
  });

  it('can be sent again, with the same id, whether they arrived or failed', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    await pipeline.drain();
    const [delivery] = await deliveriesOf(at, endpoint);
    const path = `/webhook-endpoints/${endpoint.id}/deliveries/${delivery.id}/resend`;
    expect(await at.post(path, undefined)).toMatchObject({ status: 202, body: { status: 'pending', attempts: 0 } });
    await pipeline.untilQuiet();
    const ids = pipeline.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
    const { version } = await endpointNow(at, endpoint);
    await at.patch(`/webhook-endpoints/${endpoint.id}`, { disabled: true }, version);
    expectProblem(await at.post(path, undefined), 409, 'conflict');
    const recovery = `/webhook-endpoints/${endpoint.id}/recover`;
    expectProblem(await at.post(recovery, { since: '2026-01-01T00:00:00Z' }), 409, 'conflict');
  });

  it('that had all their attempts are recovered for a period, and none outside it', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await commit(at, pipeline, 1);
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.untilQuiet();
    const later = livline.now().toISOString();
    await commit(at, pipeline, 1);
    await pipeline.untilQuiet();
    await at.post(`/webhook-endpoints/${endpoint.id}/enable`, {});
    // By its last attempt the second had seen five days of nothing but failures.
    expect((await deliveriesOf(at, endpoint)).map((delivery) => delivery.status)).toEqual(['held', 'failed']);
    pipeline.answer(() => TAKEN);
    const { status, body } = await at.post(`/webhook-endpoints/${endpoint.id}/recover`, { since: later });
    expect({ status, body }).toEqual({ status: 202, body: { recovered: 1 } });
    await pipeline.untilQuiet();
    const statuses = (await deliveriesOf(at, endpoint)).map((delivery) => delivery.status);
    expect(statuses).toEqual(['delivered', 'failed']);
  });
});
