import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedFields, mergePatch } from '#shared/record/merge.ts';
import type { Fields } from '#shared/record/resource.ts';

describe('a merge patch', () => {
  // RFC 7396, appendix A: those whose original and patch are objects, as a record and its patch are.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j with %j is %j', (original, patch, result) => {
    expect(mergePatch(original, patch)).toEqual(result);
  });

  it('of the text of RFC 7396, section 3', () => {
    const original = {
      title: 'Goodbye!',
      author: { givenName: 'John', familyName: 'Doe' },
      tags: ['example', 'sample'],
      content: 'This will be unchanged',
    };
    const patch = { title: 'Hello!', phoneNumber: '+01-123-456-7890', author: { familyName: null }, tags: ['example'] };
    expect(mergePatch(original, patch)).toEqual({
      title: 'Hello!',
      author: { givenName: 'John' },
      tags: ['example'],
      content: 'This will be unchanged',
      phoneNumber: '+01-123-456-7890',
    });
  });

  const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }) as fc.Arbitrary<Fields>;

  it('applied twice is as applied once, and leaves its arguments alone', () => {
    fc.assert(
      fc.property(json, json, (original, patch) => {
        const [before, asked] = [structuredClone(original), structuredClone(patch)];
        const once = mergePatch(original, patch);
        expect(mergePatch(once, patch)).toEqual(once);
        expect([original, patch]).toEqual([before, asked]);
      }),
    );
  });

  it('keeps a member called __proto__ an ordinary member', () => {
    const result = mergePatch({}, JSON.parse('{"__proto__":{"kind":"almen"}}') as Fields);
    expect(Object.keys(result)).toEqual(['__proto__']);
    expect((result as { kind?: string }).kind).toBeUndefined();
    expect(({} as { kind?: string }).kind).toBeUndefined();
  });
});

describe('what changed', () => {
  it('is each field that differs, in order of their names, absent and undefined being the same', () => {
    expect(changedFields({ b: 1, a: [1, { x: 2 }], c: undefined, d: 1 }, { a: [1, { x: 2 }], b: 2, e: 1 })).toEqual([
      'b',
      'd',
      'e',
    ]);
  });
});
