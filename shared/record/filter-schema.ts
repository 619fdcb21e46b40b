import * as z from 'zod';
import { reference } from './fields.ts';
import { flagInQuery, wholeInQuery } from './query.ts';
import type { Resource } from './resource.ts';
import { statusesOf } from './schemas.ts';

/** The schema inside an `optional()`, a `default()` or the like. */
function unwrapped(schema: z.ZodType): z.ZodType {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable;
  return wraps ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

const isSensitive = (field: z.ZodType): boolean =>
  field.meta()?.sensitivity !== undefined || unwrapped(field).meta()?.sensitivity !== undefined;

/** The field that a list can be filtered by under this name, or the entries of the list of such values. */
function fieldOf(resource: Resource, name: string): z.ZodType | undefined {
  const fields: Readonly<Record<string, unknown>> = { ...resource.fields(), ...resource.derived?.() };
  const one = fields[name];
  if (one !== undefined) return unwrapped(one as z.ZodType);
  const many = [`${name}s`, name.replace(/y$/, 'ies')].flatMap((plural) => fields[plural] ?? [])[0];
  const list = many && unwrapped(many as z.ZodType);
  return list instanceof z.ZodArray ? (list.element as z.ZodType) : undefined;
}

/** Names of the fields that hold one of a closed set of values, or yes or no, and are shown in lists. */
function vocabularies(resource: Resource): string[] {
  return Object.entries(resource.fields()).flatMap(([name, field]) => {
    const schema = unwrapped(field as z.ZodType);
    const isClosed = schema instanceof z.ZodEnum || schema instanceof z.ZodBoolean;
    return isClosed && !isSensitive(field as z.ZodType) ? [name] : [];
  });
}

/** Names of a resource's list filters: those with an index, and every field with a closed vocabulary. */
export const filterNames = (resource: Resource): string[] => [
  ...new Set([...Object.keys(resource.filters ?? {}), ...Object.keys(resource.edges ?? {}), ...vocabularies(resource)]),
];

/**
 * The schema of a filter's value: that of the field it goes by, so that a value which no record can have is refused instead of
 * finding nothing. Throws where a resource filters by something that is neither a field of its own nor an id.
 */
export function filterSchema(resource: Resource, name: string): z.ZodType {
  if (name === 'status' && resource.machine) return z.enum(statusesOf(resource.machine));
  const filter = resource.filters?.[name];
  if (typeof filter === 'object' && filter.values) return z.enum(filter.values);
  const field = fieldOf(resource, name);
  if (field === undefined) {
    if (name.endsWith('Id')) return reference(name);
    throw new TypeError(`${resource.path} has no field for its filter ${name}`);
  }
  if (field instanceof z.ZodBoolean) return flagInQuery();
  if (field instanceof z.ZodNumber) return wholeInQuery(field);
  return field;
}
