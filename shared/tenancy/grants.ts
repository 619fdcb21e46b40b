import * as z from 'zod';
import type { Context, VisibleRows } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { invalid, Problem } from '../errors.ts';
import type { Answer, ApiRequest } from '../operation.ts';
import { preconditionsOf, requireUntagged } from '../preconditions.ts';
import { instant, whole } from '../record/fields.ts';
import { pageOf, pageParameters } from '../record/lists.ts';
import { parse } from '../record/validate.ts';
import { grantsPartition, type Key, ownHoldersKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { isVersion, type Write, WriteRefused } from '../table/write.ts';
import { type AccessChange, accessEventWrite, newEventId } from './access-events.ts';
import { CLIENT_ID, type FindClients, type StoredClient } from './client-row.ts';
import {
  CLIENT_EXAMPLE,
  type Grant,
  GrantInput,
  grantedView,
  grantInFlight,
  grantWrite,
  lastUse,
  OwnerView,
  type Rights,
  rightsOf,
  rightsView,
  versionOf,
} from './grant-row.ts';
import { type Holders, holdersOf, holdersWrite } from './holders.ts';

const operatorCredentials = () =>
  whole(
    'How many credentials operators have added to the client until now, ended ones included (adgangsoplysninger tilføjet af driften); 1 is one credential. Send it back to confirm these and no later one.',
    1,
    1_000_000,
  );

/** Body of a confirmation: which credentials the municipality has been told of. */
export const GrantConfirmation = () => z.strictObject({ operatorCredentials: operatorCredentials() });

/** A grant as the municipality that gave it sees it. */
export const AccessView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      name: z.string().describe('What the client is for (formål).'),
      owner: OwnerView(),
      ...rightsView(),
      ...grantedView(),
      lastUsedOn: lastUse(),
      revokedAt: instant('When the client was revoked for good, UTC (spærret), if so.').optional(),
      suspendedAt: instant(
        'When an operator added a credential to the client, which suspended this grant until it is confirmed, UTC (suspenderet); absent while it holds.',
      ).optional(),
      operatorCredentials: operatorCredentials()
        .describe(`${operatorCredentials().description} Absent while the grant holds.`)
        .optional(),
    })
    .meta({
      description: 'Adgang. What a client may do in this municipality.',
      examples: [
        {
          clientId: CLIENT_EXAMPLE,
          name: 'Carelink platform',
          owner: { kind: 'partner', id: 'carelink' },
          scopes: ['families:read', 'families:write', 'supervision:write'],
          rows: 'own',
          grantedAt: '2026-11-20T09:00:00.000Z',
          grantedBy: '7n2k4m6p8q0r1s3t5u7v9w1x3y',
          lastUsedOn: '2026-11-22',
        },
      ],
    });

const keyOf = (clientId: string): Key => ({ pk: grantsPartition, sk: [clientId] });
const grantOf = (row: Row): Grant => row['view'] as Grant;

/** What is shown of a grant: it, and whose client it is for. */
function accessOf({ municipality: _, epoch = 0, ...grant }: Grant, client: StoredClient | undefined) {
  const { name, owner, lastUsedOn, revokedAt } = client?.details ?? {};
  const suspension =
    client && client.epoch !== epoch ? { suspendedAt: client.suspendedAt, operatorCredentials: client.epoch } : {};
  return { ...grant, name, owner, lastUsedOn, revokedAt, ...suspension };
}

/** A municipality cannot tell a client that nobody has from one that is none of its business. */
const unknown = () => new Problem('not_found', 'There is no such client here.');

/** A grant of this municipality, and those who hold `grants:write` in it. */
async function readForChange(ctx: Context, clientId: string) {
  if (!CLIENT_ID.test(clientId)) throw unknown();
  const rows = await ctx.control.getMany([keyOf(clientId), ownHoldersKey]);
  const row = rows.find(({ type }) => type === 'grant');
  return { row, holders: holdersOf(rows.find(({ type }) => type === 'holders')) };
}

/** A grant of this municipality, with its client, read at once. Throws `not_found` where it has none. */
async function readStanding(ctx: Context, find: FindClients, clientId: string) {
  if (!CLIENT_ID.test(clientId)) throw unknown();
  const [row, clients] = await Promise.all([ctx.control.get(keyOf(clientId)), find([clientId])]);
  if (!row) throw unknown();
  return { row, client: clients.get(clientId) };
}

export async function listGrants(ctx: Context, find: FindClients, request: ApiRequest): Promise<Answer> {
  const page = parse(z.strictObject(pageParameters()), request.query, '/query');
  const answer = await pageOf(ctx, request, { table: ctx.control, partition: grantsPartition }, page, grantOf);
  const { items, ...rest } = answer.body as { items: readonly Grant[] };
  const clients = await find(items.map(({ clientId }) => clientId));
  return { ...answer, body: { items: items.map((grant) => accessOf(grant, clients.get(grant.clientId))), ...rest } };
}

export async function getGrant(ctx: Context, find: FindClients, clientId: string): Promise<Answer> {
  const { row, client } = await readStanding(ctx, find, clientId);
  return { status: 200, body: accessOf(grantOf(row), client) };
}

/** The scopes of what concerns the whole record: it cannot be seen or done for some of its rows. */
const OF_ALL_ROWS: readonly TenantScope[] = [
  'audit:read',
  'grants:read',
  'grants:write',
  'privacy:read',
  'privacy:write',
];

/**
 * Which records the client is to reach: a partner's its own unless the municipality says all, the municipality's own
 * client all. Throws 422 where that does not go with the client or the scopes.
 */
function rowsFor(
  { details: { owner } }: StoredClient,
  { scopes }: Rights,
  asked: VisibleRows | undefined,
): VisibleRows {
  if (owner.kind === 'municipality') {
    if (asked === 'own') throw invalid('/rows', 'A client of the municipality’s own reaches all its rows.');
    return 'all';
  }
  const rows = asked ?? 'own';
  const beyond = OF_ALL_ROWS.filter((scope) => scopes.includes(scope));
  if (rows === 'own' && beyond.length > 0) {
    throw invalid('/rows', `These scopes concern every row, so they need rows \`all\`: ${beyond.join(', ')}.`);
  }
  return rows;
}

/** Throws unless the client that asks may give these rights to that one. */
export function requireGrantable(
  ctx: Context,
  { details: { clientId, owner } }: StoredClient,
  { scopes }: Rights,
): void {
  const administers = scopes.includes('grants:write');
  if (clientId === ctx.actor.id && !administers) {
    throw invalid('/scopes', 'A client cannot take grants:write from itself: nobody might be left who has it.');
  }
  if (owner.kind === 'partner' && administers) {
    throw invalid(
      '/scopes',
      'A partner’s client cannot have grants:write: the municipality itself says who has access.',
    );
  }
  const beyond = scopes.filter((scope) => !ctx.scopes.has(scope));
  if (beyond.length === 0) return;
  throw new Problem('forbidden', `A client grants no more than it may do itself. This one lacks ${beyond.join(', ')}.`);
}

/** Throws `forbidden` unless the client that asks holds every scope that it takes away. */
export function requireRevocable(ctx: Context, taken: readonly TenantScope[]): void {
  const beyond = taken.filter((scope) => !ctx.scopes.has(scope));
  if (beyond.length === 0) return;
  throw new Problem(
    'forbidden',
    `A client takes back no more than it may do itself. This one lacks ${beyond.join(', ')}.`,
  );
}

/** What a change of a grant does to those who hold `grants:write`: a partner's client never does. */
export function holdersAfter(holders: Holders, clientId: string, scopes: readonly TenantScope[]): readonly Write[] {
  return holdersWrite(ownHoldersKey, holders, { clientId, holds: scopes.includes('grants:write') });
}

/**
 * Writes a change of a grant, of those who hold `grants:write`, and the event that tells of it, in one transaction: the
 * municipality's history says who let whom in. All are within reach of one session, the grant under `M#<code>#` and the
 * event under `T#<code>#`.
 */
async function commit(
  ctx: Context,
  { clientId, before, writes }: { clientId: string; before: Row | undefined; writes: (eventId: string) => Write[] },
  event: Pick<AccessChange, 'name' | 'action' | 'changed'>,
): Promise<void> {
  const id = newEventId(ctx.tenant.code, ctx.now);
  const told = accessEventWrite(ctx, {
    ...event,
    id,
    objectType: 'grant',
    objectId: clientId,
    objectVersion: versionOf(before) + 1,
    previous: before?.['lastEvent'] as string | undefined,
  });
  try {
    await ctx.table.transact([told], writes(id).map(ctx.control.prepare));
  } catch (error) {
    if (error instanceof WriteRefused) throw grantInFlight();
    throw error;
  }
}

/** Whether rights are what a grant gives already. */
const sameRights = (row: Row, { scopes, preset, rows }: Rights): boolean => {
  const standing = grantOf(row);
  return (
    standing.preset === preset &&
    standing.rows === rows &&
    String([...standing.scopes].sort()) === String([...scopes].sort())
  );
};

/**
 * Grants a client access, in place of what it had here. What it has already writes nothing. A grant that is suspended
 * stays so: only a confirmation says which credentials the municipality has been told of.
 */
export async function putGrant(
  ctx: Context,
  find: FindClients,
  clientId: string,
  request: ApiRequest,
): Promise<Answer> {
  const sent = parse(GrantInput(), request.body);
  const asked = rightsOf(sent);
  const [{ row, holders }, clients] = await Promise.all([readForChange(ctx, clientId), find([clientId])]);
  const client = clients.get(clientId);
  const { owner, revokedAt } = client?.details ?? {};
  const stranger = owner?.kind === 'municipality' && owner.id !== ctx.tenant.code;
  if (!client || stranger || revokedAt !== undefined) throw unknown();
  requireUntagged(preconditionsOf(request), row !== undefined);
  requireGrantable(ctx, client, asked);
  const rights = { ...asked, rows: rowsFor(client, asked, sent.rows) };
  const standing = row && grantOf(row);
  requireRevocable(ctx, standing?.scopes.filter((scope) => !asked.scopes.includes(scope)) ?? []);
  if (row && sameRights(row, rights)) return { status: 200, body: accessOf(grantOf(row), client) };
  const epoch = standing ? (standing.epoch ?? 0) : client.epoch;
  const municipality = ctx.tenant.code;
  const grant: Grant = { clientId, municipality, ...rights, epoch, grantedAt: ctx.now, grantedBy: ctx.actor.id };
  const changes = holdersAfter(holders, clientId, rights.scopes);
  await commit(
    ctx,
    {
      clientId,
      before: row,
      writes: (lastEvent) => [grantWrite(keyOf(clientId), row, grant, { lastEvent }), ...changes],
    },
    { name: 'access.granted', action: row ? 'updated' : 'created', changed: ['scopes', 'rows'] },
  );
  return { status: 200, body: accessOf(grant, client) };
}

/** Takes a client's access back. Its requests are refused within a minute. */
export async function deleteGrant(ctx: Context, clientId: string): Promise<Answer> {
  const { row, holders } = await readForChange(ctx, clientId);
  if (!row) throw unknown();
  if (clientId === ctx.actor.id) {
    throw invalid('/path/clientId', 'A client cannot take back its own access: nobody might be left who has it.');
  }
  requireRevocable(ctx, grantOf(row).scopes);
  const write: Write = { kind: 'delete', key: keyOf(clientId), condition: isVersion(versionOf(row)) };
  const writes = [write, ...holdersAfter(holders, clientId, [])];
  await commit(
    ctx,
    { clientId, before: row, writes: () => writes },
    { name: 'access.revoked', action: 'deleted', changed: ['scopes', 'rows'] },
  );
  return { status: 204 };
}

/**
 * Lets a partner's client in again after an operator added a credential to it, which suspended its grant. The municipality
 * confirms the credentials that it has seen counted. Throws `conflict` where an operator has added another one since; one
 * that is added at the same instant suspends the grant again, because the grant keeps the number that was confirmed.
 */
export async function confirmGrant(ctx: Context, find: FindClients, clientId: string, body: unknown): Promise<Answer> {
  const { operatorCredentials: seen } = parse(GrantConfirmation(), body);
  const { row, client } = await readStanding(ctx, find, clientId);
  if (!client || client.details.revokedAt !== undefined) throw unknown();
  if (seen !== client.epoch) {
    throw new Problem(
      'conflict',
      `Operators have added ${client.epoch} credentials to the client, not ${seen}. Find out why before you confirm.`,
    );
  }
  const standing = grantOf(row);
  if ((standing.epoch ?? 0) === client.epoch) return { status: 200, body: accessOf(standing, client) };
  requireGrantable(ctx, client, standing);
  const grant: Grant = { ...standing, epoch: client.epoch };
  await commit(
    ctx,
    { clientId, before: row, writes: (lastEvent) => [grantWrite(keyOf(clientId), row, grant, { lastEvent })] },
    { name: 'access.confirmed', action: 'updated', changed: ['suspendedAt'] },
  );
  return { status: 200, body: accessOf(grant, client) };
}
