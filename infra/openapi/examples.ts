import { parentFields } from '#shared/record/place.ts';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { schemasOf, sourceField, statusesOf, viewSchema } from '#shared/record/schemas.ts';
import { parse } from '#shared/record/validate.ts';
import { type JsonSchema, jsonSchemaOf, nameOfRef } from './json-schema.ts';

/** Ids under which the resources' examples refer to one another. */
const EXAMPLE_NUMBERS: Readonly<Record<string, number>> = {
  helplines: 1,
  staff: 2,
  families: 3,
  consultants: 4,
  'supervision-groups': 6,
  institutions: 7,
  shifts: 8,
  calls: 9,
  themes: 10,
  'supervision-sessions': 11,
  'webhook-endpoints': 12,
  children: 13,
  placements: 14,
  affiliations: 15,
  assignments: 16,
  courses: 17,
  'development-plans': 18,
  progress: 19,
  contacts: 20,
  inquiries: 21,
  actions: 22,
  'risk-flags': 23,
  'pulse-surveys': 24,
  visits: 25,
  'concern-reports': 26,
  rounds: 27,
  enrolments: 28,
  announcements: 29,
  acknowledgements: 30,
  goals: 31,
  programmes: 32,
  connections: 33,
  inbox: 34,
  'legal-holds': 35,
  erasures: 36,
};

function numberOf(path: string): number {
  const number = EXAMPLE_NUMBERS[path];
  if (number === undefined) throw new Error(`infra/openapi/examples.ts has no example id of ${path}`);
  return number;
}

const exampleId = (path: string): string => `01930000-0000-7000-8000-${String(numberOf(path)).padStart(12, '0')}`;

const CREATED = { at: '2026-11-23T08:30:00.000Z', by: '4p8v1m2q7r9s3t5u6w0x1y2z3a' };

/** A resource's example as the API answers with it. */
export function viewExample(resource: Resource): Fields {
  const { path, parent, machine, example } = resource;
  const [parentField, partField] = parentFields(resource);
  const input = parse(schemasOf(resource).create, example) as Fields;
  const schema = viewSchema(resource);
  const { properties = {}, required = [] } = jsonSchemaOf(schema, 'output');
  const derived = Object.keys(resource.derived?.() ?? {}).filter(
    (name) => required.includes(name) || properties[name]?.examples,
  );
  const record = {
    ...input,
    ...Object.fromEntries(derived.map((name) => [name, exampleOf(properties[name] as JsonSchema, {})])),
    id: exampleId(path),
    municipality: '0766',
    version: 1,
    ...(machine && { status: input['status'] ?? statusesOf(machine)[0], statusAt: input['statusAt'] ?? CREATED.at }),
    ...(parent && parentField && { [parentField]: exampleId(parent.path) }),
    ...(parent?.part && partField && { [partField]: exampleId(parent.part.path) }),
    [sourceField(resource)]: 'municipal',
    createdAt: CREATED.at,
    createdBy: CREATED.by,
    updatedAt: CREATED.at,
    updatedBy: CREATED.by,
  };
  const inView = Object.entries(record).filter(([name]) => name in schema.shape);
  const parsed = parse(schema, Object.fromEntries(inView)) as Fields;
  const { sensitivity } = schemasOf(resource);
  const shown = Object.keys(schema.shape).filter((name) => name in parsed && !sensitivity[name]);
  return Object.fromEntries(shown.map((name) => [name, parsed[name]]));
}

type Schemas = Readonly<Record<string, JsonSchema>>;

/**
 * A value that the schema takes: its own example where it has one, else one made of its parts. Optional fields stand in
 * it only with an example of their own.
 * @param known values of the fields of an object, by name
 */
export function exampleOf(schema: JsonSchema, schemas: Schemas, known: Fields = {}): unknown {
  const { $ref, examples, const: constant, enum: values, items, anyOf, properties, required = [] } = schema;
  if ($ref !== undefined) return exampleOf(schemas[nameOfRef(schema)] as JsonSchema, schemas, known);
  if (examples) return examples[0];
  if (constant !== undefined) return constant;
  const [first] = values ?? schema['x-extensible-enum'] ?? [];
  if (first !== undefined) return first;
  if (anyOf?.[0]) return exampleOf(anyOf[0], schemas);
  if (items) return [exampleOf(items, schemas)];
  if (properties) {
    const shown = Object.entries(properties).filter(([name, field]) => required.includes(name) || field.examples);
    return Object.fromEntries(shown.map(([name, field]) => [name, known[name] ?? exampleOf(field, schemas)]));
  }
  throw new Error(`There is no example of ${JSON.stringify(schema)}`);
}

/** A patch that sets one plain field of its own, or the external id where it has none. */
export function patchExample(resource: Resource): Fields {
  const plain = Object.keys(resource.fields()).filter((name) => {
    const value = resource.example[name];
    return (typeof value === 'string' || typeof value === 'number') && !resource.references?.[name];
  });
  const name = plain.at(-1);
  return name === undefined ? { externalId: 'F-1001' } : { [name]: resource.example[name] };
}
