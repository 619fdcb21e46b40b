import { Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { findMunicipality } from '../register/register.ts';
import { recordKey } from '../table/keys.ts';
import { type Row, scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { isAtWork } from '../tenancy/lifecycle.ts';
import { instantOf } from '../time.ts';
import { type Actor, type Context, makeContext } from './context.ts';
import { readTenant } from './system.ts';

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
      rows: 'all',
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
  const { open } = await import('../crypto/seal.ts');
  return open(keys, { municipality: tenant.code, recordId, field: 'secret' }, sealed);
}

/** The connection whose secret is still to prove the message: all that is read of a municipality before it does. */
async function readConnection(store: Store, code: string, connectionId: string): Promise<Row | undefined> {
  const within = { ...store, client: store.tenantClient(code) };
  const row = await scopedTable(within, ['T', code]).get(recordKey(connectionId));
  return row?.['type'] === 'connections' && row['deleted'] !== true ? row : undefined;
}

/** The one refusal of an inbox: it tells nothing of what there is. */
export const notSigned = (): Problem =>
  new Problem(
    'unauthenticated',
    'The message is not signed with the secret of an active connection at this path, or its time is more than 5 minutes off.',
  );
