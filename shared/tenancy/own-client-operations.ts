import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Operation, param } from '../operation.ts';
import { pageParameters, pageSchema } from '../record/lists.ts';
import { ClientRepeat, CredentialOnce, ListedClientView, NewClient, OwnClientView } from './client-views.ts';
import type { Directory } from './credentials.ts';
import {
  addOwnCredential,
  createOwnClient,
  endOwnCredential,
  getOwnClient,
  listOwnClients,
  revokeOwnClient,
} from './own-clients.ts';

const collection = '/v1/municipalities/{code}/clients';
const one = `${collection}/{clientId}`;

/** The operations by which a municipality makes and ends its own clients and their credentials. */
export const ownClientOperations = (directory: Directory): Operation<Context>[] => [
  {
    id: 'create-own-client',
    method: 'POST',
    path: collection,
    scope: 'grants:write',
    tag: 'clients',
    summary: 'Make a client for one of the municipality’s own systems',
    description:
      'What it may do is said by scopes or by a preset, one of both, within what its maker may do. The answer to a repeated request does not show the secret again.',
    manner: 'create',
    body: NewClient,
    success: {
      status: 201,
      description: 'Its credentials, this once.',
      body: () => z.strictObject({ client: ClientRepeat() }),
    },
    problems: ['validation_failed', 'conflict', 'in_flight', 'idempotency_key_reused'],
    example: { name: 'DUBU integration', preset: 'integration' },
    run: (ctx, request) => createOwnClient(ctx, directory, request),
  },
  {
    id: 'list-own-clients',
    method: 'GET',
    path: collection,
    scope: 'grants:read',
    tag: 'clients',
    summary: 'List the municipality’s own clients',
    description: 'Those that are revoked are among them.',
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page, by client id.',
      body: () => pageSchema(ListedClientView(), 'The clients of this page (klienter).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: (ctx, request) => listOwnClients(ctx, directory, request),
  },
  {
    id: 'get-own-client',
    method: 'GET',
    path: one,
    scope: 'grants:read',
    tag: 'clients',
    summary: 'Get one of the municipality’s own clients',
    // It shows the credentials at the issuer too, so no version stands for what it says.
    manner: 'act',
    success: { status: 200, description: 'The client; never a secret.', body: OwnClientView },
    problems: [],
    run: (ctx, request) => getOwnClient(ctx, directory, param(request, 'clientId')),
  },
  {
    id: 'revoke-own-client',
    method: 'DELETE',
    path: one,
    scope: 'grants:write',
    tag: 'clients',
    summary: 'Revoke one of the municipality’s own clients for good',
    description: 'Who revokes it must hold what it may do. The last client that holds grants:write is not revoked.',
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    run: (ctx, request) => revokeOwnClient(ctx, directory, param(request, 'clientId')),
  },
  {
    id: 'add-own-credential',
    method: 'POST',
    path: `${one}/credentials`,
    scope: 'grants:write',
    tag: 'clients',
    summary: 'Give one of the municipality’s own clients a second credential',
    description:
      'Both work until one of them is ended. This is how a credential that an operator has seen is replaced: make a second one, take it into use, end the first.',
    manner: 'act',
    success: {
      status: 201,
      description: 'The credential with its secret, this once.',
      body: () => z.strictObject({ credential: CredentialOnce() }),
    },
    problems: ['conflict', 'in_flight'],
    run: (ctx, request) => addOwnCredential(ctx, directory, param(request, 'clientId')),
  },
  {
    id: 'end-own-credential',
    method: 'DELETE',
    path: `${one}/credentials/{credentialId}`,
    scope: 'grants:write',
    tag: 'clients',
    summary: 'End one of two credentials of the municipality’s own client',
    description:
      'Access tokens do not say by which credential they were got, so all that were issued until then are refused with 401 within a minute: a system with the other credential gets a new one. A client’s last credential is not ended; revoke the client instead.',
    manner: 'act',
    success: { status: 204, description: 'It gives no more tokens, and those it gave are refused within a minute.' },
    problems: ['conflict', 'in_flight'],
    run: (ctx, request) => endOwnCredential(ctx, directory, param(request, 'clientId'), param(request, 'credentialId')),
  },
];
