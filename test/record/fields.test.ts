import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCprDate } from '#shared/cpr.ts';
import { cprNumber, cvrNumber, day, isCvr, municipalityCode, phone, productionUnit } from '#shared/record/fields.ts';
import { allMunicipalities } from '#shared/register/register.ts';

const digits = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{${count}}$`));

describe('a CVR number', () => {
  const cvr = cvrNumber('CVR.');

  it('is that of each of the 98 municipalities', () => {
    for (const entry of allMunicipalities()) expect(cvr.parse(entry.cvr)).toBe(entry.cvr);
  });

  it('with one digit wrong, or two neighbours swapped, is none', () => {
    const place = fc.integer({ min: 0, max: 7 });
    fc.assert(
      fc.property(fc.constantFrom(...allMunicipalities()), place, fc.integer({ min: 1, max: 9 }), (entry, at, by) => {
        const list = [...entry.cvr];
        const wrong = list.with(at, String((Number(list[at]) + by) % 10)).join('');
        expect(isCvr(wrong)).toBe(false);
        const [a, b] = [list[at], list[at + 1]];
        if (b !== undefined && a !== b)
          expect(
            isCvr(
              list
                .with(at, b)
                .with(at + 1, String(a))
                .join(''),
            ),
          ).toBe(false);
      }),
    );
  });

  it.each(['2918990', '291899000', '29 18 99 00', 'DK29189900', '２９１８９９００', ''])('is not %j', (text) => {
    expect(cvr.safeParse(text).success).toBe(false);
  });
});

describe('a CPR number', () => {
  const cpr = cprNumber('CPR.');

  it('is ten digits of which the first six are a date, with or without a hyphen, whatever their modulus 11', () => {
    fc.assert(
      fc.property(digits(6), digits(4), fc.constantFrom('', '-'), (date, serial, hyphen) => {
        const { success, data } = cpr.safeParse(`${date}${hyphen}${serial}`);
        expect(success ? data : undefined).toBe(isCprDate(date) ? `${date}${serial}` : undefined);
      }),
    );
  });

  it.each(['61018-01234', '610180 1234', '610180--1234', '610180123', '61018012345', '-6101801234', 'abcdef-1234'])(
    'is not %j',
    (text) => {
      expect(cpr.safeParse(text).success).toBe(false);
    },
  );
});

describe('a municipality code', () => {
  it('of three digits is one of four', () => {
    expect(['630', '0630', '101'].map((code) => municipalityCode('Code.').parse(code))).toEqual([
      '0630',
      '0630',
      '0101',
    ]);
  });

  it.each(['63', '06300', '06 3', ''])('is not %j', (text) => {
    expect(municipalityCode('Code.').safeParse(text).success).toBe(false);
  });
});

describe('a P-nummer', () => {
  it('is any ten digits', () => {
    fc.assert(
      fc.property(digits(10), (text) => {
        expect(productionUnit('P.').parse(text)).toBe(text);
      }),
    );
    expect(productionUnit('P.').safeParse('123456789').success).toBe(false);
  });
});

describe('a telephone number', () => {
  it.each([
    ['+45 70 10 20 30', '+4570102030'],
    ['112', '112'],
    ['70102030', '70102030'],
  ])('%j is kept as %j', (text, kept) => {
    expect(phone('Telephone.').parse(text)).toBe(kept);
  });
});

describe('a date', () => {
  it('is a day that exists', () => {
    const date = fc.date({ min: new Date('1900-01-01'), max: new Date('2199-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(date, (some) => {
        const text = some.toISOString().slice(0, 10);
        expect(day('Day.').parse(text)).toBe(text);
      }),
    );
    for (const none of ['2026-02-29', '2026-13-01', '2026-1-1', '1899-12-31', '2200-01-01']) {
      expect(day('Day.').safeParse(none).success).toBe(false);
    }
  });
});
