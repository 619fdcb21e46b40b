import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '#shared/errors.ts';
import { openCursor, sealCursor } from '#shared/table/cursor.ts';

const newKey = () => ({ secret: randomBytes(32).toString('base64') });
const key = newKey();
const text = fc.string({ unit: 'grapheme' });

function expectClosed(open: () => unknown): void {
  expect(open).toThrow(Problem);
  expect(open).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
}

describe('a cursor', () => {
  it('opens with its key and query to what was sealed', () => {
    fc.assert(
      fc.property(text, text, (query, sortKey) => {
        expect(openCursor(key, query, sealCursor(key, query, sortKey))).toBe(sortKey);
      }),
    );
  });

  it('opens with no other key', () => {
    fc.assert(
      fc.property(text, (sortKey) => expectClosed(() => openCursor(newKey(), 'q', sealCursor(key, 'q', sortKey)))),
    );
  });

  it('opens for no other query', () => {
    fc.assert(
      fc.property(text, text, text, (query, other, sortKey) => {
        fc.pre(query !== other);
        expectClosed(() => openCursor(key, other, sealCursor(key, query, sortKey)));
      }),
    );
  });

  it('opens with no bit changed and no byte more or less', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.constantFrom('flip', 'cut', 'add'), (sortKey, at, how) => {
        const bytes = Buffer.from(sealCursor(key, 'q', sortKey), 'base64url');
        const place = at % bytes.length;
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(bytes.readUInt8(place) ^ (1 << (at % 8)), place);
        const other = {
          flip: flipped,
          cut: bytes.subarray(0, place),
          add: Buffer.concat([bytes, Buffer.of(at % 256)]),
        }[how];
        expectClosed(() => openCursor(key, 'q', other.toString('base64url')));
      }),
    );
  });

  it('is nothing that somebody could make up', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (made) => expectClosed(() => openCursor(key, 'q', made))));
  });

  it('never looks the same twice, and is fit for a URL', () => {
    const [one, other] = [sealCursor(key, 'q', 'a'), sealCursor(key, 'q', 'a')];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^[\w-]+$/);
  });
});
