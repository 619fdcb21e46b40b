import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type ApiRequest, idempotencyOf, type Operation, param } from '../operation.ts';
import { preconditionsOf } from '../preconditions.ts';
import { purposeOf } from '../privacy/access-log.ts';
import { deleteRecord } from './delete.ts';
import { historyPage, listHistory } from './history.ts';
import { listParameters, listRecords, pageParameters, pageSchema } from './lists.ts';
import { LOOKUPS_PER_DAY, lookUp, lookupBody } from './lookups.ts';
import { collectionOf, type Parents, type Place, parentsOf } from './place.ts';
import { getByExternalId, getRecord } from './read.ts';
import type { Machine, Resource } from './resource.ts';
import { externalId, schemasOf, showsSensitive, statusChange, viewSchema } from './schemas.ts';
import { parse } from './validate.ts';
import { changeStatus, createRecord, updateRecord, upsertRecord } from './verbs.ts';

/** Where the API of one municipality starts. */
export const TENANT_BASE = '/v1/municipalities/{code}';

const title = (name: string): string => name.replaceAll('-', ' ');
const aTitle = (name: string): string => `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${title(name)}`;

/** A status machine in words. */
const stepsOf = ({ steps, reasonFor = [] }: Machine): string =>
  [
    ...Object.entries(steps).map(
      ([from, to]) => `\`${from}\` → ${to.map((step) => `\`${step}\``).join(', ') || '(final)'}`,
    ),
    ...reasonFor.map((status) => `\`${status}\` needs a reason`),
  ].join('; ');

/** Scopes of which a look-up needs one: whoever may read the value anyway, or may look up and no more. */
const LOOKUP_SCOPES = ['sensitive:read', 'lookup'] as const;

/** What a replacement does with fields that its caller cannot see. */
const UNSEEN = 'A sensitive field that the client cannot see stays where it is left out, and null removes it. ';
/** What a change does with sensitive fields. */
const ALWAYS =
  'A sensitive field that is sent always makes a new version, also with the value that it has, so that no answer tells what stood there. One that the caller cannot see is replaced whole. ';

/**
 * The operations that a resource has because it is one, and its own. Nothing here builds a schema before it is asked for: the
 * schemas of all resources would take a third of a cold start.
 */
export function operationsOf(resource: Resource): Operation<Context>[] {
  const { path, name, danish, scopes, machine, example, problems: own = [] } = resource;
  const collection = `${TENANT_BASE}/${collectionOf(resource)}`;
  const one = `${collection}/{id}`;
  const external = `${collection}/external/{source}/{externalId}`;
  const parents = (request: ApiRequest): Parents => parentsOf(resource, request);
  const place = (request: ApiRequest): Place => ({ id: param(request, 'id'), parents: parents(request) });
  const foreign = (request: ApiRequest): { source: string; externalId: string } => ({
    source: param(request, 'source'),
    externalId: parse(externalId(), param(request, 'externalId'), '/path/externalId'),
  });
  const view = () => viewSchema(resource);
  const create = () => schemasOf(resource).create;
  const common = { tag: path, description: `${danish}. ${resource.summary}` };
  const operations: Operation<Context>[] = [
    {
      ...common,
      id: `create-${name}`,
      method: 'POST',
      path: collection,
      scope: scopes.write,
      summary: `Create ${aTitle(name)}`,
      manner: 'create',
      body: create,
      success: { status: 201, description: `The ${title(name)} as created, without its sensitive fields.`, body: view },
      problems: [
        'already_exists',
        'conflict',
        ...own,
        'validation_failed',
        'unknown_reference',
        'idempotency_key_reused',
        'in_flight',
      ],
      example,
      run: (ctx, request) =>
        createRecord(ctx, resource, request.body, { parents: parents(request), idempotency: idempotencyOf(request) }),
    },
    {
      ...common,
      id: `list-${path}`,
      method: 'GET',
      path: collection,
      scope: scopes.read,
      summary: `List ${title(path)}`,
      manner: 'list',
      query: () => listParameters(resource),
      success: {
        status: 200,
        description: 'One page, without sensitive fields.',
        body: () => pageSchema(view(), `The ${title(path)} of this page (poster).`),
      },
      problems: ['validation_failed', 'invalid_cursor'],
      run: (ctx, request) => listRecords(ctx, resource, request, parents(request)),
    },
    {
      ...common,
      id: `get-${name}-by-external-id`,
      method: 'GET',
      path: external,
      scope: scopes.read,
      summary: `Get ${aTitle(name)} by the id its source gave it`,
      manner: 'read',
      success: { status: 200, description: `The ${title(name)}.`, body: view },
      problems: ['validation_failed'],
      logged: () => showsSensitive(resource),
      run: (ctx, request) => {
        const { source, externalId: id } = foreign(request);
        return getByExternalId(ctx, resource, source, id, parents(request), purposeOf(request));
      },
    },
    {
      ...common,
      id: `upsert-${name}`,
      method: 'PUT',
      path: external,
      scope: scopes.write,
      summary: `Create or replace ${aTitle(name)} by the id its source gave it`,
      description: () => {
        const hidden = showsSensitive(resource);
        return `${common.description} The body is the whole record: a field that it leaves out is removed. ${hidden ? UNSEEN : ''}Sending the same again changes nothing. ${hidden ? ALWAYS : ''}Only the source itself writes under its ids.`;
      },
      manner: 'act',
      body: create,
      success: { status: 200, description: `The ${title(name)} as it stands now; 201 where it is new.`, body: view },
      problems: [
        'already_exists',
        'conflict',
        ...own,
        'illegal_transition',
        'precondition_failed',
        'validation_failed',
        'unknown_reference',
        'in_flight',
      ],
      example,
      run: (ctx, request) =>
        upsertRecord(ctx, resource, request.body, {
          ...foreign(request),
          parents: parents(request),
          preconditions: preconditionsOf(request),
        }),
    },
    {
      ...common,
      id: `get-${name}`,
      method: 'GET',
      path: one,
      scope: scopes.read,
      summary: `Get ${aTitle(name)}`,
      manner: 'read',
      success: {
        status: 200,
        description: `The ${title(name)}; sensitive fields with the scope sensitive:read.`,
        body: view,
      },
      problems: ['validation_failed'],
      logged: () => showsSensitive(resource),
      run: (ctx, request) => getRecord(ctx, resource, place(request), purposeOf(request)),
    },
    {
      ...common,
      id: `update-${name}`,
      method: 'PATCH',
      path: one,
      scope: scopes.write,
      summary: `Change some fields of ${aTitle(name)}`,
      description: () =>
        `${common.description} A JSON merge patch (RFC 7396): a field left out stays, null removes it, an object is merged, a list is replaced. ${showsSensitive(resource) ? ALWAYS : ''}`.trim(),
      manner: 'change',
      body: () => schemasOf(resource).merged.partial(),
      success: { status: 200, description: `The ${title(name)} as it stands now.`, body: view },
      problems: [
        'already_exists',
        'conflict',
        ...own,
        'precondition_required',
        'precondition_failed',
        'validation_failed',
        'unknown_reference',
        'idempotency_key_reused',
        'in_flight',
      ],
      run: (ctx, request) =>
        updateRecord(ctx, resource, place(request), request.body, {
          preconditions: preconditionsOf(request),
          idempotency: idempotencyOf(request),
        }),
    },
  ];
  operations.push({
    ...common,
    id: `get-${name}-history`,
    method: 'GET',
    path: `${one}/history`,
    scope: scopes.read,
    summary: `Every version of ${aTitle(name)}: when, by whom, and which fields`,
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page, the latest version first; a change stands here once its event has its number.',
      body: historyPage,
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: (ctx, request) => listHistory(ctx, resource, place(request), request),
  });
  if (resource.lookups) {
    operations.push({
      ...common,
      id: `look-up-${path}`,
      method: 'POST',
      path: `${collection}/lookup`,
      scope: scopes.read,
      either: LOOKUP_SCOPES,
      cost: 'report',
      summary: `Find ${title(path)} by ${Object.keys(resource.lookups).join(' or ')}`,
      description: `${common.description} A client may look up ${LOOKUPS_PER_DAY} values a day unless the operator sets another number.`,
      manner: 'act',
      body: () => lookupBody(resource),
      success: {
        status: 200,
        description: 'Those that have it, without sensitive fields. Each is entered in the access log.',
        body: () => z.strictObject({ items: z.array(view()).describe(`The ${title(path)} found (poster).`) }),
      },
      problems: ['validation_failed'],
      example: { [Object.keys(resource.lookups)[0] as string]: '70102030' },
      logged: () => true,
      run: (ctx, request) => lookUp(ctx, resource, request.body, purposeOf(request)),
    });
  }
  if (machine) {
    operations.push({
      ...common,
      id: `change-${name}-status`,
      method: 'POST',
      path: `${one}/status`,
      scope: scopes.write,
      summary: `Take ${aTitle(name)} one step on`,
      description: `${common.description} Steps: ${stepsOf(machine)}.`,
      manner: 'change',
      body: () => statusChange(machine),
      success: { status: 200, description: `The ${title(name)} in its new status.`, body: view },
      problems: [
        'illegal_transition',
        'conflict',
        'already_exists',
        ...own,
        'precondition_required',
        'precondition_failed',
        'validation_failed',
        'idempotency_key_reused',
        'in_flight',
      ],
      example: { status: Object.keys(machine.steps)[1], at: '2026-11-20T10:00:00+01:00', reason: 'As agreed.' },
      run: (ctx, request) =>
        changeStatus(ctx, resource, place(request), request.body, {
          preconditions: preconditionsOf(request),
          idempotency: idempotencyOf(request),
        }),
    });
  }
  if (resource.deletable) {
    operations.push({
      ...common,
      id: `delete-${name}`,
      method: 'DELETE',
      path: one,
      scope: scopes.write,
      summary: `Take ${aTitle(name)} out of the record`,
      manner: 'change',
      success: { status: 204, description: 'It is in no list any more; its history stays.' },
      problems: ['legal_hold', 'precondition_required', 'precondition_failed', 'in_flight'],
      run: (ctx, request) => deleteRecord(ctx, resource, place(request), preconditionsOf(request)),
    });
  }
  return [...operations, ...(resource.operations?.() ?? [])];
}
