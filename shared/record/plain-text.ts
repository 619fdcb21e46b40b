import * as z from 'zod';
import { looksLikeCpr } from '../cpr.ts';

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

/** Gives the children of a value that its schema describes, each with its own schema. */
function* childrenOf(schema: z.ZodType, value: object): Generator<readonly [PropertyKey, z.ZodType, unknown]> {
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    for (const [at, entry] of value.entries()) yield [at, schema.element as z.ZodType, entry];
  } else if (schema instanceof z.ZodObject) {
    for (const [name, field] of Object.entries(schema.shape as z.ZodRawShape))
      yield [name, field as z.ZodType, (value as Readonly<Record<string, unknown>>)[name]];
  }
}

/**
 * Gives the paths of the plain texts in a parsed value that look like they hold a CPR number. Plain is every text that a
 * person or another system words freely (fields.ts marks them) and that stands in no sensitive field.
 */
export function* cprLikeIn(
  schema: z.ZodType,
  value: unknown,
  path: readonly PropertyKey[] = [],
): Generator<readonly PropertyKey[]> {
  if (value === undefined || schema.meta()?.sensitivity !== undefined) return;
  const inside = insideOf(schema);
  if (inside) yield* cprLikeIn(inside, value, path);
  else if (typeof value === 'string') {
    if (isPlainText(schema) && looksLikeCpr(value)) yield path;
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, child, entry] of childrenOf(schema, value)) yield* cprLikeIn(child, entry, [...path, name]);
  }
}
