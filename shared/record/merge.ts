import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../errors.ts';
import type { Fields } from './resource.ts';

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deeper than any record. */
const DEEPEST = 20;

/**
 * A JSON merge patch applied (RFC 7396 §2): null removes, objects merge, anything else replaces. The result is built
 * from entries, so a member called `__proto__` stays an ordinary member and is refused as unknown later. Throws 422 when
 * the patch is no object or its objects stand in one another deeper than in any record.
 */
export function mergePatch(target: Fields, patch: unknown, depth = 1): Fields {
  if (!isObject(patch)) throw invalid('', 'A merge patch is a JSON object.', 'invalid_type');
  if (depth > DEEPEST) throw invalid('', `Objects stand ${DEEPEST} deep in one another at most.`, 'invalid_value');
  const result = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else if (isObject(value)) {
      const standing = result.get(name);
      result.set(name, mergePatch(isObject(standing) ? standing : {}, value, depth + 1));
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
