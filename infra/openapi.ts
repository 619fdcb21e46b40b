import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { SERVER_PLACE, TOKEN_URL_PLACE } from '#functions/public-api/contract.ts';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import type { Operation } from '#shared/operation.ts';
import type { Resource } from '#shared/record/resource.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { connections } from '#shared/webhooks/connections.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { inboxMessages } from '#shared/webhooks/inbox-messages.ts';
import { buildComponents, type Components } from './openapi/components.ts';
import { eventTypeSchema } from './openapi/event-types.ts';
import { inboundMessageSchema, inboxPath } from './openapi/inbox.ts';
import { INTRODUCTION } from './openapi/introduction.ts';
import { documentedOperations, operationObject } from './openapi/operations.ts';
import { headerComponents, parameterComponents } from './openapi/parameters.ts';
import { problemComponents, problemSchemas } from './openapi/problems.ts';
import { publicPaths, publicSchemas } from './openapi/public-paths.ts';
import { webhooks } from './openapi/webhooks.ts';

const ROOT = join(import.meta.dirname, '..');

/** Where the document lies: the function public-api serves it from there. */
export const OPENAPI_FILE = join(ROOT, 'functions/public-api/openapi.json');

const version = (): string => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

function tags(resources: readonly Resource[]): object[] {
  return [
    ...resources.map(({ path, danish, summary }) => ({ name: path, description: `${danish}. ${summary}` })),
    { name: 'records', description: 'Poster. What goes across all types of record.' },
    { name: 'programmes', description: 'Indsatser. Funded programmes: set up by operators, seen by who takes part.' },
    { name: 'events', description: 'Hændelser. What happened in the municipality, in order and without gaps.' },
    { name: 'audit', description: 'Revision. Whether the change history is as it was written.' },
    { name: 'privacy', description: 'Databeskyttelse. Who was shown what is sensitive, for data-protection officers.' },
    { name: 'grants', description: 'Adgange. Who has access to the municipality’s record, which it decides itself.' },
    { name: 'settings', description: 'Indstillinger. How the record is kept, which the municipality decides itself.' },
    { name: 'archives', description: 'Arkiver. What was archived of persons before a retention erased them.' },
    { name: 'subjects', description: 'Registrerede. What the record says of one person or household.' },
    { name: 'municipalities', description: 'Kommuner. For operators: which municipalities keep their record here.' },
    { name: 'partners', description: 'Samarbejdspartnere. For operators: providers that write into municipalities.' },
    {
      name: 'clients',
      description: 'Klienter. The clients of the token issuer: a municipality makes its own, operators make partners’.',
    },
    { name: 'operators', description: 'Driftsklienter. For operators: who may operate Livline.' },
    { name: 'service', description: 'Tjenesten. The API about itself. Needs no token.' },
  ];
}

function paths(operations: readonly Operation<never>[], components: Components): object {
  const byPath: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const item = byPath[operation.path] ?? {};
    item[operation.method.toLowerCase()] = operationObject(operation, components);
    byPath[operation.path] = item;
  }
  for (const [path, item] of Object.entries(inboxPath())) byPath[path] = { ...byPath[path], ...item };
  return { ...byPath, ...publicPaths() };
}

const SCOPE_SUBJECTS: Readonly<Record<string, string>> = {
  families: 'foster families',
  children: 'children',
  placements: 'placements and supervisory visits',
  institutions: 'institutions and their staff',
  consultants: 'consultants',
  support: 'assignments, affiliations, contacts, inquiries, actions, risk flags and pulse surveys',
  helpline: 'helplines, shifts and calls',
  supervision: 'themes, supervision groups and supervision sessions',
  courses: 'courses',
  plans: 'development plans and the progress of their goals',
  concerns: 'concern reports',
  webhooks: 'webhook endpoints, connections and the inbox',
  events: 'the events',
  audit: 'whether the change history is as it was written',
  grants: 'who has access',
  privacy: 'who was shown sensitive fields, and why',
  sensitive: 'sensitive fields, wherever the other scopes let the client read',
  programmes: 'rounds, enrolments and announcements, and what programmes the municipality takes part in',
  admin: 'municipalities, partners, programmes, clients and grants (for operators)',
};

function scopes(): Record<string, string> {
  const described = [...TENANT_SCOPES, ...ADMIN_SCOPES].map((scope) => {
    const [subject = '', right] = scope.split(':');
    return [`${RESOURCE_SERVER}/${scope}`, `${right === 'read' ? 'Read' : 'Write'} ${SCOPE_SUBJECTS[subject]}.`];
  });
  return Object.fromEntries(described);
}

/** The OpenAPI document of the whole API, made of the same descriptions and schemas that serve it. */
export function openApiDocument(): object {
  const resources = [...RESOURCES, webhookEndpoints({ allowLocal: false }), connections, inboxMessages];
  const operations = documentedOperations();
  const components = buildComponents(resources, operations, {
    ...problemSchemas(),
    ...publicSchemas(),
    EventType: eventTypeSchema(resources),
    InboundMessage: inboundMessageSchema(),
  });
  const problems = problemComponents();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Livline',
      version: version(),
      summary: 'The shared support record for foster families.',
      description: INTRODUCTION,
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: SERVER_PLACE, description: 'Where this document lies.' }],
    tags: tags(resources),
    paths: paths(operations, components),
    webhooks: webhooks(resources, components),
    components: {
      securitySchemes: {
        oauth2: {
          type: 'oauth2',
          description: 'OAuth 2.0 client credentials.',
          flows: { clientCredentials: { tokenUrl: TOKEN_URL_PLACE, scopes: scopes() } },
        },
      },
      schemas: components.schemas,
      parameters: parameterComponents(),
      headers: headerComponents(),
      responses: {
        not_modified: {
          description: 'The version in If-None-Match is still the right one.',
          headers: { ETag: { $ref: '#/components/headers/ETag' } },
        },
        ...problems.responses,
      },
      examples: { ...components.examples, ...problems.examples },
    },
  };
}

/** The document as the file has it. */
export const renderOpenApi = (): string => `${JSON.stringify(openApiDocument(), undefined, 2)}\n`;

if (import.meta.main) {
  writeFileSync(OPENAPI_FILE, renderOpenApi());
  console.log(`Wrote ${relative(process.cwd(), OPENAPI_FILE)}`);
}
