import { beforeAll, describe, expect, it, vi } from 'vitest';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, setStatus, subscribe } from '#test/support/endpoints.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { verified } from '#test/support/receiver.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const NONE_FAILED = { batchItemFailures: [] };

/** An event on its way to one endpoint: the hint that it is there, and what the table says about it. */
async function onTheWay() {
  const at = await livline.freshMunicipality();
  const endpoint = await subscribe(livline, at);
  await createFamily(at);
  const pipeline = startPipeline(livline, at.code);
  await pipeline.relayFresh();
  const [message] = pipeline.queue.splice(0);
  if (!message) throw new Error('No hint');
  const view = async () => (await rowsOf(livline.store, at.code, 'delivery'))[0]?.['view'];
  const attempts = async () => (await rowsOf(livline.store, at.code, 'attempt')).map((row) => row['view']);
  return { at, endpoint, pipeline, hint: message.hint, view, attempts };
}

describe('a delivery', () => {
  it('is posted signed, with the id of the event, and logged for 30 days', async () => {
    const { at, endpoint, pipeline, hint, view, attempts } = await onTheWay();
    pipeline.answer(() => ({ status: 202, durationMs: 17, address: '192.0.2.1', body: 'Taken' }));
    expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    const [post, ...others] = pipeline.received;
    if (!post) throw new Error('Nothing was posted');
    expect(others).toEqual([]);
    expect(post.url).toBe(endpoint.url);
    const event = verified(endpoint.secret, post, livline.now());
    expect(event).toMatchObject({ id: post.headers['webhook-id'], type: 'dk.livline.family.created' });
    expect(post.headers['content-type']).toBe('application/cloudevents+json');
    expect(() => verified(endpoint.secret, { ...post, body: `${post.body} ` }, livline.now())).toThrow();

    const now = livline.now().toISOString();
    expect(await view()).toMatchObject({ status: 'delivered', attempts: 1, finishedAt: now });
    const logged = { attempt: 1, at: now, status: 202, durationMs: 17, address: '192.0.2.1', body: 'Taken' };
    expect(await attempts()).toEqual([logged]);
    const [row] = await rowsOf(livline.store, at.code, 'attempt');
    expect(row?.['expiresAt']).toBe(livline.now().getTime() / 1000 + 30 * 86_400);
  });

  it('is kept for 30 days once it is finished, and for as long as it takes before', async () => {
    const { at, pipeline, hint } = await onTheWay();
    const expiry = async () => (await rowsOf(livline.store, at.code, 'delivery'))[0]?.['expiresAt'];
    expect(await expiry()).toBeUndefined();
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.deliver(hint);
    expect(await expiry()).toBeUndefined();
    livline.advance(5);
    pipeline.answer(() => ({ status: 204, durationMs: 1 }));
    await pipeline.deliver(hint);
    expect(await expiry()).toBe(livline.now().getTime() / 1000 + 30 * 86_400);
  });

  it('is posted once by fifty workers at once', async () => {
    const { pipeline, hint, view } = await onTheWay();
    const answers = await Promise.all(Array.from({ length: 50 }, () => pipeline.deliver(hint)));
    expect(answers).toEqual(Array(50).fill(NONE_FAILED));
    expect(pipeline.received).toHaveLength(1);
    expect(await view()).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('is not posted before its time, however often it is hinted at', async () => {
    const { pipeline, hint } = await onTheWay();
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.deliver(hint);
    livline.advance(4.999);
    for (let again = 0; again < 3; again += 1) expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    expect(pipeline.received).toHaveLength(1);
    livline.advance(0.001);
    await pipeline.deliver(hint);
    expect(pipeline.received).toHaveLength(2);
  });

  it('stays with the worker that posts it: neither a second worker nor the clock disturbs its result', async () => {
    const { pipeline, hint, view, attempts } = await onTheWay();
    pipeline.answer(async () => {
      livline.advance(29.9);
      expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
      await pipeline.clock();
      await pipeline.drain();
      return { status: 500, durationMs: 29_900 };
    });
    await pipeline.deliver(hint);
    expect(pipeline.received).toHaveLength(1);
    expect(await attempts()).toMatchObject([{ attempt: 1, status: 500 }]);
    const next = new Date(livline.now().getTime() + 5_000).toISOString();
    expect(await view()).toMatchObject({ status: 'pending', attempts: 1, notBefore: next });
  });

  it('whose lease ran out is done all the same when its POST succeeds late', async () => {
    const { pipeline, hint, view, attempts } = await onTheWay();
    pipeline.answer(async () => {
      livline.advance(31);
      await pipeline.deliver(hint);
      expect(await attempts()).toMatchObject([{ attempt: 1, error: 'ABANDONED' }]);
      return { status: 204, durationMs: 31_000 };
    });
    expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    expect(await attempts()).toMatchObject([{ attempt: 1, status: 204 }]);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
    expect(await view()).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('whose lease ran out and was taken on by another worker ignores that the first POST failed late', async () => {
    const { pipeline, hint, view, attempts } = await onTheWay();
    pipeline.answer(async () => {
      pipeline.answer(() => ({ status: 204, durationMs: 1 }));
      livline.advance(31);
      await pipeline.deliver(hint);
      livline.advance(5);
      await pipeline.drain();
      return { status: 500, durationMs: 36_000 };
    });
    expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    expect(pipeline.received).toHaveLength(2);
    expect(await view()).toMatchObject({ status: 'delivered', attempts: 2 });
    expect(await attempts()).toMatchObject([{ error: 'ABANDONED' }, { status: 204 }]);
  });

  it('keeps a late result that nobody was quicker than, also when the clock has looked meanwhile', async () => {
    const { pipeline, hint, view, attempts } = await onTheWay();
    pipeline.answer(async () => {
      livline.advance(31);
      await pipeline.clock();
      return { status: 500, durationMs: 31_000 };
    });
    await pipeline.deliver(hint);
    expect(pipeline.queue.length).toBeGreaterThan(1);
    expect(await attempts()).toMatchObject([{ attempt: 1, status: 500 }]);
    expect(await view()).toMatchObject({ status: 'pending', attempts: 1 });
  });
});

describe('what happened meanwhile', () => {
  it.each([
    ['deleted', 'cancelled'],
    ['disabled', 'held'],
  ])('an endpoint that was %s before the POST has its deliveries %s, and the message is done', async (how, status) => {
    const { at, endpoint, pipeline, hint, view } = await onTheWay();
    const path = `/webhook-endpoints/${endpoint.id}`;
    await (how === 'deleted' ? at.remove(path, 1) : at.patch(path, { disabled: true }, 1));
    expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    await pipeline.untilQuiet();
    expect(pipeline.received).toEqual([]);
    expect(await view()).toMatchObject({ status, attempts: 0 });
  });

  it.each([
    ['deleted', 'cancelled'],
    ['disabled', 'held'],
  ])('an endpoint that is %s during a POST that fails gets no other, and the rest is %s', async (how, status) => {
    const { at, endpoint, pipeline, hint, view } = await onTheWay();
    const path = `/webhook-endpoints/${endpoint.id}`;
    pipeline.answer(async () => {
      await (how === 'deleted' ? at.remove(path, 1) : at.patch(path, { disabled: true }, 1));
      return { status: 500, durationMs: 1 };
    });
    await pipeline.deliver(hint);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
    expect(await view()).toMatchObject({ status, attempts: 1 });
  });

  it("a suspended municipality's deliveries wait, and go on their way when it works again", async () => {
    const { at, pipeline, hint, view } = await onTheWay();
    await setStatus(livline, at.code, 'suspended');
    expect(await pipeline.deliver(hint)).toEqual(NONE_FAILED);
    livline.advance(86_400);
    await pipeline.clock();
    await pipeline.drain();
    expect(pipeline.received).toEqual([]);
    expect(await view()).toMatchObject({ status: 'pending', attempts: 0 });
    await setStatus(livline, at.code, 'live');
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
  });

  it('a hint that is unreadable, foreign or names nothing is done with', async () => {
    const { pipeline, hint } = await onTheWay();
    const other = await livline.freshMunicipality();
    const wrong = [
      { ...hint, municipality: other.code },
      { ...hint, municipality: '9999' },
      { ...hint, deliveryId: 'dlv_none' },
      { ...hint, deliveryId: `${hint.deliveryId}#A` },
    ];
    for (const each of wrong) expect(await pipeline.deliver(each)).toEqual(NONE_FAILED);
    for (const each of [{}, { ...hint, more: 1 }]) expect(await livline.deliver(each)).toEqual(NONE_FAILED);
    expect(pipeline.received).toEqual([]);
    await pipeline.deliver(hint);
    expect(pipeline.received).toHaveLength(1);
  });
});
