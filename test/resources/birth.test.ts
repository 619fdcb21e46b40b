import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agesOn, birthDateOf } from '#shared/resources/birth.ts';

/** The table of the CPR office as it stands there: 7th digits, years in the number, years of birth. */
const OFFICE: readonly (readonly [string, number, number])[] = [
  ['0123', 1900, 1999],
  ['4', 2000, 2036],
  ['4', 1937, 1999],
  ['5678', 2000, 2057],
  ['5678', 1858, 1899],
  ['9', 2000, 2036],
  ['9', 1937, 1999],
];

/** Every day from the first of one year to the last of another. */
function* daysOf(first: number, last: number): Generator<string> {
  const day = new Date(Date.UTC(first, 0, 1));
  for (; day.getUTCFullYear() <= last; day.setUTCDate(day.getUTCDate() + 1)) yield day.toISOString().slice(0, 10);
}

/** Every date that a CPR number can tell, by its first seven digits: written out of the table, day by day. */
const told = new Map<string, string>();
for (const [digits, first, last] of OFFICE) {
  for (const date of daysOf(first, last)) {
    const [year = '', month = '', day = ''] = date.split('-');
    for (const digit of digits) told.set(`${day}${month}${year.slice(2)}${digit}`, date);
  }
}

const twoDigits = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).map((number) => String(number).padStart(2, '0'));
/** Numbers whose day and month mostly exist. */
const numbers = fc
  .tuple(twoDigits(0, 33), twoDigits(0, 14), twoDigits(0, 99), twoDigits(0, 99), twoDigits(0, 99))
  .map((parts) => parts.join(''));
const dates = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2060-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

describe('the date of birth in a CPR number', () => {
  it('is that of the CPR office’s table, century by the 7th digit, and none where there is no such date', () => {
    fc.assert(
      fc.property(numbers, (cpr) => {
        expect(birthDateOf(cpr)).toBe(told.get(cpr.slice(0, 7)));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['6101000000', '1900-01-01'],
    ['9112993999', '1999-12-31'],
    ['9112364000', '2036-12-31'],
    ['6101374000', '1937-01-01'],
    ['9112575000', '2057-12-31'],
    ['6101588999', '1858-01-01'],
    ['9112369000', '2036-12-31'],
    ['6101379000', '1937-01-01'],
    ['8902000000', undefined],
    ['8902004000', '2000-02-29'],
  ])('of %s is %s: at the edges of the table', (cpr, date) => {
    expect(birthDateOf(cpr)).toBe(date);
  });

  it('is the same with 60 added to the day, as demo numbers have it', () => {
    fc.assert(
      fc.property(numbers, (cpr) => {
        expect(birthDateOf(`${Number(cpr.slice(0, 2)) + 60}${cpr.slice(2)}`)).toBe(told.get(cpr.slice(0, 7)));
      }),
      { numRuns: 1_000 },
    );
    for (const cpr of ['6001144321', '9901144321', '9201144321']) expect(birthDateOf(cpr)).toBeUndefined();
  });
});

/** Birthdays passed by a day, counted one by one. */
function slowAge(born: string, date: string): number {
  let years = 0;
  while (`${Number(born.slice(0, 4)) + years + 1}${born.slice(4)}` <= date) years += 1;
  return years;
}

describe('a child’s age', () => {
  it('with a CPR number is the number of its birthdays, whatever the year says', () => {
    const young = [...told].filter(([, date]) => date >= '1990');
    const years = fc.option(fc.integer({ min: 1990, max: 2057 }));
    fc.assert(
      fc.property(fc.nat({ max: young.length - 1 }), dates, years, (at, date, birthYear) => {
        const [start, birth] = young[at] as [string, string];
        fc.pre(birth <= date);
        const age = slowAge(birth, date);
        const child = { cpr: `${start}000`, ...(birthYear !== null && { birthYear }) };
        expect(agesOn(child, date)).toEqual({ min: age, max: age });
      }),
      { numRuns: 500 },
    );
  });

  it('with only a year is one of those that a child born in it may have', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1990, max: 2057 }), dates, (birthYear, date) => {
        fc.pre(Number(date.slice(0, 4)) >= birthYear);
        const ages = [...daysOf(birthYear, birthYear)]
          .filter((born) => born <= date)
          .map((born) => slowAge(born, date));
        expect(agesOn({ birthYear }, date)).toEqual({ min: Math.min(...ages), max: Math.max(...ages) });
      }),
      { numRuns: 60 },
    );
  });

  it('falls back to the year where the CPR number has no such date', () => {
    expect(agesOn({ birthYear: 2014, cpr: '9102144321' }, '2026-11-20')).toEqual({ min: 11, max: 12 });
  });

  it('is below zero before the birth', () => {
    expect(agesOn({ cpr: '6112264000' }, '2026-11-20')?.max).toBeLessThan(0);
    expect(agesOn({ birthYear: 2027 }, '2026-12-31')?.max).toBeLessThan(0);
  });
});
