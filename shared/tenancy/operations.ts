import * as z from 'zod';
import { type Operation, param } from '../operation.ts';
import type { KeyMaker } from '../privacy/key-maker.ts';
import { parse } from '../record/validate.ts';
import type { Store } from '../table/store.ts';
import { instantOf } from '../time.ts';
import { certificateOperations } from './certificate-operations.ts';
import type { CertificateKey } from './certificates.ts';
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
import { afterParameter, controlPage, controlTable, listControl, type OperatorContext } from './control.ts';
import { addCredential, CredentialOnce, endCredential } from './credentials.ts';
import { GrantInput, GrantView } from './grant-row.ts';
import type { IdentityProvider } from './identity.ts';
import { KeyRotation, rotateKeys } from './key-rotation.ts';
import {
  MunicipalityPatch,
  MunicipalityView,
  Provisioning,
  provisionMunicipality,
  updateMunicipality,
} from './municipalities.ts';
import { loadMunicipality } from './municipality-row.ts';
import { createPartner, getPartner, NewPartner, PartnerView } from './partners.ts';
import { programmeOperations } from './programme-operations.ts';
import { changeMunicipalityStatus, MunicipalityStatusChange } from './status-change.ts';

export type { OperatorContext };

interface OperatorDeps {
  readonly store: Store;
  readonly identity: IdentityProvider;
  readonly keys: KeyMaker;
  readonly certificates: CertificateKey;
  readonly now: () => Date;
  readonly tokenUrl: string;
}

/** The context of a caller that is known to be the operator. */
export const openOperatorContext = (deps: OperatorDeps, operatorId: string, requestId: string): OperatorContext => ({
  operatorId,
  requestId,
  now: instantOf(deps.now()),
  clock: deps.now,
  store: deps.store,
  control: controlTable(deps.store),
  identity: deps.identity,
  keys: deps.keys,
  certificates: deps.certificates,
  tokenUrl: deps.tokenUrl,
});

const municipalities = '/v1/admin/municipalities';
const partners = '/v1/admin/partners';
const clients = '/v1/admin/clients';

/** Every operation of the operators. */
export const adminOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'provision-municipality',
    method: 'POST',
    path: municipalities,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: 'Provision a municipality',
    description:
      'Name, CVR and region come from the register. The answer holds the credentials of its administrator, this once.',
    manner: 'act',
    body: Provisioning,
    success: {
      status: 201,
      description: 'The municipality and its first client, which works at once.',
      body: () =>
        z.strictObject({
          municipality: MunicipalityView().describe('The municipality (kommune).'),
          client: ClientOnce(),
        }),
    },
    problems: ['already_exists', 'validation_failed'],
    example: { code: '0766' },
    run: (ctx, request) => provisionMunicipality(ctx, request.body),
  },
  {
    id: 'list-municipalities',
    method: 'GET',
    path: municipalities,
    scope: 'admin:read',
    tag: 'municipalities',
    summary: 'List provisioned municipalities',
    manner: 'list',
    query: afterParameter,
    success: {
      status: 200,
      description: 'The municipalities by code.',
      body: controlPage(MunicipalityView(), 'The municipalities of this page (kommuner).'),
    },
    problems: ['validation_failed'],
    run: (ctx, request) => listControl(ctx, request, ['MUNICIPALITIES']),
  },
  {
    id: 'get-municipality',
    method: 'GET',
    path: `${municipalities}/{code}`,
    scope: 'admin:read',
    tag: 'municipalities',
    summary: 'Get a provisioned municipality',
    manner: 'read',
    success: { status: 200, description: 'The municipality.', body: MunicipalityView },
    problems: [],
    run: async (ctx, request) => {
      const { view } = await loadMunicipality(ctx.control, param(request, 'code'));
      return { status: 200, body: view };
    },
  },
  {
    id: 'update-municipality',
    method: 'PATCH',
    path: `${municipalities}/{code}`,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: "Change a municipality's settings",
    description: 'A JSON merge patch (RFC 7396): null removes. It works within a minute.',
    manner: 'act',
    body: MunicipalityPatch,
    success: { status: 200, description: 'The municipality.', body: MunicipalityView },
    problems: ['validation_failed', 'in_flight'],
    example: { kle: '27.24.00', quotaPerMinute: 12_000 },
    run: (ctx, request) => updateMunicipality(ctx, param(request, 'code'), request.body),
  },
  {
    id: 'change-municipality-status',
    method: 'POST',
    path: `${municipalities}/{code}/status`,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: "Change a municipality's status",
    description:
      'Suspending stops reads, writes and deliveries within 60 s; what waits is kept, and goes out after `live`. `offboarding` hands the record over and then erases it, which nothing undoes.',
    manner: 'act',
    body: MunicipalityStatusChange,
    success: {
      status: 200,
      description: 'The municipality, also where it had that status before.',
      body: MunicipalityView,
    },
    problems: ['validation_failed', 'illegal_transition', 'in_flight'],
    example: { status: 'suspended', reason: 'Agreed with the municipality until its new contract is signed.' },
    run: (ctx, request) => changeMunicipalityStatus(ctx, param(request, 'code'), request.body),
  },
  {
    id: 'rotate-municipality-keys',
    method: 'POST',
    path: `${municipalities}/{code}/keys`,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: 'Give a municipality a new data key',
    description:
      'New values are sealed with it from two minutes on, and what was sealed before when it is next written, or in the background. The key itself is made wrapped: nobody sees it here.',
    manner: 'act',
    body: KeyRotation,
    success: { status: 200, description: 'The municipality, with the version of the new key.', body: MunicipalityView },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    example: { reseal: true },
    run: (ctx, request) => rotateKeys(ctx, param(request, 'code'), request.body),
  },
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
    id: 'create-partner',
    method: 'POST',
    path: partners,
    scope: 'admin:write',
    tag: 'partners',
    summary: 'Register a partner provider',
    manner: 'act',
    body: NewPartner,
    success: { status: 201, description: 'The partner.', body: PartnerView },
    problems: ['already_exists', 'validation_failed'],
    example: { id: 'carelink', name: 'Carelink' },
    run: (ctx, request) => createPartner(ctx, request.body),
  },
  {
    id: 'list-partners',
    method: 'GET',
    path: partners,
    scope: 'admin:read',
    tag: 'partners',
    summary: 'List partner providers',
    manner: 'list',
    query: afterParameter,
    success: {
      status: 200,
      description: 'The partners by id.',
      body: controlPage(PartnerView(), 'The partners of this page (samarbejdspartnere).'),
    },
    problems: ['validation_failed'],
    run: (ctx, request) => listControl(ctx, request, ['PARTNERS']),
  },
  {
    id: 'get-partner',
    method: 'GET',
    path: `${partners}/{partnerId}`,
    scope: 'admin:read',
    tag: 'partners',
    summary: 'Get a partner provider',
    manner: 'read',
    success: { status: 200, description: 'The partner.', body: PartnerView },
    problems: [],
    run: (ctx, request) => getPartner(ctx, param(request, 'partnerId')),
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
  ...certificateOperations(),
  ...programmeOperations(),
];
