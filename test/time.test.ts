import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localDateOf, plusSeconds, quarterOf, startOfDay } from '#shared/time.ts';

const HOUR_MS = 3_600_000;

/** The first instant of a day in Denmark, found by looking at every hour around it. */
function slowStartOfDay(date: string): string {
  const formatter = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Copenhagen', dateStyle: 'short' });
  for (let time = Date.parse(date) - 12 * HOUR_MS; ; time += HOUR_MS) {
    if (formatter.format(new Date(time)) === date) return new Date(time).toISOString();
  }
}

const lastSunday = (year: number, month: number): string => {
  const last = new Date(Date.UTC(year, month, 0));
  last.setUTCDate(last.getUTCDate() - last.getUTCDay());
  return last.toISOString().slice(0, 10);
};
const shifted = (date: string, days: number): string =>
  new Date(Date.parse(date) + days * 24 * HOUR_MS).toISOString().slice(0, 10);

describe('a day in Denmark', () => {
  it('starts at midnight there, on the days of clock change and around them too', () => {
    for (let year = 2019; year <= 2030; year += 1) {
      for (const change of [lastSunday(year, 3), lastSunday(year, 10)]) {
        for (const days of [-1, 0, 1]) {
          expect(startOfDay(shifted(change, days))).toBe(slowStartOfDay(shifted(change, days)));
        }
      }
    }
  });

  it('starts at midnight there on any day of 1980 to 2100', () => {
    const date = fc
      .date({ min: new Date('1980-01-02'), max: new Date('2100-12-31'), noInvalidDate: true })
      .map((some) => some.toISOString().slice(0, 10));
    fc.assert(
      fc.property(date, (some) => {
        expect(startOfDay(some)).toBe(slowStartOfDay(some));
      }),
      { numRuns: 40 },
    );
  });

  it('has 23 hours when the clock goes forward, and 25 when it goes back', () => {
    const hours = (date: string) => (Date.parse(startOfDay(shifted(date, 1))) - Date.parse(startOfDay(date))) / HOUR_MS;
    expect([hours('2026-03-29'), hours('2026-10-25'), hours('2026-06-01')]).toEqual([23, 25, 24]);
  });

  it('is the day of its first instant, and not of the one before', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1980-01-02'), max: new Date('2100-12-31'), noInvalidDate: true }),
        (some) => {
          const date = localDateOf(some.toISOString());
          expect(localDateOf(startOfDay(date))).toBe(date);
          expect(localDateOf(plusSeconds(startOfDay(date), -0.001))).toBe(shifted(date, -1));
        },
      ),
    );
  });
});

describe('a quarter', () => {
  it.each([
    ['2026-01-01', 1],
    ['2026-03-31', 1],
    ['2026-04-01', 2],
    ['2026-06-30', 2],
    ['2026-07-01', 3],
    ['2026-09-30', 3],
    ['2026-10-01', 4],
    ['2026-12-31', 4],
  ])('of %s is number %i', (date, quarter) => {
    expect(quarterOf(date)).toEqual({ year: 2026, quarter });
  });

  it('of New Year’s Eve after midnight in Denmark is the first of the new year', () => {
    expect(quarterOf(localDateOf('2026-12-31T22:59:59.999Z'))).toEqual({ year: 2026, quarter: 4 });
    expect(quarterOf(localDateOf('2026-12-31T23:00:00.000Z'))).toEqual({ year: 2027, quarter: 1 });
  });
});

describe('seconds', () => {
  it('are added and taken away to the millisecond', () => {
    expect(plusSeconds('2026-11-20T09:00:00.000Z', 0.0014)).toBe('2026-11-20T09:00:00.001Z');
    expect(plusSeconds('2026-11-20T09:00:00.000Z', -86_400)).toBe('2026-11-19T09:00:00.000Z');
  });
});
