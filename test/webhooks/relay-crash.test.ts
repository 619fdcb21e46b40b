import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { type Committed, type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
let at: Caller;
let pipeline: Pipeline;
let commits: Committed[];
let before: AnyRow[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  pipeline = startPipeline(livline, at.code);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  for (const name of ['one', 'two']) await subscribe(livline, at, name);
  await pipeline.relayFresh();
  const id = await createFamily(at);
  await at.patch(`/families/${id}`, { capacity: 1 }, 1);
  commits = livline.takeStream();
  before = await contentOf(livline.store);
});

describe('a relay that dies before its first call or after any, and is run again', () => {
  it('leaves the very rows of one that was never disturbed', async () => {
    await pipeline.relay(commits);
    const undisturbed = await contentOf(livline.store);
    const hinted = new Set(pipeline.queue.map(({ hint }) => hint.deliveryId));
    expect(undisturbed.filter(({ type }) => type === 'delivery')).toHaveLength(4);

    const calls = await atEveryCall(async (life, lastCall) => {
      await restore(livline.store, before);
      pipeline.queue.length = 0;
      const { sendHints } = pipeline.parts;
      const { batchItemFailures } = await pipeline
        .workers({ around: life.store, sendHints: life.guard(sendHints) })
        .relay(commits);
      const died = await life.over();
      // A batch that was cut short is given back whole, so that the stream brings it again.
      expect(batchItemFailures.length, `dead after call ${lastCall}`).toBe(died ? commits.length : 0);
      await pipeline.relay(commits);
      expect(await contentOf(livline.store), `dead after call ${lastCall}`).toEqual(undisturbed);
      expect(new Set(pipeline.queue.map(({ hint }) => hint.deliveryId))).toEqual(hinted);
    });
    // Municipality, events, counter, numbers, events and endpoints, the grant of their owner, four deliveries, hints, and
    // each event cleared.
    expect(calls).toBe(1 + 1 + 1 + 1 + 2 + 1 + 4 + 1 + commits.length);
  });
});
