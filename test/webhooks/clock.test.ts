import { beforeAll, describe, expect, it, vi } from 'vitest';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { poisoned, type Send, wrappedStore } from '#test/support/wrapped-store.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

const HOUR = 3_600;

async function subscribed() {
  const at = await livline.freshMunicipality();
  await subscribe(livline, at);
  livline.takeStream();
  return { at, pipeline: startPipeline(livline, at.code) };
}

const families = (at: Caller, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => createFamily(at)));

const subjectsOf = (received: readonly { body: string }[]): string[] =>
  received.map(({ body }) => JSON.parse(body).subject).sort();

describe('the clock', () => {
  it('leaves an event to the stream for a minute, and then takes it up', async () => {
    const { at, pipeline } = await subscribed();
    const [id] = await families(at, 1);
    livline.advance(59);
    await pipeline.clock();
    await pipeline.drain();
    expect(pipeline.received).toEqual([]);
    livline.advance(60);
    await pipeline.clock();
    await pipeline.drain();
    expect(subjectsOf(pipeline.received)).toEqual([id]);
  });

  it('brings everything to its receiver when every hint is lost', async () => {
    const { at, pipeline } = await subscribed();
    const ids = await families(at, 3);
    await pipeline.relayFresh();
    pipeline.queue.splice(0);
    // The clock's own hints are lost too, each the first time.
    const lost = new Set<string>();
    const workers = pipeline.workers({
      sendHints: (hints) => {
        const arriving = hints.filter(({ deliveryId }) => lost.has(deliveryId));
        for (const { deliveryId } of hints) lost.add(deliveryId);
        return pipeline.parts.sendHints(arriving);
      },
    });
    await pipeline.untilQuiet(workers);
    expect(subjectsOf(pipeline.received)).toEqual(ids.sort());
  });

  it('hints at nothing whose hint is still on its way', async () => {
    const { at, pipeline } = await subscribed();
    await families(at, 1);
    await pipeline.relayFresh();
    const [message] = pipeline.queue.splice(0);
    livline.advance(59);
    await pipeline.clock();
    expect(pipeline.queue).toEqual([]);
    if (!message) throw new Error('No hint');
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.deliver(message.hint);
    await pipeline.clock();
    expect(pipeline.queue).toHaveLength(1);
  });

  it('isolates an event that cannot be relayed: the others and every delivery go on', async () => {
    const { at, pipeline } = await subscribed();
    const [first] = await families(at, 1);
    await pipeline.relayFresh();
    pipeline.queue.splice(0);
    await families(at, 4);
    const commits = livline.takeStream();
    livline.advance(120);
    const bad = commits[1]?.eventId as string;
    await pipeline.workers({ around: (store) => wrappedStore(store, poisoned(bad)) }).clock();
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(4);
    expect(subjectsOf(pipeline.received)).toContain(first);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(5);
    expect(pipeline.received.at(-1)?.headers['webhook-id']).toBe(bad);
  });

  it('goes on to the other municipalities when one cannot be swept', async () => {
    const ill = await subscribed();
    const well = await subscribed();
    const [id] = await families(well.at, 1);
    livline.advance(120);
    const refusing =
      (send: Send): Send =>
      (command) =>
        JSON.stringify(command.input).includes(`T#${ill.at.code}#`)
          ? Promise.reject(new Error('Access denied'))
          : send(command);
    await well.pipeline.workers({ around: (store) => wrappedStore(store, refusing) }).clock();
    await well.pipeline.drain();
    expect(subjectsOf(well.pipeline.received)).toEqual([id]);
  });

  it('relays what no stream brought for 25 hours, more than one page of it, in gap-free order', async () => {
    const at = await livline.freshMunicipality();
    await subscribe(livline, at, 'receiver', { types: ['consultant.*'] });
    const pipeline = startPipeline(livline, at.code);
    const consultant = { name: 'K', kind: 'familiekonsulent', employer: 'E' };
    const first = await at.post('/consultants', consultant);
    for (let hour = 0; hour < 25; hour += 5) {
      livline.advance(5 * HOUR);
      await families(at, 20);
    }
    const last = await at.post('/consultants', consultant);
    livline.advance(60);
    await pipeline.clock();
    await pipeline.drain();
    expect(subjectsOf(pipeline.received)).toEqual([first.body.id, last.body.id].sort());
    const events = await rowsOf(livline.store, at.code, 'event');
    expect(events).toHaveLength(104);
    expect(events.filter(({ duePk }) => duePk !== undefined)).toEqual([]);
    const ordered = events.toSorted((a, b) => a['sequence'] - b['sequence']);
    expect(ordered.map(({ sequence }) => sequence)).toEqual(events.map((_, place) => place + 1));
    expect(ordered.map((event) => event['at'])).toEqual(events.map((event) => event['at']).sort());
  });
});
