import { TENANT_SCOPES } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import { allMunicipalities } from '../register/register.ts';
import { clientKey, grantKey, holdersKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { ABSENT, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import { instantOf } from '../time.ts';
import { type AccessChange, endedEventId, noticeWrite } from './access-events.ts';
import { CLIENT_ID, clientFinder, noClient, type Owner, type StoredClient } from './client-row.ts';
import type { OperatorContext } from './control.ts';
import { credentialView, endSecret, losesWith, requireCredential } from './credentials.ts';
import { type Grant, grantInFlight, versionOf } from './grant-row.ts';
import { holdersOf, holdersWrite, leavesNobody } from './holders.ts';
import type { Credentials } from './identity.ts';
import { loadMunicipality, municipalityWrite } from './municipality-row.ts';

/** The answer that shows a secret, once. */
export const shownOnce = (ctx: { tokenUrl: string }, { clientId, clientSecret }: Credentials) => ({
  client: { clientId, clientSecret, tokenUrl: ctx.tokenUrl },
});

/** The name of a client at the issuer. */
export const issuedName = (owner: Owner, name: string): string =>
  `${owner.kind} ${owner.id} ${name}`.replaceAll(/[^\w\s+=,.@-]/g, '-').slice(0, 128);

/**
 * Returns the row of a client. Whatever it writes carries its organisation as `source`. Of its credentials those count as
 * made inside that `marks` name; an operator has seen all others.
 */
export const clientWrite = (
  { now, by }: { now: string; by: string },
  { clientId, name, owner }: { clientId: string; name: string; owner: Owner },
  marks: { inside?: readonly string[]; seenByOperator?: true; endsAt?: string } = {},
): Write => ({
  kind: 'put',
  key: clientKey(clientId),
  condition: ABSENT,
  item: {
    type: 'client',
    organisation: owner.kind === 'partner' ? owner.id : 'municipal',
    owner: owner.id,
    view: { clientId, name, owner, createdAt: now, createdBy: by },
    ...marks,
  },
  index: { list: { pk: ['CLIENTS', owner.kind, owner.id], sk: [clientId] } },
});

/**
 * Removes from the issuer a client whose rows could not be written. Where they stand after all, and only the answer was
 * lost, the client stays too.
 */
export async function withdrawClient(ctx: OperatorContext, { clientId }: Credentials): Promise<void> {
  if (!(await ctx.control.get(clientKey(clientId)))) await ctx.identity.deleteClient(clientId);
}

/**
 * Makes a client for a partner; its secret is in the answer and nowhere else. It may ask the issuer for every scope: which
 * of them it has is said by its grants alone, so that one that is changed later works at once.
 */
export async function createPartnerClient(ctx: OperatorContext, partnerId: string, name: string): Promise<Answer> {
  const owner = { kind: 'partner', id: partnerId } as const;
  const credentials = await ctx.identity.createClient(issuedName(owner, name), TENANT_SCOPES);
  try {
    await ctx.control.write(clientWrite({ now: ctx.now, by: ctx.operatorId }, { ...credentials, name, owner }));
  } catch (error) {
    await withdrawClient(ctx, credentials);
    throw error;
  }
  return {
    status: 201,
    body: shownOnce(ctx, credentials),
    headers: { location: `v1/admin/clients/${credentials.clientId}` },
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
async function loadLiveClient(ctx: OperatorContext, clientId: string): Promise<StoredClient> {
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

const viewOf = (row: Row): Grant => row['view'] as Grant;

/** A client with its credentials and grants. */
export async function getClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const client = await loadClient(ctx, clientId);
  const [rows, secrets] = await Promise.all([grantsOf(ctx, client), ctx.identity.listSecrets(clientId)]);
  const grants = rows.map(viewOf);
  grants.sort((a, b) => (a.municipality < b.municipality ? -1 : 1));
  const credentials = secrets.map((secret) => credentialView(secret, client));
  const { endsAt, suspendedAt } = client;
  return { status: 200, body: { ...client.details, endsAt, suspendedAt, credentials, grants } };
}

/** The municipalities whose history tells of a change of a client: its own, or those that granted it access. */
const toldIn = ({ details: { owner } }: StoredClient, grants: readonly Row[]): readonly string[] =>
  owner.kind === 'municipality' ? [owner.id] : grants.map((row) => viewOf(row).municipality);

const notices = (ctx: OperatorContext, codes: readonly string[], change: AccessChange): Write[] =>
  codes.map((code) => noticeWrite(ctx, code, change));

/**
 * Gives a client a second credential beside its first: both work until one is ended. The operator has seen it. So a
 * municipality's own client gets one only while the municipality is in `test`; a partner's client gets one at any time,
 * and every grant that it has is suspended first, until its municipality confirms it. Throws `conflict`.
 */
export async function addCredential(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const client = await loadLiveClient(ctx, clientId);
  const { owner } = client.details;
  if (owner.kind === 'municipality') await requireTest(ctx, owner.id);
  else await suspendGrants(ctx, client);
  const { secretId: id, clientSecret, createdAt } = await ctx.identity.addSecret(clientId);
  if (owner.kind === 'municipality') await admitSeen(ctx, client, id);
  return {
    status: 201,
    body: { credential: { id, createdAt: instantOf(createdAt), clientId, clientSecret, tokenUrl: ctx.tokenUrl } },
    headers: { location: `v1/admin/clients/${clientId}/credentials/${id}` },
  };
}

const onlyInTest = () =>
  new Problem(
    'conflict',
    'A municipality makes the credentials of its own clients itself once it has been live. One that has lost every key is let in again by a recovery.',
  );

async function requireTest(ctx: OperatorContext, code: string) {
  const municipality = await loadMunicipality(ctx.control, code);
  if (municipality.tenant.status !== 'test') throw onlyInTest();
  return municipality;
}

/**
 * Suspends every grant of a partner's client, in one write and before the credential exists: a grant holds for the number
 * of credentials that its municipality knew of. The same transaction tells it to each municipality that granted.
 */
async function suspendGrants(ctx: OperatorContext, client: StoredClient): Promise<void> {
  const { clientId } = client.details;
  const codes = toldIn(client, await grantsOf(ctx, client));
  const change = { name: 'access.suspended', objectType: 'grant', objectId: clientId, action: 'updated' } as const;
  const row: Write = {
    kind: 'update',
    key: clientKey(clientId),
    condition: { expression: 'attribute_not_exists(#revokedAt) AND attribute_exists(#pk)' },
    set: { suspendedAt: ctx.now },
    add: { epoch: 1 },
  };
  await orRevoked(ctx.control.transact([row, ...notices(ctx, codes, { ...change, changed: ['suspendedAt'] })]));
}

async function orRevoked(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    throw error instanceof WriteRefused ? revoked() : error;
  }
}

/**
 * Records that an operator has seen a credential of a municipality's own client, and tells it. It changes the version of
 * the municipality's row, so of this and of going live at the same instant one is refused. Where that is this one, the
 * credential is taken back before anybody has seen it.
 */
async function admitSeen(ctx: OperatorContext, client: StoredClient, credentialId: string): Promise<void> {
  const { clientId, owner } = client.details;
  try {
    const municipality = await requireTest(ctx, owner.id);
    await ctx.control.transact([
      {
        kind: 'update',
        key: clientKey(clientId),
        condition: { expression: 'attribute_not_exists(#revokedAt) AND attribute_exists(#pk)' },
        set: { seenByOperator: true },
      },
      municipalityWrite(municipality, {}),
      noticeWrite(ctx, owner.id, {
        name: 'access.credential_added',
        objectType: 'client',
        objectId: clientId,
        action: 'updated',
        changed: ['credentials'],
        details: { credentialId, seenByOperator: true },
      }),
    ]);
  } catch (error) {
    await ctx.identity.deleteSecret(clientId, credentialId);
    throw error instanceof WriteRefused ? onlyInTest() : error;
  }
}

/** Ends one of a client's two credentials, and tells it where the client has access. */
export async function endCredential(ctx: OperatorContext, clientId: string, credentialId: string): Promise<Answer> {
  const client = await loadLiveClient(ctx, clientId);
  await endAsOperator(ctx, client, credentialId);
  return { status: 204 };
}

/** As {@link endCredential}, of a client that is read already. */
export async function endAsOperator(ctx: OperatorContext, client: StoredClient, credentialId: string): Promise<void> {
  const { clientId, owner } = client.details;
  const secrets = await requireCredential(ctx, client, credentialId);
  const tell = async (): Promise<void> => {
    const codes = toldIn(client, owner.kind === 'partner' ? await grantsOf(ctx, client) : []);
    const told = codes.map((code) =>
      noticeWrite(ctx, code, {
        id: endedEventId(code, clientId, credentialId),
        name: 'access.credential_ended',
        objectType: 'client',
        objectId: clientId,
        action: 'updated',
        changed: ['credentials'],
        details: { credentialId },
      }),
    );
    if (told.length > 0) await ctx.control.transact(told);
  };
  await endSecret(ctx, { client, credentialId, tell, remove: losesWith(client, credentialId, secrets) }, secrets);
}

/** What an event says of an end that leaves nobody who holds `grants:write`. */
const ofLast = (last: boolean) => (last ? { details: { lastHolder: true } } : {});

/** How often a revocation is decided anew because others changed who holds `grants:write`. */
const TRIES = 5;

/**
 * Revokes a client for good. Its row, which stays for whoever asks later who it was, says so first: from then on no
 * context opens for it, within a minute in those that are open. The same transaction tells it to every municipality where
 * it had access, and takes a municipality's own client off those that hold `grants:write`. Then it leaves the issuer, then
 * its grants go. A request that died on the way leaves it refused, and asking again does what is left.
 */
export async function revokeClient(ctx: OperatorContext, clientId: string): Promise<Answer> {
  const client = await loadClient(ctx, clientId);
  const grants = await grantsOf(ctx, client);
  if (client.details.revokedAt === undefined) await markRevoked(ctx, client, grants);
  await ctx.identity.deleteClient(clientId);
  await Promise.all(
    grants.map((row) => ctx.control.write({ kind: 'delete', key: grantKey(viewOf(row).municipality, clientId) })),
  );
  return { status: 204 };
}

async function markRevoked(ctx: OperatorContext, client: StoredClient, grants: readonly Row[]): Promise<void> {
  const { clientId, owner } = client.details;
  const row: Write = {
    kind: 'update',
    key: clientKey(clientId),
    condition: PRESENT,
    set: { revokedAt: ctx.now, revokedBy: ctx.operatorId },
  };
  const change = { objectType: 'client', objectId: clientId, action: 'deleted', changed: [] } as const;
  if (owner.kind === 'partner') {
    const told = notices(ctx, toldIn(client, grants), { ...change, name: 'access.client_revoked' });
    return ctx.control.transact([row, ...told]);
  }
  await withHolders(ctx, owner.id, clientId, (holders, last) => [
    row,
    ...holders,
    noticeWrite(ctx, owner.id, { ...change, name: 'access.client_revoked', ...ofLast(last) }),
  ]);
}

/**
 * Performs writes that end what a municipality's own client holds, decided anew where others changed the holders
 * meanwhile. An operator can always revoke: where nobody is left who holds `grants:write`, the event says so.
 */
async function withHolders(
  ctx: OperatorContext,
  code: string,
  clientId: string,
  writes: (holders: Write[], last: boolean) => Write[],
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const key = holdersKey(code);
    const holders = holdersOf(await ctx.control.get(key));
    const change = { clientId, holds: false };
    try {
      const changed = holdersWrite(key, holders, change, 'operator');
      return await ctx.control.transact(writes(changed, leavesNobody(holders, change)));
    } catch (error) {
      const outrun = error instanceof WriteRefused && error.row?.['type'] === 'holders';
      if (!outrun) throw error;
      if (attempt === TRIES) throw grantInFlight();
    }
  }
}

/** Takes a client's access in a municipality back, and tells it there. Requests are refused within a minute. */
export async function deleteGrant(ctx: OperatorContext, clientId: string, code: string): Promise<Answer> {
  if (!CLIENT_ID.test(clientId)) throw noClient();
  const known = allMunicipalities().some((municipality) => municipality.code === code);
  const row = known ? await ctx.control.get(grantKey(code, clientId)) : undefined;
  if (!row) throw noGrant();
  const write: Write = { kind: 'delete', key: grantKey(code, clientId), condition: PRESENT };
  try {
    await withHolders(ctx, code, clientId, (holders, last) => [
      write,
      ...holders,
      noticeWrite(ctx, code, {
        name: 'access.revoked',
        objectType: 'grant',
        objectId: clientId,
        objectVersion: versionOf(row) + 1,
        action: 'deleted',
        changed: ['scopes'],
        previous: row['lastEvent'] as string | undefined,
        ...ofLast(last),
      }),
    ]);
  } catch (error) {
    throw error instanceof WriteRefused ? noGrant() : error;
  }
  return { status: 204 };
}
