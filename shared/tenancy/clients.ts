import * as z from 'zod';
import { invalid, Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { instant, line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { findMunicipality } from '../register/register.ts';
import { clientKey, grantKey, municipalityKey } from '../table/keys.ts';
import { ABSENT, type Condition, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import type { OperatorContext } from './control.ts';
import type { Credentials } from './identity.ts';
import { TENANT_SCOPES, type TenantScope } from './scopes.ts';

const scopes = () =>
  z
    .array(z.enum(TENANT_SCOPES).describe('A scope.'))
    .min(1)
    .max(TENANT_SCOPES.length)
    .describe('What the client may do in the municipality (rettigheder).');

const CLIENT_EXAMPLE = '4p8v1m2q7r9s3t5u6w0x1y2z3a';
const OPERATOR_EXAMPLE = '2b7c4d9e1f6g3h8j5k0l2m7n4p';
const GRANT_EXAMPLE = {
  clientId: CLIENT_EXAMPLE,
  municipality: '0766',
  scopes: ['families:read', 'families:write', 'supervision:write'],
  grantedAt: '2026-11-20T09:00:00.000Z',
  grantedBy: OPERATOR_EXAMPLE,
};

/** Body of a new partner client. */
export const NewPartnerClient = () =>
  z.strictObject({ name: line('What the client is for (formål), such as the system that uses it.') });
/** Body of a new client of a municipality, with its scopes there. */
export const NewMunicipalClient = () =>
  z.strictObject({ ...NewPartnerClient().shape, scopes: scopes().default([...TENANT_SCOPES]) });
/** Body of a grant. */
export const GrantInput = () => z.strictObject({ scopes: scopes() });

/** Credentials in the one answer that shows them. */
export const ClientOnce = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client at the token issuer (klient-id).'),
      clientSecret: z.string().describe('Its secret (hemmelighed). It is shown this once and cannot be read again.'),
      tokenUrl: z.string().describe('Where it gets access tokens (token-adresse), by OAuth 2.0 client credentials.'),
    })
    .meta({
      description: 'The credentials of a new client.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          clientSecret: '1k2fq7v0example0secret0shown0once0a9s8d7f6g5h4j3',
          tokenUrl: 'https://livline.auth.eu-central-1.amazoncognito.com/oauth2/token',
        },
      ],
    });

/** A grant as it is shown. */
export const GrantView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      municipality: z.string().describe('Municipality code of four digits (kommunekode).'),
      scopes: scopes(),
      grantedAt: instant('When it was granted, UTC (tildelt).'),
      grantedBy: z.string().describe('Id of the operator client that granted it (tildelt af).'),
    })
    .meta({ description: 'What a client may do in one municipality.', examples: [GRANT_EXAMPLE] });

/** A client as it is shown, without its secret. */
export const ClientView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      name: z.string().describe('What the client is for (formål).'),
      owner: z
        .strictObject({
          kind: z.enum(['municipality', 'partner']).describe('Which kind of organisation (organisationstype).'),
          id: z.string().describe('Municipality code or partner id (organisations-id).'),
        })
        .describe('Whose client it is (ejer).'),
      createdAt: instant('When it was made, UTC (oprettet).'),
      createdBy: z.string().describe('Id of the operator client that made it (oprettet af).'),
      grants: z.array(GrantView()).max(100).describe('Where it may do what (tildelinger).').optional(),
    })
    .meta({
      description: 'A client of the token issuer, without its secret.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          name: 'Carelink platform',
          owner: { kind: 'partner', id: 'carelink' },
          createdAt: '2026-11-20T08:55:00.000Z',
          createdBy: OPERATOR_EXAMPLE,
          grants: [GRANT_EXAMPLE],
        },
      ],
    });

/** Whose client it is. */
export interface Owner {
  readonly kind: 'municipality' | 'partner';
  readonly id: string;
}

interface Grant {
  readonly code: string;
  readonly scopes: readonly TenantScope[];
}

/** The answer that shows a secret, once. */
export const shownOnce = (ctx: OperatorContext, { clientId, clientSecret }: Credentials) => ({
  client: { clientId, clientSecret, tokenUrl: ctx.tokenUrl },
});

const grantView = (ctx: OperatorContext, clientId: string, { code, scopes: granted }: Grant) => ({
  clientId,
  municipality: code,
  scopes: granted,
  grantedAt: ctx.now,
  grantedBy: ctx.operatorId,
});

const grantWrite = (ctx: OperatorContext, clientId: string, grant: Grant): Write => ({
  kind: 'put',
  key: grantKey(grant.code, clientId),
  item: { type: 'grant', scopes: grant.scopes, view: grantView(ctx, clientId, grant) },
  index: { list: { pk: ['GRANTS', clientId], sk: [grant.code] } },
});

/** The rows of a client and its grants. Whatever it writes carries its organisation as `source`. */
export function clientWrites(
  ctx: OperatorContext,
  client: { clientId: string; name: string; owner: Owner },
  grants: readonly Grant[],
): Write[] {
  const { clientId, name, owner } = client;
  const view = { clientId, name, owner, createdAt: ctx.now, createdBy: ctx.operatorId };
  return [
    {
      kind: 'put',
      key: clientKey(clientId),
      condition: ABSENT,
      item: { type: 'client', organisation: owner.kind === 'partner' ? owner.id : 'municipal', owner: owner.id, view },
      index: { list: { pk: ['CLIENTS', owner.kind, owner.id], sk: [clientId] } },
    },
    ...grants.map((grant) => grantWrite(ctx, clientId, grant)),
  ];
}

/**
 * Removes from the issuer a client whose rows could not be written. Where they stand after all, and only the answer was
 * lost, the client stays too.
 */
export async function withdrawClient(ctx: OperatorContext, { clientId }: Credentials): Promise<void> {
  if (!(await ctx.control.get(clientKey(clientId)))) await ctx.identity.deleteClient(clientId);
}

/** Makes a client for an organisation that exists; its secret is in the answer and nowhere else. */
export async function createClient(
  ctx: OperatorContext,
  owner: Owner,
  name: string,
  grants: readonly Grant[],
): Promise<Answer> {
  const allowed = grants[0]?.scopes ?? TENANT_SCOPES;
  const credentials = await ctx.identity.createClient(
    `${owner.kind} ${owner.id} ${name}`.replaceAll(/[^\w\s+=,.@-]/g, '-').slice(0, 128),
    allowed,
  );
  try {
    await ctx.control.transact([
      ...clientWrites(ctx, { ...credentials, name, owner }, grants),
      ...grants.map(({ code }) => isStaying(code)),
    ]);
  } catch (error) {
    await withdrawClient(ctx, credentials);
    throw error instanceof WriteRefused && error.at > 0 ? leaves() : error;
  }
  return {
    status: 201,
    body: shownOnce(ctx, credentials),
    headers: { location: `/v1/admin/clients/${credentials.clientId}` },
  };
}

/** A municipality that is there and not about to leave: one that leaves gets no client or grant that would outlive it. */
const STAYING: Condition = {
  expression: 'attribute_exists(#pk) AND NOT #tenant.#status IN (:offboarding, :deleted)',
  values: { offboarding: 'offboarding', deleted: 'deleted' },
};
const isStaying = (code: string): Write => ({ kind: 'check', key: municipalityKey(code), condition: STAYING });
const leaves = () => new Problem('conflict', 'The municipality leaves Livline, or has left.');

const CLIENT_ID = /^[\w-]{1,128}$/;
const unknownClient = () => new Problem('not_found', 'There is no such client.');
const notProvisioned = () => invalid('/path/code', 'This municipality is not provisioned.', 'invalid_value');
const noGrant = () => new Problem('not_found', 'The client has no grant there.');

/** A client with its grants. */
export async function getClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  const [client, { rows }] = await Promise.all([
    ctx.control.get(clientKey(clientId)),
    ctx.control.query({ index: 'list', partition: ['GRANTS', clientId], limit: 100 }),
  ]);
  if (!client) throw unknownClient();
  const grants = rows.map((row) => row['view']);
  return { status: 200, body: { ...(client['view'] as object), grants } };
}

/** A client that exists and may have a grant there: a partner's anywhere, a municipality's own in that one alone. */
const grantable = (code: string): Condition => ({
  expression: 'attribute_exists(#pk) AND (#organisation <> :municipal OR #owner = :code)',
  values: { municipal: 'municipal', code },
});

const strange = () => invalid('/path/code', "A municipality's own client works in that municipality alone.");

/** Grants a client scopes in a municipality, in place of what it had there. */
export async function putGrant(ctx: OperatorContext, clientId: string, code: string, body: unknown): Promise<Answer> {
  const { scopes: granted } = parse(GrantInput(), body);
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  if (!findMunicipality(code)) throw notProvisioned();
  const grant: Grant = { code, scopes: [...new Set(granted)] };
  try {
    await ctx.control.transact([
      { kind: 'check', key: clientKey(clientId), condition: grantable(code) },
      isStaying(code),
      grantWrite(ctx, clientId, grant),
    ]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    if (error.at > 0) throw error.row ? leaves() : notProvisioned();
    throw error.row ? strange() : unknownClient();
  }
  return { status: 200, body: grantView(ctx, clientId, grant) };
}

/** Takes a grant back. Requests are refused within a minute. */
export async function deleteGrant(ctx: OperatorContext, clientId: string, code: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  if (!findMunicipality(code)) throw noGrant();
  try {
    await ctx.control.write({ kind: 'delete', key: grantKey(code, clientId), condition: PRESENT });
  } catch (error) {
    if (error instanceof WriteRefused) throw noGrant();
    throw error;
  }
  return { status: 204 };
}
