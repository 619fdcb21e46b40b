import * as z from 'zod';

/** The keywords of JSON Schema 2020-12 that the document uses, in the order in which they are written. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly description?: string;
  readonly 'x-sensitivity'?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly examples?: readonly unknown[];
}

const KEYWORDS: readonly (keyof JsonSchema)[] = [
  '$ref',
  'description',
  'x-sensitivity',
  'type',
  'format',
  'const',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'uniqueItems',
  'default',
  'properties',
  'required',
  'propertyNames',
  'additionalProperties',
  'items',
  'anyOf',
  'examples',
];

/** Formats that say all that zod's pattern for them says. */
const PLAIN_FORMATS = new Set(['date', 'date-time', 'email', 'uuid']);

/**
 * Unicode classes spelled out, for those whose regular expressions do not know them. Lone surrogates and the last code
 * point, which is no character, are left out: nobody writes them.
 */
const portable = (pattern: string): string =>
  pattern
    .replaceAll('\\p{Cc}', '\\u0000-\\u001f\\u007f-\\u009f')
    .replaceAll('\\p{Cs}', '')
    .replaceAll('\\u{10ffff}', '');

const SENSITIVITY_NOTES: Readonly<Record<string, string>> = {
  S: ' Sensitive: only a read with the scope `sensitive:read` shows it.',
  SS: ' Sensitive: only a read with the scope `sensitive:read`, by the organisation that wrote it, shows it.',
};

/** The same object with each value replaced. */
export const mapValues = <From, To>(
  object: Readonly<Record<string, From>>,
  to: (value: From, name: string) => To,
): Record<string, To> => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, to(value, name)]));

/** A schema with each of its direct subschemas replaced. */
export const mapSubschemas = (schema: JsonSchema, to: (subschema: JsonSchema) => JsonSchema): JsonSchema => ({
  ...schema,
  ...(schema.properties && { properties: mapValues(schema.properties, to) }),
  ...(schema.items && { items: to(schema.items) }),
  ...(schema.anyOf && { anyOf: schema.anyOf.map(to) }),
});

const SCHEMAS = '#/components/schemas/';

/** A reference to a named schema of the document. */
export const refTo = (name: string): JsonSchema => ({ $ref: `${SCHEMAS}${name}` });

/** The name that a reference leads to. */
export function nameOfRef({ $ref }: JsonSchema): string {
  if (!$ref?.startsWith(SCHEMAS)) throw new TypeError('Bodies and answers are references to named schemas');
  return $ref.slice(SCHEMAS.length);
}

/** What our fields are marked with (shared/record/fields.ts). */
interface Marks {
  readonly sensitivity?: string;
  readonly personal?: boolean;
  readonly plainText?: boolean;
}

type Direction = 'input' | 'output';

/**
 * The JSON Schema of what a caller sends (`input`) or gets (`output`). What is sent may have no unknown field; what comes
 * back may get new ones in time, so nobody should refuse them.
 * @throws Error where the schema has something that the document has no way to say
 */
export function jsonSchemaOf(schema: z.ZodType, direction: Direction): JsonSchema {
  const { $schema: _, ...converted } = z.toJSONSchema(schema, { io: direction });
  return tidy(converted as JsonSchema & Marks, direction);
}

function tidy(schema: JsonSchema & Marks, direction: Direction): JsonSchema {
  const { sensitivity, personal: _, plainText: __, ...rest } = schema;
  const { description, format, pattern, maximum, properties = {} } = rest;
  const noted = description !== undefined && sensitivity !== undefined && SENSITIVITY_NOTES[sensitivity];
  const said: JsonSchema = {
    ...rest,
    ...(pattern !== undefined && { pattern: portable(pattern) }),
    ...(noted && { description: `${description}${noted}`, 'x-sensitivity': sensitivity }),
  };
  const needless = new Set<string>([
    ...(pattern !== undefined && PLAIN_FORMATS.has(format ?? '') ? ['pattern'] : []),
    ...(maximum === Number.MAX_SAFE_INTEGER ? ['maximum'] : []),
    ...(direction === 'output' && Object.keys(properties).length > 0 ? ['additionalProperties'] : []),
  ]);
  const unknown = Object.keys(said).filter((keyword) => !(KEYWORDS as readonly string[]).includes(keyword));
  if (unknown.length > 0) throw new Error(`The document has no way to say ${unknown.join(', ')}`);
  const ordered = KEYWORDS.filter((keyword) => keyword in said && !needless.has(keyword));
  const kept = Object.fromEntries(ordered.map((keyword) => [keyword, said[keyword]])) as JsonSchema;
  return mapSubschemas(kept, (subschema) => tidy(subschema, direction));
}

/** The schema, with null allowed. */
function nullable(schema: JsonSchema): JsonSchema {
  if (schema.anyOf) return { ...schema, anyOf: [...schema.anyOf, { type: 'null' }] };
  return {
    ...schema,
    type: [schema.type as string, 'null'],
    ...(schema.enum && { enum: [...schema.enum, null] }),
  };
}

/** A patch of an object whose members have no names given here takes each of them away with null. */
const openPatchOf = (field: JsonSchema): JsonSchema =>
  typeof field.additionalProperties === 'object'
    ? { ...field, additionalProperties: nullable(field.additionalProperties) }
    : field;

/**
 * What a JSON merge patch of an input may hold (RFC 7396): any of its fields, null where a field may be absent, the same
 * inside nested objects. Lists are replaced whole, so their entries stay as they are. A default belongs to what is left
 * out of a new record; what a patch leaves out stays.
 */
export function patchSchemaOf({ properties = {}, required = [], ...rest }: JsonSchema): JsonSchema {
  return {
    ...rest,
    properties: mapValues(properties, (property, name) => {
      const { default: _, ...field } = property;
      const patched = field.properties ? patchSchemaOf(field) : openPatchOf(field);
      return required.includes(name) ? patched : nullable(patched);
    }),
  };
}
