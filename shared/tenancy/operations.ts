import * as z from 'zod';
import type { KeyMaker } from '../crypto/key-maker.ts';
import { type Operation, param } from '../operation.ts';
import { pageParameters, pageSchema } from '../record/lists.ts';
import type { Store } from '../table/store.ts';
import { instantOf } from '../time.ts';
import { certificateOperations } from './certificate-operations.ts';
import type { CertificateKey } from './certificates.ts';
import { clientOperations } from './client-operations.ts';
import { ClientOnce } from './client-views.ts';
import { controlTable, listControl, type OperatorContext } from './control.ts';
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
import { operatorOperations } from './operator-operations.ts';
import { createPartner, getPartner, NewPartner, PartnerView } from './partners.ts';
import { programmeOperations } from './programme-operations.ts';
import { recoveryOperations } from './recovery-operations.ts';
import { changeMunicipalityStatus, MunicipalityStatusChange } from './status-change.ts';

export type { OperatorContext };

export interface OperatorDeps {
  readonly store: Store;
  readonly identity: IdentityProvider;
  readonly keys: KeyMaker;
  readonly certificates: CertificateKey;
  readonly now: () => Date;
  readonly tokenUrl: string;
  /** The client that was made together with the user pool: the first that may operate Livline. */
  readonly operatorClientId: string;
  /** Seconds after which a recovery takes effect. */
  readonly recoveryDelayS: number;
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
  firstOperatorId: deps.operatorClientId,
  recoveryDelayS: deps.recoveryDelayS,
});

const municipalities = '/v1/admin/municipalities';
const partners = '/v1/admin/partners';

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
      'Name, CVR and region come from the register. The answer holds the credentials of its administrator, this once. The operator has seen them, so they work until the municipality goes live; in `test` it holds test data only.',
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
    query: pageParameters,
    success: {
      status: 200,
      description: 'The municipalities by code.',
      body: () => pageSchema(MunicipalityView(), 'The municipalities of this page (kommuner).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
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
    summary: 'Change what an operator sets of a municipality',
    description: 'A JSON merge patch (RFC 7396): null removes. It works within a minute.',
    manner: 'act',
    body: MunicipalityPatch,
    success: { status: 200, description: 'The municipality.', body: MunicipalityView },
    problems: ['validation_failed', 'in_flight'],
    example: { quotaPerMinute: 12_000 },
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
      'Going live is refused with `credentials_seen` while a client of the municipality’s own has a credential that an operator has seen and none that was made from inside, and ends what is left of the former. Until then the municipality is in `test`, which holds test data only. Suspending stops reads, writes and deliveries within 60 s; what waits is kept, and goes out after `live`. `offboarding` is refused with `handover_key_missing` until the municipality has given a public key in its settings; it hands the record over, encrypted to that key, and then erases it, which nothing undoes.',
    manner: 'act',
    body: MunicipalityStatusChange,
    success: {
      status: 200,
      description: 'The municipality, also where it had that status before.',
      body: MunicipalityView,
    },
    problems: ['validation_failed', 'illegal_transition', 'credentials_seen', 'handover_key_missing', 'in_flight'],
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
    query: pageParameters,
    success: {
      status: 200,
      description: 'The partners by id.',
      body: () => pageSchema(PartnerView(), 'The partners of this page (samarbejdspartnere).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
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
  ...clientOperations(),
  ...operatorOperations(),
  ...recoveryOperations(),
  ...certificateOperations(),
  ...programmeOperations(),
];
