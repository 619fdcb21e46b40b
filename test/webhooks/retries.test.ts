import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

const HOUR = 3_600;
/** Seconds between one attempt and the next. */
const WAITS = [5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

let livline: Livline;
let pipeline: Pipeline;
let code: string;
let before: AnyRow[];
let hint: DelayedHint;

beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const at = await livline.freshMunicipality();
  code = at.code;
  await subscribe(livline, at);
  await createFamily(at);
  pipeline = startPipeline(livline, code);
  await pipeline.relayFresh();
  hint = pipeline.queue[0]?.hint as DelayedHint;
  before = await contentOf(livline.store);
});

/** Delivers to a receiver that answers so, with this jitter, until it is over. Gives the seconds between the attempts. */
async function waitsOf(answers: (attempt: number) => { status: number; retryAfter?: string }, chance = 0) {
  await restore(livline.store, before);
  pipeline.received.length = 0;
  pipeline.queue.splice(0);
  pipeline.answer(() => ({ ...answers(pipeline.received.length), durationMs: 1 }));
  const workers = pipeline.workers({ random: () => chance });
  // The delivery is as old as the snapshot: its own time has come whatever the clock says.
  await workers.deliver(hint);
  await pipeline.untilQuiet(workers);
  const [delivery] = await rowsOf(livline.store, code, 'delivery');
  const times = pipeline.received.map(({ at }) => at / 1000);
  return { waits: times.slice(1).map((at, place) => at - (times[place] as number)), view: delivery?.['view'] };
}

describe('a receiver that fails', () => {
  it('is tried ten times, exactly as the schedule says, and then no more', async () => {
    const { waits, view } = await waitsOf(() => ({ status: 500 }));
    expect(waits).toEqual(WAITS);
    const last = pipeline.received.at(-1)?.at ?? 0;
    expect(view).toMatchObject({ status: 'failed', attempts: 10, finishedAt: new Date(last).toISOString() });
    const attempts = await rowsOf(livline.store, code, 'attempt');
    expect(attempts.map((row) => row['view'].attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it.each([199, 301, 307, 404])('with %i has failed, and is tried again', async (status) => {
    const { waits, view } = await waitsOf((attempt) => ({ status: attempt === 1 ? status : 204 }));
    expect(waits).toEqual([5]);
    expect(view).toMatchObject({ status: 'delivered', attempts: 2 });
    expect(new Set(pipeline.received.map(({ url }) => url))).toEqual(new Set(['https://receiver.example.dk/']));
  });

  it.each([
    [429, '120', 120],
    [503, '2000', 2_000],
    [503, 'soon', 5],
    [429, '1', 5],
    [429, '999999', 86_400],
    [500, '120', 5],
  ])('with %i and Retry-After %s is tried again after %i s', async (status, retryAfter, wait) => {
    const { waits } = await waitsOf((attempt) => ({ status: attempt === 1 ? status : 204, retryAfter }));
    expect(waits).toEqual([wait]);
  });

  it('is never tried before its time, whatever the jitter and whatever it asks for', async () => {
    const answer = fc.record({
      status: fc.constantFrom(500, 429, 503),
      retryAfter: fc.oneof(fc.nat({ max: 100_000 }).map(String), fc.constantFrom('', 'soon', '-1')),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (answers, chance) => {
          const { waits, view } = await waitsOf((attempt) => answers[attempt - 1] ?? { status: 204 }, chance);
          expect(view.status).toBe('delivered');
          expect(waits).toHaveLength(answers.length);
          for (const [place, { status, retryAfter }] of answers.entries()) {
            const asked = status === 500 ? 0 : Math.min(Number(retryAfter) || 0, 86_400);
            const least = Math.max(WAITS[place] as number, asked);
            expect(waits[place]).toBeGreaterThanOrEqual(least);
            // SQS delays by whole seconds.
            expect(waits[place]).toBeLessThanOrEqual(Math.max((WAITS[place] as number) * 1.1, asked) + 1);
          }
        },
      ),
      { numRuns: 4 },
    );
  });
});

describe('a worker that is never heard of again', () => {
  it('has made an attempt, which counts, and the next one waits for its turn after the lease', async () => {
    await restore(livline.store, before);
    pipeline.queue.splice(0);
    const begun: number[] = [];
    const workers = pipeline.workers({
      post: (request) => {
        begun.push(livline.now().getTime() / 1000);
        if (begun.length < 4) return Promise.reject(new Error('Out of memory'));
        pipeline.answer(() => ({ status: 204, durationMs: 1 }));
        return pipeline.parts.post(request);
      },
    });
    await workers.deliver(hint);
    await pipeline.untilQuiet(workers);
    const [delivery] = await rowsOf(livline.store, code, 'delivery');
    expect(delivery?.['view']).toMatchObject({ status: 'delivered', attempts: 4 });
    const attempts = (await rowsOf(livline.store, code, 'attempt')).map((row) => row['view']);
    const abandoned = { error: 'ABANDONED', durationMs: 30_000 };
    expect(attempts).toMatchObject([abandoned, abandoned, abandoned, { status: 204 }]);
    const waits = begun.slice(1).map((at, place) => at - (begun[place] as number));
    expect(waits).toHaveLength(3);
    // The lease of 30 seconds, and then the wait.
    for (const [place, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(30 + (WAITS[place] as number));
  });
});
