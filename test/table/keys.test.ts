import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey, encodeSegment } from '#shared/table/keys.ts';

/** Any text at all: lone surrogates, control characters, and often what has a meaning in a key. */
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('#', '%', '%0023', '\ud800', '\udc00', '\u0000', 'T', 'A', '', '0630'), { maxLength: 5 })
    .map((parts) => parts.join('')),
);
const segments = fc.array(anything, { minLength: 1, maxLength: 5 });

/** The way back, as slowly and obviously as possible: a key can be read, so no two lists give the same. */
const decode = (key: string): string[] =>
  key
    .split('#')
    .map((segment) => segment.replaceAll(/%([0-9a-f]{4})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))));

describe('a key', () => {
  it('can be read back as the list it was made of, whatever stands in that', () => {
    fc.assert(
      fc.property(segments, (list) => {
        expect(decode(encodeKey(list))).toEqual(list);
      }),
    );
  });

  it('of another list is another, also as bytes', () => {
    const bytes = (list: readonly string[]) => Buffer.from(encodeKey(list)).toString('hex');
    fc.assert(
      fc.property(segments, segments, (one, other) => {
        expect(bytes(one) === bytes(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it('has no # but between its segments, and nothing that cannot be stored or printed', () => {
    fc.assert(
      fc.property(anything, (segment) => {
        expect(encodeSegment(segment)).not.toMatch(/#|[\p{Cc}\p{Cs}]/u);
      }),
    );
  });

  it('of one municipality never stands among those of another, whatever the value', () => {
    const code = fc.integer({ min: 0, max: 9_999 }).map((number) => String(number).padStart(4, '0'));
    fc.assert(
      fc.property(code, code, segments, (own, other, values) => {
        const key = encodeKey(['T', own, ...values]);
        expect(key.startsWith(`T#${own}#`)).toBe(true);
        expect(key.startsWith(`T#${other}#`)).toBe(own === other);
      }),
    );
  });

  it('keeps letters, digits and ids as they are', () => {
    expect(encodeKey(['L', 'families', 'Ærø-åen_1', '🏡'])).toBe('L#families#Ærø-åen_1#🏡');
    expect(encodeKey(['a#b', '50%', '\n', '\ud800'])).toBe('a%0023b#50%0025#%000a#%d800');
  });
});
