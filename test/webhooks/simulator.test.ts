import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startLivline } from '#test/support/livline.ts';
import { simulate } from '#test/support/simulation.ts';

/** Schedules of one run, and the seed of the first: `SEEDS=5000 npx vitest run test/webhooks/simulator.test.ts`. */
const SEEDS = Number(process.env['SEEDS'] ?? 12);
const FIRST = Number(process.env['SEED'] ?? 1);
/** A table holds the municipalities of so many schedules. */
const PER_TABLE = 5;

beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
});

it(
  'every event reaches every endpoint at least once, in a sequence without a hole, never before its time, and a rerun changes nothing',
  async () => {
    let crashes = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += PER_TABLE) {
      const livline = await startLivline();
      for (let each = seed; each < Math.min(seed + PER_TABLE, FIRST + SEEDS); each += 1) {
        const outcome = await simulate(livline, await livline.freshMunicipality(), each);
        crashes += outcome.crashes;
        const again = `SEED=${each} SEEDS=1 npx vitest run test/webhooks/simulator.test.ts`;
        expect(outcome.faults, `repeat it with ${again}`).toEqual([]);
        expect(outcome.posts, again).toBeGreaterThan(0);
      }
    }
    expect(crashes).toBeGreaterThan(SEEDS);
  },
  60_000 + SEEDS * 5_000,
);
