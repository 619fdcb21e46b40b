import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { PostResult } from '#shared/webhooks/egress.ts';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const TAKEN: PostResult = { status: 204, durationMs: 1 };
const DOWN: PostResult = { status: 500, durationMs: 1 };

async function subscribed(fields: Record<string, unknown> = { ordered: true }) {
  const at = await livline.freshMunicipality();
  const endpoint = await subscribe(livline, at, 'receiver', { types: ['family.*'], ...fields });
  return { at, endpoint, pipeline: startPipeline(livline, at.code) };
}

/** Changes a family some times, one event each. */
async function change(at: Caller, id: string, versions: readonly number[]): Promise<void> {
  for (const version of versions) await at.patch(`/families/${id}`, { capacity: version }, version);
}

/** What was posted about a family and taken, by sequence. */
const takenOf = (pipeline: Pipeline, results: readonly PostResult[], subject: string): number[] =>
  pipeline.received
    .filter((_, at) => results[at] === TAKEN)
    .map(({ body }) => JSON.parse(body))
    .filter((event) => event.subject === subject)
    .map(({ sequence }) => Number(sequence));

describe('on an ordered endpoint the events about one object', () => {
  it('come one after another, each when the one before was taken', async () => {
    const { at, pipeline } = await subscribed();
    const id = await createFamily(at);
    await change(at, id, [1, 2, 3]);
    await pipeline.relayFresh();
    const results: PostResult[] = [];
    pipeline.answer(() => {
      const result = results.length < 3 ? DOWN : TAKEN;
      results.push(result);
      return result;
    });
    await pipeline.untilQuiet();
    const sequences = takenOf(pipeline, results, id);
    expect(sequences).toHaveLength(4);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    // The first one alone was tried while it failed.
    const early = pipeline.received.slice(0, 4).map(({ headers }) => headers['webhook-id']);
    expect(new Set(early).size).toBe(1);
  });

  it('hold up no other object', async () => {
    const { at, pipeline } = await subscribed();
    const [stuck, free] = [await createFamily(at, 'Stuck'), await createFamily(at, 'Free')];
    await change(at, free, [1, 2]);
    await pipeline.relayFresh();
    pipeline.answer(({ body }) => (JSON.parse(body).subject === stuck ? DOWN : TAKEN));
    await pipeline.drain();
    const ofFree = pipeline.received.filter(({ body }) => JSON.parse(body).subject === free);
    expect(ofFree).toHaveLength(3);
  });

  it('go on after one that had all its attempts', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    const id = await createFamily(at);
    await change(at, id, [1]);
    await pipeline.relayFresh();
    const results: PostResult[] = [];
    let first: string | undefined;
    pipeline.answer(({ headers }) => {
      first ??= headers['webhook-id'];
      const result = headers['webhook-id'] === first ? DOWN : TAKEN;
      results.push(result);
      return result;
    });
    await pipeline.untilQuiet();
    expect(results.filter((result) => result === DOWN)).toHaveLength(10);
    expect(takenOf(pipeline, results, id)).toHaveLength(1);
    const { items } = (await at.get(`/webhook-endpoints/${endpoint.id}/deliveries`)).body;
    expect(items.map(({ status }: { status: string }) => status).sort()).toEqual(['delivered', 'failed']);
  });

  it('keep their order when many workers take every hint at once, in any order', async () => {
    const { at, pipeline } = await subscribed();
    const ids = [await createFamily(at, 'A'), await createFamily(at, 'B'), await createFamily(at, 'C')];
    for (const id of ids) await change(at, id, [1, 2, 3]);
    await pipeline.relayFresh();
    const results: PostResult[] = [];
    pipeline.answer(() => {
      results.push(TAKEN);
      return TAKEN;
    });
    while (pipeline.queue.length > 0) {
      const hints = pipeline.queue.splice(0).map(({ hint }) => hint);
      await Promise.all([...hints.reverse(), ...hints].map((hint) => pipeline.deliver(hint)));
    }
    await pipeline.untilQuiet();
    for (const id of ids) {
      const sequences = takenOf(pipeline, results, id);
      expect(sequences).toHaveLength(4);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    }
  });

  it('are recovered in their order after the endpoint was disabled', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    const since = livline.now().toISOString();
    const id = await createFamily(at);
    await change(at, id, [1]);
    await pipeline.relayFresh();
    pipeline.answer(() => ({ status: 410, durationMs: 1 }));
    await pipeline.untilQuiet();
    await change(at, id, [2]);
    await pipeline.relayFresh();
    await pipeline.untilQuiet();
    pipeline.received.length = 0;
    const results: PostResult[] = [];
    pipeline.answer(() => {
      results.push(TAKEN);
      return TAKEN;
    });
    const { body } = await at.post(`/webhook-endpoints/${endpoint.id}/enable`, { recover: { since } });
    expect(body.recovered).toBe(3);
    await pipeline.untilQuiet();
    const sequences = takenOf(pipeline, results, id);
    expect(sequences).toHaveLength(3);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });

  it('leave nothing behind once they are finished', async () => {
    const { at, pipeline } = await subscribed();
    const id = await createFamily(at);
    await change(at, id, [1, 2]);
    await pipeline.relayFresh();
    await pipeline.untilQuiet();
    expect(await rowsOf(livline.store, at.code, 'order')).toEqual([]);
  });
});

it('an endpoint that is not ordered does not wait', async () => {
  const { at, pipeline } = await subscribed({ ordered: false });
  const id = await createFamily(at);
  await change(at, id, [1, 2]);
  await pipeline.relayFresh();
  let posts = 0;
  pipeline.answer(() => {
    posts += 1;
    return posts === 1 ? DOWN : TAKEN;
  });
  await pipeline.drain();
  expect(pipeline.received).toHaveLength(3);
});
