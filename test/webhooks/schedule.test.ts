import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptAt, retryAfterSeconds } from '#shared/webhooks/schedule.ts';

const NOW = '2026-11-20T09:00:00.000Z';
const MINUTE = 60;
const HOUR = 3_600;
/** Seconds before attempts 1 to 10, as the webhooks page promises them. */
const SCHEDULE = [0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

const secondsAfter = (instant: string | undefined): number => (Date.parse(String(instant)) - Date.parse(NOW)) / 1000;

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const made = fc.nat({ max: SCHEDULE.length - 1 });

describe('the retry schedule', () => {
  it('waits 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, and then no more', () => {
    const waits = SCHEDULE.map((_, attempts) => secondsAfter(nextAttemptAt(attempts, NOW, 0)));
    expect(waits).toEqual(SCHEDULE);
    expect(nextAttemptAt(SCHEDULE.length, NOW, 0)).toBeUndefined();
  });

  it('adds jitter, at most a tenth, and never takes any away', () => {
    fc.assert(
      fc.property(made, random, (attempts, chance) => {
        const wait = secondsAfter(nextAttemptAt(attempts, NOW, chance));
        const least = SCHEDULE[attempts] as number;
        expect(wait).toBeGreaterThanOrEqual(least);
        expect(wait).toBeLessThanOrEqual(least * 1.1);
      }),
    );
  });

  it('waits for the longer of its own time and what the receiver asks for', () => {
    fc.assert(
      fc.property(made, random, fc.nat({ max: 86_400 }), (attempts, chance, asked) => {
        const own = secondsAfter(nextAttemptAt(attempts, NOW, chance));
        expect(secondsAfter(nextAttemptAt(attempts, NOW, chance, asked))).toBe(Math.max(own, asked));
      }),
    );
  });
});

describe('Retry-After', () => {
  it.each([
    ['seconds', '120', 120],
    ['no time at all', '0', 0],
    ['a date', 'Fri, 20 Nov 2026 09:02:00 GMT', 120],
    ['a date that has passed', 'Fri, 20 Nov 2026 08:00:00 GMT', 0],
    ['more than 24 hours, as 24 hours', '604800', 86_400],
    ['a far date, as 24 hours', 'Wed, 20 Nov 2030 09:00:00 GMT', 86_400],
    ['more seconds than a number holds, as nothing', '9'.repeat(400), 0],
    ['a negative number, as nothing', '-120', 0],
    ['a fraction, as nothing', '1.5', 0],
    ['words, as nothing', 'soon', 0],
    ['a date that is none, as nothing', 'Fri, 99 Nov 2026 09:02:00 GMT', 0],
    ['nothing', '', 0],
    ['no header', undefined, 0],
  ])('is understood: %s', (_, header, seconds) => {
    expect(retryAfterSeconds(header, NOW)).toBe(seconds);
  });

  it('gives 0 to 24 hours whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const seconds = retryAfterSeconds(header, NOW);
        expect(seconds >= 0 && seconds <= 86_400).toBe(true);
      }),
    );
  });
});
