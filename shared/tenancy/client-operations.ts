import * as z from 'zod';
import { type Operation, param } from '../operation.ts';
import { parse } from '../record/validate.ts';
import { ClientOnce, ClientView, CredentialOnce, NewPartnerClient } from './client-views.ts';
import { addCredential, createPartnerClient, deleteGrant, endCredential, getClient, revokeClient } from './clients.ts';
import type { OperatorContext } from './control.ts';
import { getPartner } from './partners.ts';

const partners = '/v1/admin/partners';
const clients = '/v1/admin/clients';

/** What operators do with clients: they make partners’, and can revoke any. */
export const clientOperations = (): Operation<OperatorContext>[] => [
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
      return createPartnerClient(ctx, id, name);
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
    description:
      'Both work until one of them is ended, so a system changes over at any moment in between. The operator has seen its secret: a municipality’s own client gets one only while the municipality is in `test`, and a partner’s client loses its access everywhere until each municipality confirms it.',
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
    id: 'delete-grant',
    method: 'DELETE',
    path: `${clients}/{clientId}/grants/{code}`,
    scope: 'admin:write',
    tag: 'clients',
    summary: 'Take back what a client may do in a municipality',
    description: 'The municipality’s history tells it.',
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    problems: ['validation_failed', 'conflict'],
    run: (ctx, request) => deleteGrant(ctx, param(request, 'clientId'), param(request, 'code')),
  },
];
