import * as z from 'zod';
import { looksLikeCpr } from '../cpr.ts';

/** Where plain texts stand in the values of one schema; undefined where there can be none. */
type PlainTexts =
  | { readonly kind: 'text' }
  | { readonly kind: 'list'; readonly element: PlainTexts }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [name: string, texts: PlainTexts])[] }
  | undefined;

/** Walking a schema takes longer than checking a value, so what was found of one is kept as long as the schema is. */
const known = new WeakMap<z.ZodType, { readonly texts: PlainTexts }>();

function plainTextsOf(schema: z.ZodType): PlainTexts {
  const found = known.get(schema);
  if (found) return found.texts;
  const texts = foundIn(schema);
  known.set(schema, { texts });
  return texts;
}

/** Returns the schema inside an `optional()` or the like; undefined for any other schema. */
function insideOf(schema: z.ZodType): z.ZodType | undefined {
  const wraps =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodNonOptional;
  return wraps ? (schema.unwrap() as z.ZodType) : undefined;
}

const isPlainText = (schema: z.ZodType): boolean =>
  schema instanceof z.ZodUnion
    ? schema.options.some((option) => isPlainText(option as z.ZodType))
    : schema.meta()?.plainText === true;

function foundIn(schema: z.ZodType): PlainTexts {
  if (schema.meta()?.sensitivity !== undefined) return undefined;
  const inside = insideOf(schema);
  if (inside) return plainTextsOf(inside);
  if (schema instanceof z.ZodArray) {
    const element = plainTextsOf(schema.element as z.ZodType);
    return element && { kind: 'list', element };
  }
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape as z.ZodRawShape)
      .map(([name, field]) => [name, plainTextsOf(field as z.ZodType)] as const)
      .filter(([, texts]) => texts !== undefined);
    return fields.length > 0 ? { kind: 'object', fields } : undefined;
  }
  return isPlainText(schema) ? { kind: 'text' } : undefined;
}

function* cprLikeAt(
  texts: PlainTexts,
  value: unknown,
  path: readonly PropertyKey[],
): Generator<readonly PropertyKey[]> {
  if (texts === undefined || value === undefined || value === null) return;
  if (texts.kind === 'text') {
    if (typeof value === 'string' && looksLikeCpr(value)) yield path;
  } else if (texts.kind === 'list') {
    if (!Array.isArray(value)) return;
    for (const [at, entry] of value.entries()) yield* cprLikeAt(texts.element, entry, [...path, at]);
  } else if (typeof value === 'object') {
    for (const [name, inner] of texts.fields)
      yield* cprLikeAt(inner, (value as Readonly<Record<string, unknown>>)[name], [...path, name]);
  }
}

/**
 * Gives the paths of the plain texts in a parsed value that look like they hold a CPR number. Plain is every text that a
 * person or another system words freely (fields.ts marks them) and that stands in no sensitive field.
 */
export const cprLikeIn = (schema: z.ZodType, value: unknown): Generator<readonly PropertyKey[]> =>
  cprLikeAt(plainTextsOf(schema), value, []);
