import * as z from 'zod';
import { type Operation, param } from '../operation.ts';
import { ClientOnce, CredentialOnce, NewPartnerClient } from './client-views.ts';
import type { OperatorContext } from './control.ts';
import {
  addOperatorCredential,
  createOperator,
  endOperatorCredential,
  getOperator,
  listOperators,
  OperatorDetailsView,
  OperatorView,
  removeOperator,
} from './operators.ts';

const collection = '/v1/admin/operators';
const one = `${collection}/{clientId}`;

/** The operations by which operators make and remove one another, each with credentials of its own. */
export const operatorOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'list-operators',
    method: 'GET',
    path: collection,
    scope: 'admin:read',
    tag: 'operators',
    summary: 'List the clients that may operate Livline',
    manner: 'act',
    success: {
      status: 200,
      description: 'The operators.',
      body: () =>
        z.strictObject({ items: z.array(OperatorView()).max(20).describe('The operators (driftsklienter).') }),
    },
    problems: [],
    run: listOperators,
  },
  {
    id: 'get-operator',
    method: 'GET',
    path: one,
    scope: 'admin:read',
    tag: 'operators',
    summary: 'Get an operator with its credentials',
    manner: 'act',
    success: {
      status: 200,
      description: 'The operator; never a secret.',
      body: OperatorDetailsView,
    },
    problems: [],
    run: (ctx, request) => getOperator(ctx, param(request, 'clientId')),
  },
  {
    id: 'create-operator',
    method: 'POST',
    path: collection,
    scope: 'admin:write',
    tag: 'operators',
    summary: 'Make another operator',
    manner: 'act',
    body: NewPartnerClient,
    success: {
      status: 201,
      description: 'Its credentials, this once.',
      body: () => z.strictObject({ client: ClientOnce() }),
    },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    example: { name: 'Vagthavende' },
    run: (ctx, request) => createOperator(ctx, request.body),
  },
  {
    id: 'remove-operator',
    method: 'DELETE',
    path: one,
    scope: 'admin:write',
    tag: 'operators',
    summary: 'Remove an operator',
    description: 'The last operator cannot be removed.',
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    problems: ['conflict', 'in_flight'],
    run: (ctx, request) => removeOperator(ctx, param(request, 'clientId')),
  },
  {
    id: 'add-operator-credential',
    method: 'POST',
    path: `${one}/credentials`,
    scope: 'admin:write',
    tag: 'operators',
    summary: 'Give an operator a second credential',
    manner: 'act',
    success: {
      status: 201,
      description: 'The credential with its secret, this once.',
      body: () => z.strictObject({ credential: CredentialOnce() }),
    },
    problems: ['conflict'],
    run: (ctx, request) => addOperatorCredential(ctx, param(request, 'clientId')),
  },
  {
    id: 'end-operator-credential',
    method: 'DELETE',
    path: `${one}/credentials/{credentialId}`,
    scope: 'admin:write',
    tag: 'operators',
    summary: "End one of an operator's two credentials",
    description: 'The tokens that were issued until then are refused with 401 within a minute.',
    manner: 'act',
    success: { status: 204, description: 'It gives no more tokens.' },
    problems: ['conflict', 'in_flight'],
    run: (ctx, request) => endOperatorCredential(ctx, param(request, 'clientId'), param(request, 'credentialId')),
  },
];
