import { Problem } from './errors.ts';
import { isId } from './ids.ts';
import { clientKey, grantKey, listPartition, municipalityKey, recordKey, tenantProgrammeKey } from './table/keys.ts';
import { type ScopedTable, scopedTable } from './table/scoped-table.ts';
import type { Store } from './table/store.ts';
import type { PreparedWrite } from './table/write.ts';
import { scopesOfClaim, type TenantScope } from './tenancy/scopes.ts';
import { type Instant, instantOf } from './time.ts';

/** The municipality a request works in, as provisioned. */
export interface Tenant {
  readonly code: string;
  readonly name: string;
  readonly cvr: string;
  readonly status: 'active' | 'suspended';
  /** The KLE number that its events carry, `dd.dd.dd`. */
  readonly kle?: string | undefined;
  /** Seals this municipality's cursors (see table/cursor.ts). Never leaves the process. */
  readonly cursorKey: string;
  /** Keys the hashes by which telephone and CPR numbers are looked up (see record/lookups.ts). Never leaves the process. */
  readonly lookupKey: string;
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
 * The brand has no value outside this file, so a context comes from the functions below alone.
 */
export interface Context {
  readonly [verified]: true;
  readonly tenant: Tenant;
  readonly actor: Actor;
  readonly scopes: ReadonlySet<TenantScope>;
  readonly requestId: string;
  readonly now: Instant;
  readonly table: ScopedTable;
}

interface Access {
  readonly tenant: Tenant;
  readonly actor: Actor;
  /** What grant and token both allow. */
  readonly scopes: ReadonlySet<TenantScope>;
}

const makeContext = (store: Store, access: Omit<Context, typeof verified | 'table'>): Context =>
  ({ ...access, table: scopedTable(store, ['T', access.tenant.code]) }) as Context;

/** How long a grant is trusted without looking, in milliseconds: a suspension or a revocation works within this time. */
const TRUST_MS = 60_000;
/** More clients than one Lambda instance meets in a minute; the oldest gives way. */
const REMEMBERED = 1_000;

/** What a verified access token says. */
export interface Claims {
  readonly clientId: string;
  /** The token's `scope` claim as it stands there. */
  readonly scope: string;
}

/** Turns a verified token and a municipality code into a context. Throws `not_found`. */
export type ContextOpener = (claims: Claims, code: string, requestId: string) => Promise<Context>;

/**
 * Gives the function that turns a verified token and a path's municipality code into a context. It reads client, grant
 * and municipality in one round trip and remembers them for a minute; two requests at once share one read. Throws
 * `not_found` unless the client is known and granted and the municipality active: an outsider cannot tell which is missing.
 */
export function contextOpener(store: Store, now: () => Date): ContextOpener {
  const remembered = new Map<string, { until: number; access: Promise<Access | undefined> }>();
  const control = scopedTable(store, []);

  async function look({ clientId, scope }: Claims, code: string): Promise<Access | undefined> {
    const rows = await control.getMany([clientKey(clientId), grantKey(clientId, code), municipalityKey(code)]);
    const byType = new Map(rows.map((row) => [row['type'], row]));
    const client = byType.get('client');
    const grant = byType.get('grant');
    const tenant = byType.get('municipality')?.['tenant'] as Tenant | undefined;
    if (!client || !grant || tenant?.status !== 'active') return undefined;
    const organisation = client['organisation'] as string;
    const held = scopesOfClaim(scope);
    const scopes = new Set((grant['scopes'] as TenantScope[]).filter((granted) => held.has(granted)));
    return { tenant, actor: { kind: 'client', id: clientId, organisation }, scopes };
  }

  return async (claims, code, requestId) => {
    const instant = now();
    const name = JSON.stringify([claims.clientId, claims.scope, code]);
    let entry = remembered.get(name);
    if (!entry || entry.until <= instant.getTime()) {
      entry = { until: instant.getTime() + TRUST_MS, access: look(claims, code) };
      remembered.delete(name);
      remembered.set(name, entry);
      if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value as string);
      // A failed look is not remembered; neither is a refusal, so that a new grant works at once.
      entry.access.then((found) => found ?? remembered.delete(name)).catch(() => remembered.delete(name));
    }
    const access = await entry.access;
    if (!access) throw new Problem('not_found', `There is no municipality ${code} for this client.`);
    return makeContext(store, { ...access, requestId, now: instantOf(instant) });
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
 * and connection are one read. Whatever is amiss (no such municipality, a suspended one, no such connection here, an
 * inactive or deleted one, another secret) gives the same `unauthenticated`, after the same work.
 */
export async function inboxContext(
  store: Store,
  { code, connectionId, signedWith }: Signed,
  requestId: string,
  now: Date,
): Promise<Context> {
  const named = /^\d{4}$/.test(code) && isId(connectionId);
  const { pk, sk } = recordKey(connectionId);
  const rows = named
    ? await scopedTable(store, []).getMany([municipalityKey(code), { pk: ['T', code, ...pk], sk }])
    : [];
  const tenant = rows.find((row) => row['type'] === 'municipality')?.['tenant'] as Tenant | undefined;
  const connection = rows.find((row) => row['type'] === 'connections' && row['deleted'] !== true);
  const { active } = (connection?.['view'] ?? {}) as { active?: boolean };
  const { secret } = (connection?.['sensitive'] ?? {}) as { secret?: { secret?: string } };
  const genuine = signedWith(secret?.secret ?? '');
  if (tenant?.status !== 'active' || active !== true || secret?.secret === undefined || !genuine) {
    throw notSigned();
  }
  return makeContext(store, {
    tenant,
    actor: connectionActor(connectionId),
    scopes: new Set(),
    requestId,
    now: instantOf(now),
  });
}

/** The one refusal of an inbox: it tells nothing of what there is. */
export const notSigned = (): Problem =>
  new Problem(
    'unauthenticated',
    'The message is not signed with the secret of an active connection at this path, or its time is more than 5 minutes off.',
  );

/** The system itself at work in one municipality: relay, deliveries, the clock. Undefined where there is none by that code. */
export async function workerContext(
  store: Store,
  code: string,
  requestId: string,
  now: Date,
): Promise<Context | undefined> {
  const row = await scopedTable(store, []).get(municipalityKey(code));
  const tenant = row?.['tenant'] as Tenant | undefined;
  if (!tenant) return undefined;
  const actor: Actor = { kind: 'system', id: 'livline', organisation: 'livline' };
  return makeContext(store, { tenant, actor, scopes: new Set(), requestId, now: instantOf(now) });
}

/** A municipality in the very transaction that provisions it: the one context that is not read from the table. */
export function provisioningContext(
  store: Store,
  tenant: Tenant,
  operatorId: string,
  requestId: string,
  now: Date,
): Context {
  const actor: Actor = { kind: 'operator', id: operatorId, organisation: 'livline' };
  return makeContext(store, { tenant, actor, scopes: new Set(), requestId, now: instantOf(now) });
}

/**
 * Prepares the one kind of row that the operator keeps inside municipalities: a programme as this one sees it, or without
 * `shown` its end there. It names no other row and reads none.
 */
export function programmeRow(
  store: Store,
  code: string,
  id: string,
  shown?: { readonly version: number; readonly view: { readonly name: string } },
): PreparedWrite {
  const key = tenantProgrammeKey(id);
  return scopedTable(store, ['T', code]).prepare(
    shown
      ? {
          kind: 'put',
          key,
          item: { type: 'programmes', ...shown },
          index: { list: { pk: listPartition('programmes'), sk: [shown.view.name.toLowerCase(), id] } },
        }
      : { kind: 'delete', key },
  );
}

/** Throws `forbidden` unless the context has the scope. */
export function requireScope(ctx: Context, scope: TenantScope): void {
  if (!ctx.scopes.has(scope)) throw new Problem('forbidden', `This operation needs the scope ${scope}.`);
}
