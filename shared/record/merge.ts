import { isDeepStrictEqual } from 'node:util';
import type { Fields } from './resource.ts';

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A JSON merge patch applied (RFC 7396 §2): null removes, objects merge, anything else replaces. The result is built
 * from entries, so a member called `__proto__` stays an ordinary member and is refused as unknown later.
 */
export function mergePatch(target: Fields, patch: Fields): Fields {
  const result = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else if (isObject(value)) {
      const standing = result.get(name);
      result.set(name, mergePatch(isObject(standing) ? standing : {}, value));
    } else result.set(name, value);
  }
  return Object.fromEntries(result);
}

/** Names of the fields in which two records differ; an absent field and an undefined one are the same. */
export function changedFields(before: object, after: object): string[] {
  const [old, young] = [before as Fields, after as Fields];
  const names = new Set([...Object.keys(old), ...Object.keys(young)]);
  return [...names].filter((name) => !isDeepStrictEqual(old[name], young[name])).sort();
}
