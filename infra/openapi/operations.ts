import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import { RESOURCE_SERVER } from '#shared/auth/scopes.ts';
import type { ProblemCode } from '#shared/errors.ts';
import type { Operation } from '#shared/operation.ts';
import { archiveOperations } from '#shared/privacy/archive-operations.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { pageParameters } from '#shared/record/lists.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { type AccessDeps, accessOperations } from '#shared/tenancy/access-operations.ts';
import { adminOperations } from '#shared/tenancy/operations.ts';
import { costOf } from '#shared/tenancy/quota.ts';
import { postWebhook } from '#shared/webhooks/egress.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import type { Components } from './components.ts';
import { type JsonSchema, jsonSchemaOf, nameOfRef } from './json-schema.ts';
import { problemResponses, problemsNote } from './problems.ts';

/** Every operation that needs a token, as the functions serve them. Nothing is run, so what they run with does not matter. */
export const documentedOperations = (): readonly Operation<never>[] => {
  const egress = { allowLocal: false };
  return [
    ...recordOperations(),
    ...webhookOperations({ post: postWebhook(egress), sendHints: async () => undefined, ...egress }),
    ...privacyOperations(),
    ...archiveOperations({ buckets: () => ({}) as never }),
    ...accessOperations({ store: { client: {} } } as AccessDeps),
    ...adminOperations(),
  ];
};

const parameterRef = (name: string): object => ({ $ref: `#/components/parameters/${name}` });
export const headerRef = (name: string): object => ({ $ref: `#/components/headers/${name}` });

const isOperators = ({ scope }: Operation<never>): boolean => scope.startsWith('admin:');
/** Whether what the operation is about has versions: every record has, and of the operators' rows the programmes. */
const isVersioned = (operation: Operation<never>): boolean =>
  operation.tag !== 'clients' && (!isOperators(operation) || operation.tag === 'programmes');
const takesKey = ({ problems }: Operation<never>): boolean => problems.includes('idempotency_key_reused');
const isUpsert = ({ path }: Operation<never>): boolean => path.includes('/external/');

function headerParameters(operation: Operation<never>): object[] {
  const { manner, method } = operation;
  const needsMatch = manner === 'change';
  const mayMatch = isUpsert(operation) && method === 'PUT';
  return [
    ...(takesKey(operation) ? [parameterRef('Idempotency-Key')] : []),
    ...(needsMatch ? [parameterRef('If-Match')] : []),
    ...(mayMatch ? [parameterRef('If-Match-optional')] : []),
    ...(method === 'PUT' ? [parameterRef('If-None-Match')] : []),
    ...(manner === 'read' && isVersioned(operation) ? [parameterRef('If-None-Match')] : []),
    ...(operation.logged?.() ? [parameterRef('X-Access-Purpose'), parameterRef('X-Access-Person')] : []),
    parameterRef('X-Request-Id'),
  ];
}

/** A parameter in the query, described as its schema is. */
export function queryParameter(name: string, schema: z.ZodType): object {
  const { description, ...type } = jsonSchemaOf(schema, 'input');
  return { name, in: 'query', description, schema: type };
}

/** `limit` and `cursor` are the same in most lists; the feed, the operators' lists and exports have their own. */
function queryParameters({ query }: Operation<never>): object[] {
  const parameters = Object.entries(query?.() ?? {}).map(
    ([name, schema]) => [name, queryParameter(name, schema)] as const,
  );
  const shared = new Map(
    Object.entries(pageParameters()).map(([name, schema]) => [name, queryParameter(name, schema)]),
  );
  return parameters.map(([name, parameter]) =>
    isDeepStrictEqual(parameter, shared.get(name)) ? parameterRef(name) : parameter,
  );
}

const pathParameters = ({ path }: Operation<never>): object[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameterRef(name as string));

const JSON_TYPE = 'application/json';
const PATCH_TYPE = 'application/merge-patch+json';

/** A body or answer that has a name, with the example that goes by the same name. */
function media(schema: JsonSchema): object {
  const name = nameOfRef(schema);
  return { schema, examples: { [name]: { $ref: `#/components/examples/${name}` } } };
}

/** An answer that is no JSON: its media type, the parameters left out, and an example. */
const textMedia = ({ type, example }: NonNullable<Operation<never>['success']['text']>): object => ({
  [type.split(';')[0] as string]: { schema: { type: 'string' }, example },
});

function requestBody(operation: Operation<never>, components: Components): object {
  const schema = components.bodyOf(operation);
  if (!schema) return {};
  const types = operation.method === 'PATCH' ? [PATCH_TYPE, JSON_TYPE] : [JSON_TYPE];
  return {
    requestBody: { required: true, content: Object.fromEntries(types.map((type) => [type, media(schema)])) },
  };
}

/** What an answer within a municipality says of the client's quota. */
export const quotaHeaders = (): object => ({
  'RateLimit-Policy': headerRef('RateLimit-Policy'),
  RateLimit: headerRef('RateLimit'),
});

function successHeaders(operation: Operation<never>, status: number): object {
  const versioned = isVersioned(operation) && (status === 201 || ['read', 'change'].includes(operation.manner));
  return {
    'X-Request-Id': headerRef('X-Request-Id'),
    ...(!isOperators(operation) && quotaHeaders()),
    ...(status === 201 && { Location: headerRef('Location') }),
    ...(status !== 204 && (versioned || isUpsert(operation)) && { ETag: headerRef('ETag') }),
    ...(takesKey(operation) && { 'Idempotency-Replayed': headerRef('Idempotency-Replayed') }),
    ...('cursor' in (operation.query?.() ?? {}) && { Link: headerRef('Link') }),
  };
}

function successResponses(operation: Operation<never>, components: Components): Record<string, unknown> {
  const { success, manner, method } = operation;
  const schema = components.answerOf(operation);
  const { text } = success;
  const response = (status: number, description: string): object => ({
    description,
    headers: successHeaders(operation, status),
    ...(schema && { content: { [JSON_TYPE]: media(schema), ...(text && textMedia(text)) } }),
  });
  const upserts = isUpsert(operation) && method === 'PUT';
  return {
    [success.status]: response(success.status, success.description),
    ...(upserts && { '201': response(201, 'The record, which is new.') }),
    ...(manner === 'read' && isVersioned(operation) && { '304': { $ref: '#/components/responses/not_modified' } }),
  };
}

/** Every problem that the operation may answer with: those of any operation of its kind, and its own. */
export const problemsOf = ({ path, body, problems }: Operation<never>): ProblemCode[] => [
  'malformed_request',
  'unauthenticated',
  'forbidden',
  ...(path.includes('{') ? (['not_found'] as const) : []),
  ...(body ? (['payload_too_large', 'unsupported_media_type'] as const) : []),
  // A condition may be sent with any request.
  'precondition_failed',
  ...problems,
  'too_many_requests',
  'internal_error',
  'unavailable',
];

/** One operation as the document has it. */
export function operationObject(operation: Operation<never>, components: Components): object {
  const { id, tag, summary, description, scope, also = [], either = [] } = operation;
  const scopes = [scope, ...also];
  const choices = either.length > 0 ? either.map((one) => [...scopes, one]) : [scopes];
  return {
    operationId: id,
    summary,
    description: [
      ...(description ? [typeof description === 'function' ? description() : description] : []),
      `${also.length > 0 ? 'Scopes' : 'Scope'}: ${scopes.map((each) => `\`${each}\``).join(', ')}${either.length > 0 ? ` and one of ${either.map((each) => `\`${each}\``).join(', ')}` : ''}.`,
      ...(isOperators(operation) ? [] : [`Cost: ${costOf(operation)}.`]),
      problemsNote(problemsOf(operation)),
    ].join(' '),
    tags: [tag],
    security: choices.map((choice) => ({ oauth2: choice.map((each) => `${RESOURCE_SERVER}/${each}`) })),
    parameters: [...pathParameters(operation), ...queryParameters(operation), ...headerParameters(operation)],
    ...requestBody(operation, components),
    responses: { ...successResponses(operation, components), ...problemResponses() },
  };
}
