import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCprDate, looksLikeCpr } from '#shared/cpr.ts';

const DIGIT = /^[0-9]$/;

/** A slow reference, by the calendar of the runtime and one character at a time. */
function isDate(digits: string): boolean {
  const [day, month, year] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2))) as [number, number, number];
  return [1800, 1900, 2000].some((century) =>
    [day, day - 60].some((date) => {
      const tried = new Date(Date.UTC(century + year, month - 1, date));
      return date > 0 && tried.getUTCMonth() === month - 1 && tried.getUTCDate() === date;
    }),
  );
}

function holdsCpr(text: string): boolean {
  for (let start = 0; start < text.length; start += 1) {
    const date = text.slice(start, start + 6);
    const hyphen = '-‐‑–'.includes(text[start + 6] ?? ' ') ? 1 : 0;
    const serial = text.slice(start + 6 + hyphen, start + 10 + hyphen);
    const around = [text[start - 1], text[start + 10 + hyphen]];
    const digits = [...date, ...serial];
    const isTen = digits.length === 10 && digits.every((each) => DIGIT.test(each));
    if (isTen && isDate(date) && around.every((each) => each === undefined || !DIGIT.test(each))) return true;
  }
  return false;
}

/** Texts that are dense with dates, hyphens and digits. */
const texts = fc
  .array(
    fc.oneof(
      fc.constantFrom('610180', '010190', '290200', '290201', '310430', '1234', '-', '–', ' ', 'x', '.', 'ø'),
      fc.stringMatching(/^[0-9]{1,6}$/),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** Without the marks that keep numbers of days that people were born on out of this file. */
const unmarked = (text: string) => text.replaceAll('_', '');

describe('a text', () => {
  it('looks like it holds a CPR number exactly when a slow reference finds one in it', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(looksLikeCpr(text), text).toBe(holdsCpr(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each(['610180-1234', '6101801234', 'CPR6101801234.', 'barnet (01_0190-1234)', '910180–1234', '29_0200-4000'])(
    'that is %j looks like it holds a CPR number',
    (text) => {
      expect(looksLikeCpr(unmarked(text))).toBe(true);
    },
  );

  it.each([
    'a KLE case number: 27.03.00-G01-12-26',
    'ten digits that begin with no date: 31_02801234, 29_02010000, 6001144321, 9901144321',
    'a longer number: 61018012345, 1610180-1234, 610180-12345',
    'a date and a time: 010190 1234',
    'a UUID: ab610180-1234-7000-8000-61018012340a',
    'an id of 24 hexadecimal digits: a61018012347f1f77bcf86cd',
    'a SHA-256: a6101801234b6101801234c6101801234d6101801234e6101801234f61018012',
    '',
  ])('that is %s does not', (text) => {
    expect(looksLikeCpr(unmarked(text))).toBe(false);
  });

  it('that is a UUID after a prefix, as case systems name their messages, does not', () => {
    expect(looksLikeCpr('msg_ab610180-1234-7000-8000-61018012340a')).toBe(false);
    expect(looksLikeCpr('msg_610180-1234')).toBe(true);
  });

  it('of 4,000 digits is searched in less than 100 ms', () => {
    const started = performance.now();
    for (const text of ['610180'.repeat(666), '610180-'.repeat(571), 'a'.repeat(4_000), '61018012345 '.repeat(333)])
      looksLikeCpr(text);
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('six digits', () => {
  it('are a date exactly when the calendar has it in one of three centuries, 60 added to the day or not', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{6}$/), (digits) => {
        expect(isCprDate(digits), digits).toBe(isDate(digits));
      }),
      { numRuns: 5_000 },
    );
  });
});
