import * as z from 'zod';
import { parentFields } from './place.ts';
import type { Fields, Resource } from './resource.ts';
import { schemasOf } from './schemas.ts';
import type { Whole } from './stored.ts';

/** What stands in the place of a text that must be there (“erased”). */
export const ERASED = '[slettet]';

/** Common fields that can say who somebody is: free text, and what other systems know the person by. */
const COMMON = ['statusReason', 'externalId', 'caseRefs'];

/** The schema inside `optional()` and the like. */
function inside(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return inside(schema.unwrap() as z.ZodType);
  return schema;
}

/** The value without what may say who somebody is; undefined where nothing of it may stay and it may be left out. */
function impersonalPart(field: z.ZodType, value: unknown): unknown {
  const schema = inside(field);
  if (typeof value === 'string') {
    if (schema instanceof z.ZodUnion)
      return schema.options.some((option) => isPersonal(option as z.ZodType)) ? ERASED : value;
    if (!isPersonal(schema)) return value;
    return field instanceof z.ZodOptional ? undefined : ERASED;
  }
  if (Array.isArray(value)) {
    if (!(schema instanceof z.ZodArray)) return value;
    const item = schema.element as z.ZodType;
    if (!isPersonal(inside(item))) return value.map((entry) => impersonalPart(item, entry));
    return schema.safeParse([]).success ? [] : [ERASED];
  }
  if (schema instanceof z.ZodObject && typeof value === 'object' && value !== null)
    return impersonalFields(schema.shape, value as Fields);
  return value;
}

const isPersonal = (schema: z.ZodType): boolean => schema.meta()?.personal === true;

function impersonalFields(shape: z.ZodRawShape, record: Fields): Fields {
  const kept = Object.entries(record).map(([name, value]) => {
    const field = shape[name] as z.ZodType | undefined;
    return [name, field && value !== undefined ? impersonalPart(field, value) : value] as const;
  });
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined));
}

/** The fields of a record that are not of these names; a sensitive one that has a default is what it is by default. */
function without(resource: Resource, record: Whole, names: readonly string[]): Fields {
  const { sensitivity, fields } = schemasOf(resource);
  const kept = Object.entries(record).flatMap(([name, value]) => {
    if (names.includes(name)) return [];
    if (!sensitivity[name]) return [[name, value] as const];
    const field = fields.shape[name];
    return field instanceof z.ZodDefault ? [[name, field.parse(undefined)] as const] : [];
  });
  return Object.fromEntries(kept);
}

/**
 * A record about a person without what may say who that is: no sensitive field, no free text, number or address, no id of
 * another system. Dates, kinds, statuses and the ids of records stay, which is what reports count. A text that has to be
 * there becomes {@link ERASED}. What it gives is the same when it is done again.
 */
export function withoutPersonal(resource: Resource, record: Whole): Whole {
  const shape = { ...resource.fields(), ...resource.derived?.() };
  return impersonalFields(shape, without(resource, record, COMMON)) as Whole;
}

/**
 * A record in which several persons take part (a group, its sessions, a course) without what may say who they are: its own
 * plain fields are about none of them and stay.
 */
export const withoutSensitive = (resource: Resource, record: Whole): Whole =>
  without(resource, record, ['statusReason']) as Whole;

/** What stays of a record that is gone: which one it was, where it stood, and its last version. */
export function remainsOf(resource: Resource, record: Whole): Whole {
  const names = ['id', 'municipality', 'version', ...parentFields(resource)];
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name))) as unknown as Whole;
}
