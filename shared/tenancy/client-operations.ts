import * as z from 'zod';
import { type Operation, param } from '../operation.ts';
import { parse } from '../record/validate.ts';
import {
  ClientOnce,
  ClientView,
  createClient,
  deleteGrant,
  getClient,
  NewMunicipalClient,
  NewPartnerClient,
  putGrant,
  revokeClient,
} from './clients.ts';
import type { OperatorContext } from './control.ts';
import { addCredential, CredentialOnce, endCredential } from './credentials.ts';
import { GrantInput, GrantView } from './grant-row.ts';
import { loadMunicipality } from './municipality-row.ts';
import { getPartner } from './partners.ts';

const municipalities = '/v1/admin/municipalities';
const partners = '/v1/admin/partners';
const clients = '/v1/admin/clients';

/** What operators do with clients: those of municipalities and of partners. */
export const clientOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'create-municipal-client',
    method: 'POST',
    path: `${municipalities}/{code}/clients`,
    scope: 'admin:write',
    tag: 'clients',
    summary: "Make another client for a municipality's own systems",
    description: 'What it may do is said by scopes or by a preset, one of both.',
    manner: 'act',
    body: NewMunicipalClient,
    success: {
      status: 201,
      description: 'Its credentials, this once.',
      body: () => z.strictObject({ client: ClientOnce() }),
    },
    problems: ['validation_failed', 'conflict'],
    example: { name: 'DUBU integration', preset: 'integration' },
    run: async (ctx, request) => {
      const code = param(request, 'code');
      const { name, ...rights } = parse(NewMunicipalClient(), request.body);
      await loadMunicipality(ctx.control, code);
      return createClient(ctx, { kind: 'municipality', id: code }, name, rights);
    },
  },
  {
    id: 'create-partner-client',
    method: 'POST',
    path: `${partners}/{partnerId}/clients`,
    scope: 'admin:write',
    tag: 'clients',
    summary: "Make a client for a partner's systems",
    description: 'The client can do nothing until a municipality grants it access.',
    manner: 'act',
    body: NewPartnerClient,
    success: {
      status: 201,
      description: 'Its credentials, this once.',
      body: () => z.strictObject({ client: ClientOnce() }),
    },
    problems: ['validation_failed'],
    example: { name: 'Carelink platform' },
    run: async (ctx, request) => {
      const { name } = parse(NewPartnerClient(), request.body);
      const id = param(request, 'partnerId');
      await getPartner(ctx, id);
      return createClient(ctx, { kind: 'partner', id }, name);
    },
  },
  {
    id: 'get-client',
    method: 'GET',
    path: `${clients}/{clientId}`,
    scope: 'admin:read',
    tag: 'clients',
    summary: 'Get a client with its credentials and grants',
    manner: 'read',
    success: { status: 200, description: 'The client; never a secret.', body: ClientView },
    problems: [],
    run: (ctx, request) => getClient(ctx, param(request, 'clientId')),
  },
  {
    id: 'revoke-client',
    method: 'DELETE',
    path: `${clients}/{clientId}`,
    scope: 'admin:write',
    tag: 'clients',
    summary: 'Revoke a client for good',
    description: 'It loses its credentials and its grants everywhere. It can still be read, as one that is revoked.',
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    problems: [],
    run: (ctx, request) => revokeClient(ctx, param(request, 'clientId')),
  },
  {
    id: 'add-credential',
    method: 'POST',
    path: `${clients}/{clientId}/credentials`,
    scope: 'admin:write',
    tag: 'clients',
    summary: 'Give a client a second credential',
    description: 'Both work until one of them is ended, so a system changes over at any moment in between.',
    manner: 'act',
    success: {
      status: 201,
      description: 'The credential with its secret, this once.',
      body: () => z.strictObject({ credential: CredentialOnce() }),
    },
    problems: ['conflict'],
    run: (ctx, request) => addCredential(ctx, param(request, 'clientId')),
  },
  {
    id: 'end-credential',
    method: 'DELETE',
    path: `${clients}/{clientId}/credentials/{credentialId}`,
    scope: 'admin:write',
    tag: 'clients',
    summary: "End one of a client's two credentials",
    description:
      'Access tokens do not say by which credential they were got, so all that were issued until then are refused with 401 within a minute: a system with the other credential gets a new one. A client’s last credential is not ended; revoke the client instead.',
    manner: 'act',
    success: { status: 204, description: 'It gives no more tokens, and those it gave are refused within a minute.' },
    problems: ['conflict'],
    run: (ctx, request) => endCredential(ctx, param(request, 'clientId'), param(request, 'credentialId')),
  },
  {
    id: 'put-grant',
    method: 'PUT',
    path: `${clients}/{clientId}/grants/{code}`,
    scope: 'admin:write',
    tag: 'clients',
    summary: "Change what a municipality's own client may do",
    description: 'By scopes or by a preset, one of both. A partner’s client is granted access by the municipality.',
    manner: 'act',
    body: GrantInput,
    success: { status: 200, description: 'The grant, in place of an earlier one.', body: GrantView },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    example: { scopes: ['families:read', 'families:write', 'supervision:write'] },
    run: (ctx, request) => putGrant(ctx, param(request, 'clientId'), param(request, 'code'), request.body),
  },
  {
    id: 'delete-grant',
    method: 'DELETE',
    path: `${clients}/{clientId}/grants/{code}`,
    scope: 'admin:write',
    tag: 'clients',
    summary: "Take back what a municipality's own client may do",
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    problems: ['validation_failed', 'conflict'],
    run: (ctx, request) => deleteGrant(ctx, param(request, 'clientId'), param(request, 'code')),
  },
];
