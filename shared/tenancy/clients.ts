import * as z from 'zod';
import { TENANT_SCOPES } from '../auth/scopes.ts';
import { invalid, Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { instant, line } from '../record/fields.ts';
import { parse } from '../record/validate.ts';
import { allMunicipalities, findMunicipality } from '../register/register.ts';
import { clientKey, grantKey, municipalityKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, type Condition, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import { instantOf } from '../time.ts';
import { CLIENT_ID, clientFinder, noClient, type Owner, type StoredClient } from './client-row.ts';
import type { OperatorContext } from './control.ts';
import {
  CLIENT_EXAMPLE,
  eitherOne,
  GRANT_EXAMPLE,
  type Grant,
  GrantInput,
  GrantView,
  grantInFlight,
  grantWrite,
  lastUse,
  OPERATOR_EXAMPLE,
  OwnerView,
  type Rights,
  rightsInput,
  rightsOf,
} from './grant-row.ts';
import type { Credentials } from './identity.ts';

/** Body of a new partner client. */
export const NewPartnerClient = () =>
  z.strictObject({ name: line('What the client is for (formål), such as the system that uses it.') });
/** Body of a new client of a municipality, with what it may do there. */
export const NewMunicipalClient = () =>
  z.strictObject({ ...NewPartnerClient().shape, ...rightsInput() }).refine(...eitherOne);

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

/** A client as it is shown, without its secrets. */
export const ClientView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      name: z.string().describe('What the client is for (formål).'),
      owner: OwnerView(),
      createdAt: instant('When it was made, UTC (oprettet).'),
      createdBy: z.string().describe('Id of the operator client that made it (oprettet af).'),
      revokedAt: instant('When it was revoked for good, UTC (spærret); absent while it is not.').optional(),
      revokedBy: z.string().describe('Id of the operator client that revoked it (spærret af).').optional(),
      lastUsedOn: lastUse(),
      credentials: z
        .array(
          z.strictObject({
            id: z.string().describe('Id of the credential (id).'),
            createdAt: instant('When it was made, UTC (oprettet).'),
          }),
        )
        .max(2)
        .describe('Its live credentials (adgangsoplysninger), never their secrets; two while one replaces the other.'),
      grants: z.array(GrantView()).max(100).describe('Where it may do what (tildelinger).'),
    })
    .meta({
      description: 'A client of the token issuer, without its secrets.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          name: 'Carelink platform',
          owner: { kind: 'partner', id: 'carelink' },
          createdAt: '2026-11-20T08:55:00.000Z',
          createdBy: OPERATOR_EXAMPLE,
          lastUsedOn: '2026-11-22',
          credentials: [{ id: `${CLIENT_EXAMPLE}--1795164900`, createdAt: '2026-11-20T08:55:00.000Z' }],
          grants: [GRANT_EXAMPLE],
        },
      ],
    });

/** The answer that shows a secret, once. */
export const shownOnce = (ctx: OperatorContext, { clientId, clientSecret }: Credentials) => ({
  client: { clientId, clientSecret, tokenUrl: ctx.tokenUrl },
});

const grantBy = (ctx: OperatorContext, clientId: string, municipality: string, rights: Rights): Grant => ({
  clientId,
  municipality,
  ...rights,
  // A municipality's own client reaches all its rows.
  rows: 'all',
  grantedAt: ctx.now,
  grantedBy: ctx.operatorId,
});

/** The rows of a client and of what it may do where. Whatever it writes carries its organisation as `source`. */
export function clientWrites(
  ctx: OperatorContext,
  { clientId, name, owner }: { clientId: string; name: string; owner: Owner },
  rights?: Rights,
): Write[] {
  const view = { clientId, name, owner, createdAt: ctx.now, createdBy: ctx.operatorId };
  return [
    {
      kind: 'put',
      key: clientKey(clientId),
      condition: ABSENT,
      item: { type: 'client', organisation: owner.kind === 'partner' ? owner.id : 'municipal', owner: owner.id, view },
      index: { list: { pk: ['CLIENTS', owner.kind, owner.id], sk: [clientId] } },
    },
    ...(rights ? [grantWrite(grantKey(owner.id, clientId), undefined, grantBy(ctx, clientId, owner.id, rights))] : []),
  ];
}

/**
 * Removes from the issuer a client whose rows could not be written. Where they stand after all, and only the answer was
 * lost, the client stays too.
 */
export async function withdrawClient(ctx: OperatorContext, { clientId }: Credentials): Promise<void> {
  if (!(await ctx.control.get(clientKey(clientId)))) await ctx.identity.deleteClient(clientId);
}

/**
 * Makes a client for an organisation that exists, a municipality's with what it may do there; its secret is in the answer
 * and nowhere else. It may ask the issuer for every scope: which of them it has is said by its grants alone, so that one
 * that is changed later works at once.
 */
export async function createClient(
  ctx: OperatorContext,
  owner: Owner,
  name: string,
  rights?: Parameters<typeof rightsOf>[0],
): Promise<Answer> {
  const called = `${owner.kind} ${owner.id} ${name}`.replaceAll(/[^\w\s+=,.@-]/g, '-').slice(0, 128);
  const credentials = await ctx.identity.createClient(called, TENANT_SCOPES);
  try {
    await ctx.control.transact([
      ...clientWrites(ctx, { ...credentials, name, owner }, rights && rightsOf(rights)),
      ...(owner.kind === 'municipality' ? [isStaying(owner.id)] : []),
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

const revoked = () => new Problem('conflict', 'The client is revoked for good.');
const noGrant = () => new Problem('not_found', 'The client has no grant there.');

/** A client that was made, revoked or not. Throws `not_found`. */
export async function loadClient(ctx: OperatorContext, clientId: string): Promise<StoredClient> {
  const client = (await clientFinder(ctx.control)([clientId])).get(clientId);
  if (!client) throw noClient();
  return client;
}

/** As {@link loadClient}, and throws `conflict` where it is revoked. */
export async function loadLiveClient(ctx: OperatorContext, clientId: string): Promise<StoredClient> {
  const client = await loadClient(ctx, clientId);
  if (client.details.revokedAt !== undefined) throw revoked();
  return client;
}

/**
 * The grants of a client. They stand with the municipalities that gave them and are in no list across those: there are 98
 * municipalities, so one read of all places where a partner's could be tells it, and none is missed.
 */
function grantsOf(ctx: OperatorContext, { details: { clientId, owner } }: StoredClient): Promise<readonly Row[]> {
  const codes = owner.kind === 'municipality' ? [owner.id] : allMunicipalities().map(({ code }) => code);
  return ctx.control.getMany(codes.map((code) => grantKey(code, clientId)));
}

/** A client with its credentials and grants. */
export async function getClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const client = await loadClient(ctx, clientId);
  const [rows, secrets] = await Promise.all([grantsOf(ctx, client), ctx.identity.listSecrets(clientId)]);
  const grants = rows.map((row) => row['view'] as Grant);
  grants.sort((a, b) => (a.municipality < b.municipality ? -1 : 1));
  const credentials = secrets.map(({ secretId, createdAt }) => ({ id: secretId, createdAt: instantOf(createdAt) }));
  return { status: 200, body: { ...client.details, credentials, grants } };
}

/**
 * Revokes a client for good. Its row, which stays for whoever asks later who it was, says so first: from then on no
 * context opens for it, within a minute in those that are open. Then it leaves the issuer, then its grants go. A request
 * that died on the way leaves it refused, and asking again does what is left.
 */
export async function revokeClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const client = await loadClient(ctx, clientId);
  if (client.details.revokedAt === undefined) {
    const set = { revokedAt: ctx.now, revokedBy: ctx.operatorId };
    await ctx.control.write({ kind: 'update', key: clientKey(clientId), condition: PRESENT, set });
  }
  await ctx.identity.deleteClient(clientId);
  const grants = (await grantsOf(ctx, client)).map((row) => row['view'] as Grant);
  await Promise.all(
    grants.map(({ municipality }) => ctx.control.write({ kind: 'delete', key: grantKey(municipality, clientId) })),
  );
  return { status: 204 };
}

/** A municipality that is there and not about to leave: one that leaves gets no client or grant that would outlive it. */
const STAYING: Condition = {
  expression: 'attribute_exists(#pk) AND NOT #tenant.#status IN (:offboarding, :deleted)',
  values: { offboarding: 'offboarding', deleted: 'deleted' },
};
const isStaying = (code: string): Write => ({ kind: 'check', key: municipalityKey(code), condition: STAYING });
const leaves = () => new Problem('conflict', 'The municipality leaves Livline, or has left.');

/** A live client of this municipality's own: the operator grants no other. */
const ownOf = (code: string): Condition => ({
  expression: 'attribute_exists(#pk) AND attribute_not_exists(#revokedAt) AND #organisation = :own AND #owner = :code',
  values: { own: 'municipal', code },
});

/** Why a client is not {@link ownOf} a municipality. */
function whyNotOwn(row: Row | undefined): Problem {
  if (!row) return noClient();
  if (row['organisation'] !== 'municipal')
    return new Problem('forbidden', 'A municipality itself grants a partner’s client access, and takes it back.');
  if (row['revokedAt'] !== undefined) return revoked();
  return invalid('/path/code', "A municipality's own client works in that municipality alone.");
}

/** Writes a grant of a municipality's own client where that is what the client is. Throws 403, 404, 409 or 422. */
async function writeOwnGrant(
  ctx: OperatorContext,
  clientId: string,
  code: string,
  { write, unmet }: { write: Write; unmet: () => Problem },
): Promise<void> {
  try {
    await ctx.control.transact([
      { kind: 'check', key: clientKey(clientId), condition: ownOf(code) },
      write,
      // What is taken back is taken back wherever that is.
      ...(write.kind === 'put' ? [isStaying(code)] : []),
    ]);
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    if (error.at === 0) throw whyNotOwn(error.row);
    throw error.at === 1 ? unmet() : leaves();
  }
}

/** Gives a municipality's own client rights in its municipality, in place of what it had. */
export async function putGrant(ctx: OperatorContext, clientId: string, code: string, body: unknown): Promise<Answer> {
  const rights = rightsOf(parse(GrantInput(), body));
  if (!CLIENT_ID.test(clientId)) throw noClient();
  if (!findMunicipality(code)) throw whyNotOwn(await ctx.control.get(clientKey(clientId)));
  const key = grantKey(code, clientId);
  const grant = grantBy(ctx, clientId, code, rights);
  const write = grantWrite(key, await ctx.control.get(key), grant);
  await writeOwnGrant(ctx, clientId, code, { write, unmet: grantInFlight });
  return { status: 200, body: grant };
}

/** Takes the grant of a municipality's own client back. Requests are refused within a minute. */
export async function deleteGrant(ctx: OperatorContext, clientId: string, code: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw noClient();
  if (!findMunicipality(code)) throw noGrant();
  const write: Write = { kind: 'delete', key: grantKey(code, clientId), condition: PRESENT };
  await writeOwnGrant(ctx, clientId, code, { write, unmet: noGrant });
  return { status: 204 };
}
