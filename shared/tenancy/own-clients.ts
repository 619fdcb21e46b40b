import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { TENANT_SCOPES } from '../auth/scopes.ts';
import { invalid, Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import { type Answer, type ApiRequest, idempotencyOf } from '../operation.ts';
import { answerWrite, isLiveAnswer, readEarlier, replay } from '../record/answers.ts';
import { requestFingerprint } from '../record/keyed-hash.ts';
import { pageOf, pageParameters } from '../record/lists.ts';
import { parse } from '../record/validate.ts';
import { clientKey, eventKey, grantsPartition, type Key, ownHoldersKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { isVersion, PRESENT, type Write, WriteRefused } from '../table/write.ts';
import { instantOf } from '../time.ts';
import { type AccessChange, accessEventWrite, endedEventId, newEventId } from './access-events.ts';
import { CLIENT_ID, clientFinder, noClient, type StoredClient, storedClient } from './client-row.ts';
import { NewClient } from './client-views.ts';
import { clientWrite, issuedName } from './clients.ts';
import { credentialView, type Directory, endSecret, losesWith, requireCredential } from './credentials.ts';
import { type Grant, grantInFlight, grantWrite, rightsOf, versionOf } from './grant-row.ts';
import { holdersAfter, requireGrantable, requireRevocable } from './grants.ts';
import { type Holders, holdersOf } from './holders.ts';

/** Ids of earlier credentials that a row keeps: a client has two live ones at most. */
const KEPT = 50;

const keyOf = (clientId: string): Key => ({ pk: grantsPartition, sk: [clientId] });
const hrefOf = (ctx: Context, clientId: string): string => `v1/municipalities/${ctx.tenant.code}/clients/${clientId}`;
const grantOf = (row: Row | undefined): Grant | undefined => row?.['view'] as Grant | undefined;
const rightsShown = (row: Row | undefined) => {
  const grant = grantOf(row);
  if (!grant) return undefined;
  const { clientId: _, municipality: __, grantedAt: ___, grantedBy: ____, epoch: _____, ...rights } = grant;
  return rights;
};

/** Returns what is shown of a client besides its credentials: whose it is goes without saying. */
function detailsShown({ details: { owner: _, ...details }, endsAt }: StoredClient) {
  return { ...details, endsAt };
}

interface OwnClient {
  readonly client: StoredClient;
  readonly grant: Row | undefined;
  readonly holders: Holders;
}

/** Reads a client of the municipality's own. Throws `not_found` for everybody else's, as for one that nobody has. */
async function loadOwn(ctx: Context, { control }: Directory, clientId: string): Promise<OwnClient> {
  if (!CLIENT_ID.test(clientId)) throw noClient();
  const [clients, rows] = await Promise.all([
    clientFinder(control)([clientId]),
    ctx.control.getMany([keyOf(clientId), ownHoldersKey]),
  ]);
  const client = clients.get(clientId);
  const { owner } = client?.details ?? {};
  if (!client || owner?.kind !== 'municipality' || owner.id !== ctx.tenant.code) throw noClient();
  return {
    client,
    grant: rows.find(({ type }) => type === 'grant'),
    holders: holdersOf(rows.find(({ type }) => type === 'holders')),
  };
}

function requireLive({ client }: OwnClient): void {
  if (client.details.revokedAt !== undefined) throw new Problem('conflict', 'The client is revoked for good.');
}

/** Writes what a change does inside the municipality, with the event that tells of it. Throws `in_flight`. */
async function commit(
  ctx: Context,
  change: AccessChange,
  writes: readonly Write[] = [],
  answers: readonly Write[] = [],
): Promise<void> {
  try {
    await ctx.table.transact([accessEventWrite(ctx, change), ...answers], writes.map(ctx.control.prepare));
  } catch (error) {
    throw error instanceof WriteRefused ? grantInFlight() : error;
  }
}

/** Returns one page of the municipality's own clients, those that are revoked included. */
export async function listOwnClients(ctx: Context, { control }: Directory, request: ApiRequest): Promise<Answer> {
  const page = parse(z.strictObject(pageParameters()), request.query, '/query');
  const listing = { table: control, index: 'list', partition: ['CLIENTS', 'municipality', ctx.tenant.code] } as const;
  return pageOf(ctx, request, listing, page, (row) => detailsShown(storedClient(row as Row, undefined)));
}

/** Returns a client of the municipality's own with its credentials and what it may do. */
export async function getOwnClient(ctx: Context, directory: Directory, clientId: string): Promise<Answer> {
  const [{ client, grant }, secrets] = await Promise.all([
    loadOwn(ctx, directory, clientId),
    CLIENT_ID.test(clientId) ? directory.identity.listSecrets(clientId) : [],
  ]);
  const credentials = secrets.map((secret) => credentialView(secret, client));
  return { status: 200, body: { ...detailsShown(client), credentials, grant: rightsShown(grant) } };
}

/**
 * Makes a client of the municipality's own, with no more rights than its maker has. First the client at the issuer, then
 * its row, then in one transaction what it may do and the event: who dies half way leaves a client that holds nothing and
 * is listed. Its secret is in the answer and nowhere else, and a repeated request does not show it again.
 */
export async function createOwnClient(ctx: Context, directory: Directory, request: ApiRequest): Promise<Answer> {
  const { name, ...sent } = parse(NewClient(), request.body);
  const rights = rightsOf(sent);
  const idempotency = idempotencyOf(request);
  const eventId = idempotency && derivedId('evt', ctx.tenant.code, ctx.actor.id, idempotency.key);
  const earlier = eventId === undefined ? undefined : await readEarlier(ctx, eventId);
  if (earlier && idempotency && isLiveAnswer(ctx, earlier)) {
    const { headers, body } = await replay(ctx, earlier, idempotency);
    const { etag: _, ...others } = headers ?? {};
    return { status: 201, body, headers: others };
  }

  const owner = { kind: 'municipality', id: ctx.tenant.code } as const;
  const wanted = { details: { clientId: '', owner } } as unknown as StoredClient;
  requireGrantable(ctx, wanted, rights);
  const { identity, control } = directory;
  const credentials = await identity.createClient(issuedName(owner, name), TENANT_SCOPES);
  const { clientId } = credentials;
  const inside = (await identity.listSecrets(clientId)).map(({ secretId }) => secretId);
  await control.write(clientWrite({ now: ctx.now, by: ctx.actor.id }, { clientId, name, owner }, { inside }));
  const id = eventId === undefined || earlier ? newEventId(ctx.tenant.code, ctx.now) : eventId;
  const grant: Grant = {
    clientId,
    municipality: ctx.tenant.code,
    ...rights,
    rows: 'all',
    epoch: 0,
    grantedAt: ctx.now,
    grantedBy: ctx.actor.id,
  };
  const holders = holdersOf(await ctx.control.get(ownHoldersKey));
  const change: AccessChange = {
    id,
    name: 'access.client_created',
    objectType: 'client',
    objectId: clientId,
    action: 'created',
    details: { scopes: rights.scopes },
    answered: idempotency !== undefined,
  };
  const answers = idempotency
    ? [
        answerWrite(ctx, id, await requestFingerprint(ctx, idempotency.essence), {
          status: 201,
          view: JSON.stringify({ client: { clientId } }),
          href: hrefOf(ctx, clientId),
        }),
      ]
    : [];
  try {
    const writes = [
      grantWrite(keyOf(clientId), undefined, grant, { lastEvent: id }),
      ...holdersAfter(holders, clientId, rights.scopes),
    ];
    await commit(ctx, change, writes, answers);
  } catch (error) {
    await withdraw(ctx, directory, clientId);
    throw error;
  }
  return {
    status: 201,
    body: { client: { clientId, clientSecret: credentials.clientSecret, tokenUrl: directory.tokenUrl } },
    headers: { location: hrefOf(ctx, clientId) },
  };
}

/** Takes a client back that holds nothing, unless it was granted after all and only the answer was lost. */
async function withdraw(ctx: Context, { control, identity }: Directory, clientId: string): Promise<void> {
  if (await ctx.control.get(keyOf(clientId))) return;
  const set = { revokedAt: ctx.now, revokedBy: ctx.actor.id };
  await control.write({ kind: 'update', key: clientKey(clientId), condition: PRESENT, set });
  await identity.deleteClient(clientId);
}

/**
 * Revokes a client of the municipality's own for good. First, in one transaction, it loses what it may do and the history
 * tells it; then its row says so; then it leaves the issuer. A request that died on the way leaves a client that holds
 * nothing, and asking again does what is left.
 */
export async function revokeOwnClient(ctx: Context, directory: Directory, clientId: string): Promise<Answer> {
  const own = await loadOwn(ctx, directory, clientId);
  const { client, grant, holders } = own;
  if (clientId === ctx.actor.id) {
    throw invalid('/path/clientId', 'A client cannot revoke itself: nobody might be left who has access.');
  }
  requireRevocable(ctx, grantOf(grant)?.scopes ?? []);
  const { control, identity } = directory;
  if (client.details.revokedAt === undefined) {
    const ends = grant
      ? [{ kind: 'delete', key: keyOf(clientId), condition: isVersion(versionOf(grant)) } as const]
      : [];
    await commit(ctx, { name: 'access.client_revoked', objectType: 'client', objectId: clientId, action: 'deleted' }, [
      ...ends,
      ...holdersAfter(holders, clientId, []),
    ]);
    const set = { revokedAt: ctx.now, revokedBy: ctx.actor.id };
    await control.write({ kind: 'update', key: clientKey(clientId), condition: PRESENT, set });
  }
  await identity.deleteClient(clientId);
  return { status: 204 };
}

/**
 * Gives a client of the municipality's own a second credential, which no operator has seen. Its row says so before the
 * history tells it, and the history before the answer shows the secret. Throws `conflict` for a third.
 */
export async function addOwnCredential(ctx: Context, directory: Directory, clientId: string): Promise<Answer> {
  const own = await loadOwn(ctx, directory, clientId);
  requireLive(own);
  requireGrantable(ctx, own.client, { scopes: grantOf(own.grant)?.scopes ?? ['grants:write'] });
  const { control, identity, tokenUrl } = directory;
  const { secretId: id, clientSecret, createdAt } = await identity.addSecret(clientId);
  const inside = [...own.client.inside.slice(-KEPT), id];
  await control.write({ kind: 'update', key: clientKey(clientId), condition: PRESENT, set: { inside } });
  await commit(ctx, {
    name: 'access.credential_added',
    objectType: 'client',
    objectId: clientId,
    action: 'updated',
    changed: ['credentials'],
    details: { credentialId: id },
  });
  return {
    status: 201,
    body: { credential: { id, createdAt: instantOf(createdAt), clientId, clientSecret, tokenUrl } },
    headers: { location: `${hrefOf(ctx, clientId)}/credentials/${id}` },
  };
}

/**
 * Ends one of the two credentials of a client of the municipality's own. Once every credential that an operator has seen
 * is ended, the client is one as any other: a live municipality lets it in, and where a recovery gave it, it no longer
 * ends and counts among those who hold `grants:write`.
 */
export async function endOwnCredential(
  ctx: Context,
  directory: Directory,
  clientId: string,
  credentialId: string,
): Promise<Answer> {
  const own = await loadOwn(ctx, directory, clientId);
  requireLive(own);
  const { client, grant, holders } = own;
  const secrets = await requireCredential(directory, client, credentialId);
  const remove = losesWith(client, credentialId, secrets);
  const scopes = grantOf(grant)?.scopes ?? [];
  requireRevocable(ctx, scopes);
  const tell = async (): Promise<void> => {
    const change: AccessChange = {
      id: endedEventId(ctx.tenant.code, clientId, credentialId),
      name: 'access.credential_ended',
      objectType: 'client',
      objectId: clientId,
      action: 'updated',
      changed: ['credentials'],
      details: { credentialId },
    };
    if (await ctx.table.get(eventKey(change.id as string))) return;
    await commit(ctx, change, remove.length > 0 ? holdersAfter(holders, clientId, scopes) : []);
  };
  await endSecret(directory, { client, credentialId, tell, remove }, secrets);
  return { status: 204 };
}
