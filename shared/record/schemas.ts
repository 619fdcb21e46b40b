import * as z from 'zod';
import {
  checkedLater,
  day,
  group,
  instant,
  line,
  listOf,
  oneOf,
  type Sensitivity,
  sensitive,
  text,
  whole,
} from './fields.ts';
import { parentFields } from './place.ts';
import type { Machine, Resource } from './resource.ts';

/** The statuses of a machine, in order of life. */
export const statusesOf = (machine: Machine): [string, ...string[]] =>
  Object.keys(machine.steps) as [string, ...string[]];

/** An external id is part of a key and of a path: visible text without `#`. */
export const externalId = () =>
  z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}#/]{1,200}$/u, 'This must be 1 to 200 characters without #, / and control characters.')
    .meta({
      description: "The record's id in the system it came from, unique for each source and type (eksternt id).",
      plainText: true,
    });

/** A link to a case in the case system. */
export const caseRef = () =>
  group('One link.', {
    system: line('The case system (fagsystem), such as DUBU or KMD Nexus.', 50),
    caseId: checkedLater(line("The case's id there (sags-id).", 100)).optional(),
    caseNumber: checkedLater(line('The case number a person would use (sagsnummer).', 100)).optional(),
    closedOn: day(
      'The day on which the case was closed (afsluttet), a local date; absent while it is open.',
    ).optional(),
  });

/** Links to the case system, as every record has them. */
export const caseRefs = () =>
  listOf(
    'Links to the municipal case system (fagsystem).',
    caseRef(),
    // Every event carries them all, and an event is below 20 KB.
    20,
  );

/** What may be sent of every record beside its own fields. */
const sharedInput = () => ({ externalId: externalId().optional(), caseRefs: caseRefs().optional() });

/** Why a record stands in its status: a person's own words, so it is sensitive in every resource. */
const statusReason = () => sensitive(text('Why it stands there (begrundelse).')).optional();

const statusInput = ({ machine }: Resource) =>
  machine
    ? {
        status: z
          .enum(statusesOf(machine))
          .describe(
            'Where the record stands (status). A record starts in the first status unless it names a later one.',
          )
          .optional(),
        statusReason: statusReason(),
        statusAt: instant('Since when it stands there, UTC (status siden).').optional(),
      }
    : {};

interface Schemas {
  /** The resource's own fields. */
  readonly fields: z.ZodObject;
  /** A body that creates or replaces a record. */
  readonly create: z.ZodObject;
  /** A record's whole input after a merge patch. */
  readonly merged: z.ZodObject;
  /** Sensitive fields by name. */
  readonly sensitivity: Readonly<Record<string, Sensitivity>>;
  /** The fields that lists may show, in the order in which every answer has them. What is not named here is not shown. */
  readonly shown: readonly string[];
  /** The field that names the organisation which wrote the record. */
  readonly sourceField: string;
}

/** Common fields before and after a resource's own. */
const HEAD = ['id', 'municipality', 'version', 'status', 'statusAt'];
const TAIL = ['externalId', 'caseRefs', 'createdAt', 'createdBy', 'updatedAt', 'updatedBy'];

/**
 * Every record has a `source`, the organisation that wrote it; but a concern report has one of its own, what it is about
 * (DOMAIN §3), so there the organisation stands in `organisation`.
 */
const sourceIn = (own: object): string => ('source' in own ? 'organisation' : 'source');

const built = new WeakMap<Resource, Schemas>();

/** The schemas of a resource, built on first use and kept. */
export function schemasOf(resource: Resource): Schemas {
  const known = built.get(resource);
  if (known) return known;
  const shape = resource.fields();
  const all = { ...shape, ...resource.derived?.() };
  const marked = Object.entries({ ...all, ...(resource.machine && { statusReason: statusReason() }) }).map(
    ([name, field]) => [name, sensitivityOf(field as z.ZodType)] as const,
  );
  const sensitivity = Object.fromEntries(marked.filter(([, mark]) => mark !== undefined)) as Schemas['sensitivity'];
  const own = [...parentFields(resource), ...Object.keys(all)];
  const statusFields = Object.keys(statusInput(resource));
  const sent = new Set([...Object.keys(shape), ...Object.keys(sharedInput()), ...statusFields]);
  const settled = [...HEAD, ...own, ...Object.keys(resource.computed?.fields() ?? {}), sourceIn(all), ...TAIL].filter(
    (name) => !sent.has(name),
  );
  const schemas: Schemas = {
    fields: z.strictObject(shape),
    create: z.strictObject({ ...shape, ...sharedInput(), ...statusInput(resource) }).meta({ settled }),
    merged: z.strictObject({ ...shape, ...sharedInput() }).meta({ settled: [...settled, ...statusFields] }),
    sensitivity,
    shown: [...HEAD, ...own.filter((name) => !sensitivity[name]), sourceIn(all), ...TAIL],
    sourceField: sourceIn(all),
  };
  built.set(resource, schemas);
  return schemas;
}

/** The field of a record that names the organisation which wrote it. */
export const sourceField = (resource: Resource): string => schemasOf(resource).sourceField;

/** Whether a read may show sensitive fields of it. */
export const showsSensitive = (resource: Resource): boolean =>
  Object.values(schemasOf(resource).sensitivity).some((mark) => mark !== 'secret');

/** The mark of {@link sensitive} or {@link ownSensitive}, also behind `optional()` and the like. */
function sensitivityOf(field: z.ZodType): Sensitivity | undefined {
  const mark = field.meta()?.sensitivity;
  if (mark) return mark;
  return field instanceof z.ZodOptional || field instanceof z.ZodDefault
    ? sensitivityOf(field.unwrap() as z.ZodType)
    : undefined;
}

/** The body of a status change. */
export const statusChange = (machine: Machine) =>
  z.strictObject({
    status: z.enum(statusesOf(machine)).describe('The status to enter (ny status).'),
    reason: sensitive(text('Why (begrundelse). Required where the status asks for it.')).optional(),
    at: instant('When it happened, UTC (tidspunkt); not in the future. Now if left out.').optional(),
  });

/** A record as it is shown, for the reference. Sensitive fields are optional: only a read with sensitive:read has them. */
export function viewSchema(resource: Resource): z.ZodObject {
  const { fields, sensitivity } = schemasOf(resource);
  const shape = Object.fromEntries(
    Object.entries({ ...fields.shape, ...resource.derived?.() })
      .filter(([name]) => sensitivity[name] !== 'secret')
      .map(([name, field]) => [name, sensitivity[name] ? (field as z.ZodType).optional() : field]),
  );
  const computed = Object.fromEntries(
    Object.entries(resource.computed?.fields() ?? {}).map(([name, field]) => [name, (field as z.ZodType).optional()]),
  );
  return z.strictObject({
    id: z.uuid().describe('Id of the record, UUID version 7 (id).'),
    municipality: z.string().describe('Municipality code of four digits (kommunekode).'),
    version: whole('Number of the version, also the ETag (versionsnummer).', 1, Number.MAX_SAFE_INTEGER),
    ...(resource.machine && {
      status: oneOf('Where the record stands (status).', statusesOf(resource.machine)),
      statusAt: instant('Since when it stands there, UTC (status siden).'),
      statusReason: statusReason(),
    }),
    ...Object.fromEntries(
      parentFields(resource).map((field) => [field, z.uuid().describe('Id of what it belongs to (overordnet post).')]),
    ),
    ...shape,
    ...computed,
    [sourceField(resource)]: line('`municipal`, or the id of the partner that wrote it (kilde).', 50),
    ...sharedInput(),
    createdAt: instant('When it was created, UTC (oprettet).'),
    createdBy: line('Id of the client that created it (oprettet af).'),
    updatedAt: instant('When it was last changed, UTC (rettet).'),
    updatedBy: line('Id of the client that last changed it (rettet af).'),
  });
}
