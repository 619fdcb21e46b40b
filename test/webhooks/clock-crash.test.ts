import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
let at: Caller;
let pipeline: Pipeline;
let before: AnyRow[];

/** What the clock looks for: a delivery whose hint was lost, and an event that no stream brought. */
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  pipeline = startPipeline(livline, at.code);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await subscribe(livline, at);
  await createFamily(at, 'Hint');
  await pipeline.relayFresh();
  await createFamily(at, 'Stream');
  livline.advance(120);
  before = await contentOf(livline.store);
});

describe('a clock that dies before its first call or after any, and comes again the next minute', () => {
  it('brings everything to its receiver once, with no hole in the sequence', async () => {
    const start = livline.now().getTime();
    const calls = await atEveryCall(async (life, lastCall) => {
      await restore(livline.store, before);
      livline.advance((start - livline.now().getTime()) / 1000);
      pipeline.received.length = 0;
      pipeline.queue.length = 0;
      const { sendHints } = pipeline.parts;
      await pipeline
        .workers({ around: life.store, sendHints: life.guard(sendHints) })
        .clock()
        .catch(() => undefined);
      await life.over();
      await pipeline.untilQuiet();

      const told = `dead after call ${lastCall}`;
      expect(new Set(pipeline.received.map(({ headers }) => headers['webhook-id'])).size, told).toBe(2);
      expect(pipeline.received.length, told).toBe(2);
      const events = await rowsOf(livline.store, at.code, 'event');
      const numbers = events.map(({ sequence }) => sequence).sort((a, b) => a - b);
      expect(numbers, told).toEqual(events.map((_, place) => place + 1));
    });
    expect(calls).toBeGreaterThan(12);
  });
});
