import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import type { Operation } from '#shared/operation.ts';
import { historyItem, historyPage } from '#shared/record/history.ts';
import type { Resource } from '#shared/record/resource.ts';
import { schemasOf, statusChange, viewSchema } from '#shared/record/schemas.ts';
import {
  ClientOnce,
  ClientRepeat,
  ClientView,
  CredentialOnce,
  ListedClientView,
  OwnClientView,
} from '#shared/tenancy/client-views.ts';
import { GrantView } from '#shared/tenancy/grant-row.ts';
import { AccessView } from '#shared/tenancy/grants.ts';
import { MunicipalityPatch, MunicipalityView } from '#shared/tenancy/municipalities.ts';
import { OperatorDetailsView, OperatorView } from '#shared/tenancy/operators.ts';
import { PartnerView } from '#shared/tenancy/partners.ts';
import { MunicipalProgrammeView, ProgrammeInput, ProgrammeView } from '#shared/tenancy/programmes.ts';
import { RecoveryCredentials, RecoveryView } from '#shared/tenancy/recovery.ts';
import { SettingsPatch, SettingsView } from '#shared/tenancy/settings.ts';
import { connections } from '#shared/webhooks/connections.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { withSecretSchema } from '#shared/webhooks/key-operations.ts';
import { CloudEvent } from '#shared/webhooks/operations.ts';
import { exampleOf, patchExample, viewExample } from './examples.ts';
import {
  type JsonSchema,
  jsonSchemaOf,
  mapSubschemas,
  mapValues,
  nameOfRef,
  patchSchemaOf,
  refTo,
} from './json-schema.ts';

/** The schemas of the document: each has a name, and stands in others and in operations by that name alone. */
export interface Components {
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  /** An example of each schema that is a body or an answer, by the schema's name. */
  readonly examples: Readonly<Record<string, Example>>;
  /** The named schema that an operation's body or answer is. */
  readonly bodyOf: (operation: Operation<never>) => JsonSchema | undefined;
  readonly answerOf: (operation: Operation<never>) => JsonSchema | undefined;
}

/** `supervision-group` as `SupervisionGroup`. */
const pascal = (name: string): string => name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The schema with a mark at each field that no caller can send. */
const withReadOnly = (schema: JsonSchema, sent: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  ...schema,
  properties: mapValues(schema.properties ?? {}, (field, name) =>
    name in sent ? field : { ...field, readOnly: true },
  ),
});

interface Example {
  readonly value: unknown;
}

type Named = Map<string, JsonSchema>;

/** @param ids of the operations there are: what no caller sends has no schema */
function addResource(named: Named, resource: Resource, ids: ReadonlySet<string>): void {
  const { name, danish, summary, machine } = resource;
  const { create, merged } = schemasOf(resource);
  const add = (suffix: string, description: string, schema: JsonSchema): void => {
    named.set(`${pascal(name)}${suffix}`, { description: `${danish}${description}`, ...schema });
  };
  const sent = jsonSchemaOf(create, 'input').properties ?? {};
  const view = withReadOnly(jsonSchemaOf(viewSchema(resource), 'output'), sent);
  add('', `. ${summary}`, { ...view, examples: [viewExample(resource)] });
  if (ids.has(`create-${name}`))
    add('Input', ': what is sent to create or replace one.', jsonSchemaOf(create, 'input'));
  if (ids.has(`update-${name}`))
    add('Patch', ': the fields to change. Null removes.', patchSchemaOf(jsonSchemaOf(merged, 'input')));
  if (machine) add('StatusChange', ': the step to take.', jsonSchemaOf(statusChange(machine), 'input'));
}

/** The links to the case system, which stand in every record: what is sent and what is shown. */
function addCaseRefs(named: Named, resource: Resource): void {
  const add = (name: string, schema: JsonSchema): void => {
    const entry = schema.properties?.['caseRefs']?.items;
    named.set(name, { ...entry, description: 'Sagsreference. A link to a case in the municipal case system.' });
  };
  add('CaseRef', jsonSchemaOf(viewSchema(resource), 'output'));
  add('CaseRefInput', jsonSchemaOf(schemasOf(resource).create, 'input'));
}

const bodySchema = ({ body }: Operation<never>): JsonSchema | undefined => body && jsonSchemaOf(body(), 'input');
const answerSchema = ({ success }: Operation<never>): JsonSchema | undefined =>
  success.body && jsonSchemaOf(success.body(), 'output');

/** Gives names to those bodies and answers that have none yet. */
function addOperation(named: Named, operation: Operation<never>): void {
  const { id, method, manner, summary, success } = operation;
  const add = (name: string, description: string, schema: JsonSchema | undefined): void => {
    if (schema && nameOf(named, schema) === undefined) named.set(name, { description, ...schema });
  };
  if (method !== 'PATCH') add(`${pascal(id)}Request`, `${summary}: what is sent.`, bodySchema(operation));
  const page = `${pascal(id.replace(/^(?:list|get)-/, ''))}Page`;
  add(manner === 'list' ? page : `${pascal(id)}Result`, success.description, answerSchema(operation));
}

/** What a schema says of values, its words left out. */
function bare({ description: _, examples: __, readOnly: ___, ...rest }: JsonSchema): JsonSchema {
  return mapSubschemas(rest, bare);
}

const nameOf = (named: Named, schema: JsonSchema): string | undefined => {
  const wanted = bare(schema);
  return [...named].find(([, candidate]) => isDeepStrictEqual(bare(candidate), wanted))?.[0];
};

/** `adults` as `Adult`, for what one entry of a list is called. */
const singular = (name: string): string => name.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');

/** Gives names to the objects inside a named schema, made of its own and of the fields that lead to them. */
function nameInside(named: Named, owner: string, schema: JsonSchema): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const entries = field.items?.properties ? field.items : undefined;
    const inside = field.properties ? field : entries;
    if (!inside || nameOf(named, inside) !== undefined) continue;
    const called = `${owner}${pascal(entries ? singular(name) : name).replace(/^./, (first) => first.toUpperCase())}`;
    const { readOnly: _, description: own, ...rest } = inside;
    // An entry says little without the list that it stands in.
    const said = [...new Set([own, field.description])].filter((words) => words !== undefined);
    const description = said.length > 0 ? said.join(' ') : `What ${name} holds.`;
    named.set(named.has(called) ? `${called}Value` : called, { description, ...rest });
  }
}

/** The schema with every object in it that has a name replaced by a reference, which keeps the words of its place. */
function withRefs(named: Named, schema: JsonSchema): JsonSchema {
  const name = schema.properties && nameOf(named, schema);
  if (name === undefined) return mapSubschemas(schema, (subschema) => withRefs(named, subschema));
  const { description } = schema;
  const own = description !== undefined && description !== named.get(name)?.description;
  return { ...refTo(name), ...(own && { description }), ...(schema.readOnly && { readOnly: true }) };
}

/**
 * The named schemas of the resources and operations.
 * @param given schemas that are not made of zod, by name; one stands in place of the field `type` of an event
 */
export function buildComponents(
  resources: readonly Resource[],
  operations: readonly Operation<never>[],
  given: Readonly<Record<string, JsonSchema>> & { readonly EventType: JsonSchema },
): Components {
  const named: Named = new Map();
  const views: Readonly<Record<string, () => z.ZodType>> = {
    Municipality: MunicipalityView,
    Partner: PartnerView,
    Programme: ProgrammeView,
    MunicipalProgramme: MunicipalProgrammeView,
    RecordVersion: historyItem,
    HistoryPage: historyPage,
    Client: ClientView,
    OwnClient: OwnClientView,
    ListedClient: ListedClientView,
    ClientCredentials: ClientOnce,
    NewOwnClient: ClientRepeat,
    Operator: OperatorView,
    OperatorDetails: OperatorDetailsView,
    Settings: SettingsView,
    Recovery: RecoveryView,
    RecoveryCredentials,
    Credential: CredentialOnce,
    Grant: GrantView,
    Access: AccessView,
    WebhookEndpointWithSecret: () => withSecretSchema(webhookEndpoints({ allowLocal: false })),
    ConnectionWithSecret: () => withSecretSchema(connections),
    CloudEvent,
  };
  const ids = new Set(operations.map(({ id }) => id));
  for (const resource of resources) addResource(named, resource, ids);
  addCaseRefs(named, resources[0] as Resource);
  for (const [name, view] of Object.entries(views)) named.set(name, jsonSchemaOf(view(), 'output'));
  const patch = patchSchemaOf(jsonSchemaOf(ProgrammeInput(), 'input'));
  const settings = jsonSchemaOf(MunicipalityPatch(), 'input');
  named.set('MunicipalityPatch', { description: 'Kommune: the settings to change. Null removes.', ...settings });
  const ownSettings = jsonSchemaOf(SettingsPatch(), 'input');
  named.set('SettingsPatch', { description: 'Indstillinger: the settings to change. Null removes.', ...ownSettings });
  named.set('ProgrammePatch', { description: 'Indsats: the fields to change. Null removes.', ...patch });
  for (const operation of operations) addOperation(named, operation);
  // What is named here is looked into as well, because a Map goes on to what is added to it.
  for (const [name, schema] of named) nameInside(named, name, schema);

  const schemas = mapValues(Object.fromEntries(named), (schema) =>
    mapSubschemas(schema, (subschema) => withRefs(named, subschema)),
  );
  const event = schemas['CloudEvent'] as JsonSchema;
  const typed = { ...event, properties: { ...event.properties, type: refTo('EventType') } };
  const all = { ...schemas, CloudEvent: typed, ...given };
  const bodyOf: Components['bodyOf'] = (operation) => {
    if (operation.method === 'PATCH') return refTo(`${pascal(operation.id.slice('update-'.length))}Patch`);
    const schema = bodySchema(operation);
    return schema && withRefs(named, schema);
  };
  const answerOf: Components['answerOf'] = (operation) => {
    const schema = answerSchema(operation);
    return schema && withRefs(named, schema);
  };
  return {
    schemas: Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    examples: Object.fromEntries(
      operations.flatMap((operation) => {
        const resource = resources.find(({ path }) => path === operation.tag);
        return examplesOf(operation, resource, bodyOf(operation), answerOf(operation), all);
      }),
    ),
    bodyOf,
    answerOf,
  };
}

/** Examples of an operation's body and answer, by the names of their schemas. */
function examplesOf(
  { id, example }: Operation<never>,
  resource: Resource | undefined,
  body: JsonSchema | undefined,
  answer: JsonSchema | undefined,
  schemas: Readonly<Record<string, JsonSchema>>,
): (readonly [string, Example])[] {
  const sent = resource && id === `update-${resource.name}` ? patchExample(resource) : example;
  const known = resource && viewExample(resource);
  return [
    ...(body ? [[nameOfRef(body), { value: sent }] as const] : []),
    ...(answer ? [[nameOfRef(answer), { value: exampleOf(answer, schemas, known) }] as const] : []),
  ];
}
