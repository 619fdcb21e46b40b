import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
let at: Caller;
let pipeline: Pipeline;
let before: AnyRow[];
let hint: DelayedHint;

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  pipeline = startPipeline(livline, at.code);
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await subscribe(livline, at);
  await createFamily(at);
  await pipeline.relayFresh();
  before = await contentOf(livline.store);
  hint = pipeline.queue[0]?.hint as DelayedHint;
});

const FAILED = { status: 500, durationMs: 1 };
const TAKEN = { status: 204, durationMs: 1 };

describe('a delivery whose worker dies before its first call or after any', () => {
  it.each([
    ['at its first attempt', []],
    ['at its first attempt, which the receiver refused', [FAILED]],
  ])('is delivered %s, with the same id and at most one POST too many', async (_, answers) => {
    let claimsLost = 0;

    const calls = await atEveryCall(async (life, lastCall) => {
      await restore(livline.store, before);
      pipeline.received.length = 0;
      pipeline.queue.length = 0;
      const script = [...answers];
      pipeline.answer(() => script.shift() ?? TAKEN);
      const { post, sendHints } = pipeline.parts;
      const mortal = { around: life.store, post: life.guard(post), sendHints: life.guard(sendHints) };
      const { batchItemFailures } = await pipeline.workers(mortal).deliver(hint);
      const died = await life.over();
      expect(batchItemFailures.length, `dead after call ${lastCall}`).toBe(died ? 1 : 0);
      // The queue brings the message again at once and once more later; the clock does the rest.
      if (died) await pipeline.deliver(hint);
      await pipeline.untilQuiet();

      const [delivery] = await rowsOf(livline.store, at.code, 'delivery');
      const attempts = (await rowsOf(livline.store, at.code, 'attempt')).map(({ view }) => view);
      const told = JSON.stringify({ lastCall, attempts });
      expect(delivery?.['view'].status, told).toBe('delivered');
      expect(new Set(pipeline.received.map(({ headers, body }) => headers['webhook-id'] + body)).size, told).toBe(1);
      expect(pipeline.received.length, told).toBeLessThanOrEqual(answers.length + 2);
      // Every attempt is in the log under its number, also one that nobody came back from.
      expect(attempts.map(({ attempt }) => attempt)).toEqual(attempts.map((__, place) => place + 1));
      expect(delivery?.['view'].attempts, told).toBe(attempts.length);
      const abandoned = attempts.filter(({ error }) => error === 'ABANDONED');
      expect(abandoned.length, told).toBeLessThanOrEqual(1);
      expect(pipeline.received.length, told).toBeGreaterThanOrEqual(attempts.length - abandoned.length);
      claimsLost += abandoned.length;
    });
    // Municipality, rows, the grant of the endpoint's owner, slot, claim, POST, result, what it says of the endpoint, and a
    // hint where there is another attempt.
    expect(calls).toBe(8 + answers.length);
    // After the claim and after the POST; a result that was stored is not lost.
    expect(claimsLost).toBe(2);
  });
});
