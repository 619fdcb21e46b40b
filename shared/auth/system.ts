import { municipalityKey } from '../table/keys.ts';
import { scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { isAtWork } from '../tenancy/lifecycle.ts';
import { instantOf } from '../time.ts';
import { type Actor, type Context, makeContext, type Tenant } from './context.ts';

/** The municipality by its code, whatever its status; undefined where none was ever provisioned. */
export async function readTenant(store: Store, code: string): Promise<Tenant | undefined> {
  const row = await scopedTable(store, []).get(municipalityKey(code));
  return row?.['tenant'] as Tenant | undefined;
}

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
  return makeContext(store, { tenant, actor: SYSTEM, scopes: new Set(), rows: 'all', requestId, now: instantOf(now) });
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
    rows: 'all',
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
    rows: 'all',
    requestId,
    now: instantOf(now),
  });
