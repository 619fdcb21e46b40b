import { Problem } from './errors.ts';
import { isId } from './ids.ts';
import { memory } from './memory.ts';
import type { Keyring, Sealing } from './privacy/keyring.ts';
import { findMunicipality } from './register/register.ts';
import { clientKey, grantKey, municipalityKey, recordKey, useKey } from './table/keys.ts';
import { type Row, type ScopedTable, scopedTable } from './table/scoped-table.ts';
import type { Store } from './table/store.ts';
import { noteUse } from './tenancy/client-row.ts';
import { isAtWork, type MunicipalityStatus } from './tenancy/lifecycle.ts';
import { scopesOfClaim, type TenantScope } from './tenancy/scopes.ts';
import { type Instant, instantOf, localDateOf } from './time.ts';

/** The municipality a request works in, as provisioned. */
export interface Tenant {
  readonly code: string;
  readonly name: string;
  readonly cvr: string;
  readonly status: MunicipalityStatus;
  /** The KLE number that its events carry, `dd.dd.dd`. */
  readonly kle?: string | undefined;
  /** For how many months entries of the access log are kept, where it has chosen (privacy/access-log.ts). */
  readonly accessLogMonths?: number | undefined;
  /** Months after which closed families and forgotten children are archived and erased; never, if absent. */
  readonly retentionMonths?: number | undefined;
  /** Units a minute that each client may spend in it (tenancy/quota.ts), where that is not the usual number. */
  readonly quotaPerMinute?: number | undefined;
  /** Seals this municipality's cursors (see table/cursor.ts). Never leaves the process. */
  readonly cursorKey: string;
  /** Its data keys, wrapped by the key it has in KMS. */
  readonly sealing: Sealing;
}

/** Who acts. `organisation` is `municipal` or a partner's id, and becomes a record's `source`. */
export interface Actor {
  readonly kind: 'client' | 'operator' | 'system';
  readonly id: string;
  readonly organisation: string;
}

declare const verified: unique symbol;

/**
 * What every verb gets first: one municipality, one actor, one instant, and the only way to that municipality's rows.
 * The brand has no value outside this file, so a context comes from the functions below alone. Both tables work in a
 * session of the tenant role for this municipality, so a key of another one is refused by AWS too.
 */
export interface Context {
  readonly [verified]: true;
  readonly tenant: Tenant;
  readonly actor: Actor;
  readonly scopes: ReadonlySet<TenantScope>;
  readonly requestId: string;
  readonly now: Instant;
  /** The municipality's rows. */
  readonly table: ScopedTable;
  /** What is kept about the municipality outside of it: its grants, and the operator's programmes. */
  readonly control: ScopedTable;
  /** Opens and seals the municipality's sensitive fields. */
  readonly keys: Keyring;
}

interface Access {
  readonly tenant: Tenant;
  readonly actor: Actor;
  /** What grant and token both allow. */
  readonly scopes: ReadonlySet<TenantScope>;
  /** Tokens that were issued before, in epoch seconds, are refused: one of the client's credentials was ended. */
  readonly tokensSince: number | undefined;
}

function makeContext(store: Store, access: Omit<Context, typeof verified | 'table' | 'control' | 'keys'>): Context {
  const { code } = access.tenant;
  const within = { tableName: store.tableName, client: store.tenantClient(code) };
  return {
    ...access,
    table: scopedTable(within, ['T', code]),
    control: scopedTable(within, ['M', code]),
    keys: store.keyrings(code, access.tenant.sealing),
  } as Context;
}

/** How long a grant is trusted without looking, in milliseconds: a suspension or a revocation works within this time. */
const TRUST_MS = 60_000;
/** More clients than one Lambda instance meets in a minute; the oldest gives way. */
const REMEMBERED = 1_000;

/** What a verified access token says. */
export interface Claims {
  readonly clientId: string;
  /** The token's `scope` claim as it stands there. */
  readonly scope: string;
  /** When it was issued, as the gateway writes it. */
  readonly iat?: string | undefined;
}

/**
 * When a token was issued, in epoch seconds; NaN where that is not said. A REST API writes the claims that are times as
 * `Fri Nov 20 09:00:00 UTC 2026`.
 */
const issuedAt = ({ iat = '' }: Claims): number => (/^\d+$/.test(iat) ? Number(iat) : Date.parse(iat) / 1000);

/** Turns a verified token and a municipality code into a context. Throws `not_found` and `unauthenticated`. */
export type ContextOpener = (claims: Claims, code: string, requestId: string) => Promise<Context>;

/**
 * Gives the function that turns a verified token and a path's municipality code into a context. It reads client, grant
 * and municipality in one round trip and remembers them for a minute; two requests at once share one read. Once a day it
 * notes that the client was used. Throws `not_found` unless the client is known, not revoked and granted and the
 * municipality active, so that an outsider cannot tell which is missing, and `unauthenticated` for a token from before
 * one of the client's credentials was ended.
 */
export function contextOpener(store: Store, now: () => Date): ContextOpener {
  // A refusal is not remembered, so that a new grant works at once.
  const until = (access: Access | undefined, askedAt: number) => (access ? askedAt + TRUST_MS : askedAt);
  const remembered = memory<Access | undefined>({ most: REMEMBERED, now, until });
  const control = scopedTable(store, []);

  async function look({ clientId, scope }: Claims, code: string): Promise<Access | undefined> {
    const keys = [clientKey(clientId), grantKey(code, clientId), municipalityKey(code), useKey(clientId)];
    const rows = await control.getMany(keys);
    const byType = new Map(rows.map((row) => [row['type'], row]));
    const client = byType.get('client');
    const grant = byType.get('grant');
    const tenant = byType.get('municipality')?.['tenant'] as Tenant | undefined;
    if (!client || client['revokedAt'] !== undefined) return undefined;
    if (!grant || !tenant || !isAtWork(tenant.status)) return undefined;
    const today = localDateOf(instantOf(now()));
    if (byType.get('use')?.['on'] !== today) await noteUse(control, clientId, today);
    const organisation = client['organisation'] as string;
    const held = scopesOfClaim(scope);
    const scopes = new Set((grant['scopes'] as TenantScope[]).filter((granted) => held.has(granted)));
    const tokensSince = client['tokensSince'] as number | undefined;
    return { tenant, actor: { kind: 'client', id: clientId, organisation }, scopes, tokensSince };
  }

  return async (claims, code, requestId) => {
    const name = JSON.stringify([claims.clientId, claims.scope, code]);
    const access = await remembered.get(name, () => look(claims, code));
    if (!access) throw new Problem('not_found', `There is no municipality ${code} for this client.`);
    const { tokensSince, ...rest } = access;
    if (tokensSince !== undefined && !(issuedAt(claims) >= tokensSince)) {
      throw new Problem(
        'unauthenticated',
        'The token is from before a credential of the client was ended. Get a new one.',
      );
    }
    return makeContext(store, { ...rest, requestId, now: instantOf(now()) });
  };
}

/** Who a connection acts as: the municipality's own case system, or a partner that it let in, under the connection's id. */
export const connectionActor = (id: string): Actor => ({ kind: 'client', id, organisation: 'municipal' });

/** A message that says it comes through a connection, and how to see whether it does. */
export interface Signed {
  readonly code: string;
  readonly connectionId: string;
  /** Whether the message was signed with this secret, in constant time. */
  readonly signedWith: (secret: string) => boolean;
}

/**
 * Where a signature is the grant: the context of a connection whose secret signed the message, with no scope. Municipality
 * and connection are read at once, each under its own role. Whatever is amiss (no such municipality, one that is not at
 * work, no such connection here, an inactive or deleted one, another secret) gives the same `unauthenticated`, after the
 * same work.
 */
export async function inboxContext(
  store: Store,
  { code, connectionId, signedWith }: Signed,
  requestId: string,
  now: Date,
): Promise<Context> {
  const [tenant, connection] = await Promise.all([
    readTenant(store, code),
    findMunicipality(code) && isId(connectionId) ? readConnection(store, code, connectionId) : undefined,
  ]);
  const ctx =
    tenant &&
    isAtWork(tenant.status) &&
    makeContext(store, {
      tenant,
      actor: connectionActor(connectionId),
      scopes: new Set(),
      requestId,
      now: instantOf(now),
    });
  const { active } = (connection?.['view'] ?? {}) as { active?: boolean };
  const { secret: sealed } = (connection?.['sensitive'] ?? {}) as { secret?: { secret?: string } };
  const opened = ctx && sealed?.secret && (await openSecret(ctx, connectionId, sealed.secret));
  const genuine = signedWith(typeof opened === 'string' ? opened : '');
  if (!ctx || active !== true || opened === undefined || !genuine) throw notSigned();
  return ctx;
}

/** A connection's secret in clear. */
async function openSecret({ keys, tenant }: Context, recordId: string, sealed: string): Promise<unknown> {
  const { open } = await import('./privacy/seal.ts');
  return open(keys, { municipality: tenant.code, recordId, field: 'secret' }, sealed);
}

/** The municipality by its code, whatever its status; undefined where none was ever provisioned. */
async function readTenant(store: Store, code: string): Promise<Tenant | undefined> {
  const row = await scopedTable(store, []).get(municipalityKey(code));
  return row?.['tenant'] as Tenant | undefined;
}

/** The connection whose secret is still to prove the message: all that is read of a municipality before it does. */
async function readConnection(store: Store, code: string, connectionId: string): Promise<Row | undefined> {
  const within = { tableName: store.tableName, client: store.tenantClient(code) };
  const row = await scopedTable(within, ['T', code]).get(recordKey(connectionId));
  return row?.['type'] === 'connections' && row['deleted'] !== true ? row : undefined;
}

/** The one refusal of an inbox: it tells nothing of what there is. */
export const notSigned = (): Problem =>
  new Problem(
    'unauthenticated',
    'The message is not signed with the secret of an active connection at this path, or its time is more than 5 minutes off.',
  );

const SYSTEM: Actor = { kind: 'system', id: 'livline', organisation: 'livline' };

/**
 * The system itself at work in one municipality: relay, deliveries, the clock. Undefined where the municipality is not at
 * work: what waits there stays where it is until it is again.
 */
export async function workerContext(
  store: Store,
  code: string,
  requestId: string,
  now: Date,
): Promise<Context | undefined> {
  const tenant = await readTenant(store, code);
  if (!tenant || !isAtWork(tenant.status)) return undefined;
  return makeContext(store, { tenant, actor: SYSTEM, scopes: new Set(), requestId, now: instantOf(now) });
}

/** The system at a step of a municipality's life, whatever its status (tenancy/steward.ts), for the operator where one asked for it. */
export const stewardContext = (
  store: Store,
  tenant: Tenant,
  requestId: string,
  now: Date,
  operatorId?: string,
): Context =>
  makeContext(store, {
    tenant,
    actor: operatorId === undefined ? SYSTEM : { kind: 'operator', id: operatorId, organisation: 'livline' },
    scopes: new Set(),
    requestId,
    now: instantOf(now),
  });

/**
 * The municipality as it takes its record along (tenancy/offboarding.ts): shown to it are all S fields, and those SS fields
 * that it wrote itself.
 */
export const handoverContext = (store: Store, tenant: Tenant, requestId: string, now: Date): Context =>
  makeContext(store, {
    tenant,
    actor: { ...SYSTEM, organisation: 'municipal' },
    scopes: new Set(['sensitive:read']),
    requestId,
    now: instantOf(now),
  });

/** Throws `forbidden` unless the context has the scope. */
export function requireScope(ctx: Context, scope: TenantScope): void {
  if (!ctx.scopes.has(scope)) throw new Problem('forbidden', `This operation needs the scope ${scope}.`);
}
