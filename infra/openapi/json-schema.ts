import * as z from 'zod';

/** The keywords of JSON Schema 2020-12 that the document uses, in the order in which they are written. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly description?: string;
  readonly 'x-sensitivity'?: string;
  /** Whether no caller can send it. */
  readonly readOnly?: boolean;
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
  /** Zod's own; the document says it in words, because generated types take a field with a default for one that is sent. */
  readonly default?: unknown;
  readonly 'x-default'?: unknown;
  /** The values there are, of a set that grows. */
  readonly 'x-extensible-enum'?: readonly unknown[];
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
  'readOnly',
  'type',
  'format',
  'const',
  'enum',
  'x-extensible-enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'uniqueItems',
  'x-default',
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
  readonly settled?: readonly string[];
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

/** A schema that allows null beside one other, as one schema of two types; any other schema as it is. */
function withoutUnionOfNull(schema: JsonSchema): JsonSchema {
  const [one, other, ...more] = schema.anyOf ?? [];
  if (one === undefined || other?.type !== 'null' || more.length > 0) return schema;
  const { anyOf: _, ...rest } = schema;
  return { ...nullable(one), ...rest };
}

const DEFAULT_NOTE = / Left out: `[^`]*`\.$/;

/** The words for a default, which stand in the description alone. */
const defaultNote = (value: unknown): string =>
  ` Left out: \`${typeof value === 'string' ? value : JSON.stringify(value)}\`.`;

/** Values of an answer: those there are, and the promise that there will be more. */
const growing = ({ enum: values, ...rest }: JsonSchema): JsonSchema => ({
  ...rest,
  description: `${rest.description ?? 'One of a set that grows.'} Today: ${values?.map((value) => `\`${value}\``).join(', ')}.`,
  'x-extensible-enum': values ?? [],
});

function tidy(given: JsonSchema & Marks, direction: Direction): JsonSchema {
  const { sensitivity, personal: _, plainText: __, settled: ___, default: standard, ...schema } = given;
  const isGrowing = direction === 'output' && schema.enum !== undefined;
  const rest = withoutUnionOfNull(isGrowing ? growing(schema) : schema);
  const { description, format, pattern, maximum, properties = {} } = rest;
  const isOptional = direction === 'input' && standard !== undefined;
  const notes = [
    sensitivity === undefined ? '' : (SENSITIVITY_NOTES[sensitivity] ?? ''),
    isOptional ? defaultNote(standard) : '',
  ].join('');
  const said: JsonSchema = {
    ...rest,
    ...(pattern !== undefined && { pattern: portable(pattern) }),
    ...(description !== undefined && notes !== '' && { description: `${description}${notes}` }),
    ...(sensitivity !== undefined && sensitivity in SENSITIVITY_NOTES && { 'x-sensitivity': sensitivity }),
    ...(isOptional && { 'x-default': standard }),
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
      const { 'x-default': standard, description = '', ...bare } = property;
      const field = standard === undefined ? property : { ...bare, description: description.replace(DEFAULT_NOTE, '') };
      const patched = field.properties ? patchSchemaOf(field) : openPatchOf(field);
      return required.includes(name) ? patched : nullable(patched);
    }),
  };
}
