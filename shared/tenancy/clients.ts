import * as z from 'zod';
import { invalid, Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { clientKey, grantKey, municipalityKey } from '../table/keys.ts';
import { ABSENT, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import type { OperatorContext } from './control.ts';
import type { Credentials } from './identity.ts';
import { TENANT_SCOPES, type TenantScope } from './scopes.ts';

const scopes = () =>
  z
    .array(z.enum(TENANT_SCOPES))
    .min(1)
    .max(TENANT_SCOPES.length)
    .describe('What the client may do in the municipality.');

export const NewPartnerClient = () =>
  z.strictObject({ name: line('What the client is for, such as the system that uses it.') });
export const NewMunicipalClient = () =>
  z.strictObject({ ...NewPartnerClient().shape, scopes: scopes().default([...TENANT_SCOPES]) });
export const GrantInput = () => z.strictObject({ scopes: scopes() });

export const ClientOnce = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client at the token issuer.'),
      clientSecret: z.string().describe('Its secret. It is shown this once and cannot be read again.'),
      tokenUrl: z.string().describe('Where it gets access tokens (OAuth 2.0 client credentials).'),
    })
    .describe('The credentials of a new client.');

export const GrantView = () =>
  z.strictObject({
    clientId: z.string().describe('Id of the client.'),
    municipality: z.string().describe('Municipality code of four digits (kommunekode).'),
    scopes: scopes(),
    grantedAt: z.string().describe('When it was granted, UTC.'),
    grantedBy: z.string().describe('Id of the operator client that granted it.'),
  });

export const ClientView = () =>
  z.strictObject({
    clientId: z.string().describe('Id of the client.'),
    name: z.string().describe('What the client is for.'),
    owner: z
      .strictObject({
        kind: z.enum(['municipality', 'partner']).describe('Which kind of organisation.'),
        id: z.string().describe('Municipality code or partner id.'),
      })
      .describe('Whose client it is.'),
    createdAt: z.string().describe('When it was made, UTC.'),
    createdBy: z.string().describe('Id of the operator client that made it.'),
    grants: z.array(GrantView()).max(100).describe('Where it may do what.').optional(),
  });

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
  key: grantKey(clientId, grant.code),
  item: { type: 'grant', scopes: grant.scopes, view: grantView(ctx, clientId, grant) },
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
      item: { type: 'client', organisation: owner.kind === 'partner' ? owner.id : 'municipal', view },
      index: { list: { pk: ['CLIENTS', owner.kind, owner.id], sk: [clientId] } },
    },
    ...grants.map((grant) => grantWrite(ctx, clientId, grant)),
  ];
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
    await ctx.control.transact(clientWrites(ctx, { ...credentials, name, owner }, grants));
  } catch (error) {
    await ctx.identity.deleteClient(credentials.clientId);
    throw error;
  }
  return {
    status: 201,
    body: shownOnce(ctx, credentials),
    headers: { location: `/v1/admin/clients/${credentials.clientId}` },
  };
}

const CLIENT_ID = /^[\w-]{1,128}$/;
const unknownClient = () => new Problem('not_found', 'There is no such client.');

/** A client with its grants. */
export async function getClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  const { rows } = await ctx.control.query({ partition: clientKey(clientId).pk, limit: 100 });
  const client = rows.find((row) => row['type'] === 'client');
  if (!client) throw unknownClient();
  const grants = rows.filter((row) => row['type'] === 'grant').map((row) => row['view']);
  return { status: 200, body: { ...(client['view'] as object), grants } };
}

/** Grants a client scopes in a municipality, in place of what it had there. */
export async function putGrant(ctx: OperatorContext, clientId: string, code: string, body: unknown): Promise<Answer> {
  const { scopes: granted } = parse(GrantInput(), body);
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  const grant: Grant = { code, scopes: [...new Set(granted)] };
  try {
    await ctx.control.transact([
      { kind: 'check', key: clientKey(clientId), condition: PRESENT },
      { kind: 'check', key: municipalityKey(code), condition: PRESENT },
      grantWrite(ctx, clientId, grant),
    ]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    throw error.at === 0
      ? unknownClient()
      : invalid('/path/code', 'This municipality is not provisioned.', 'invalid_value');
  }
  return { status: 200, body: grantView(ctx, clientId, grant) };
}

/** Takes a grant back. Requests are refused within a minute. */
export async function deleteGrant(ctx: OperatorContext, clientId: string, code: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw unknownClient();
  try {
    await ctx.control.write({ kind: 'delete', key: grantKey(clientId, code), condition: PRESENT });
  } catch (error) {
    if (error instanceof WriteRefused) throw new Problem('not_found', 'The client has no grant there.');
    throw error;
  }
  return { status: 204 };
}
