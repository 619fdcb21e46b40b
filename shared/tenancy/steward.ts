import type { Context, Tenant } from '../auth/context.ts';
import { stewardContext } from '../auth/system.ts';
import { resealAll } from '../privacy/reseal.ts';
import { eventWrite } from '../record/events.ts';
import type { Resource } from '../record/resource.ts';
import { noticesPartition } from '../table/keys.ts';
import type { Store } from '../table/store.ts';
import { WriteRefused } from '../table/write.ts';
import { accessEventWrite, type Notice } from './access-events.ts';
import { controlTable } from './control.ts';
import type { MunicipalityStatus } from './lifecycle.ts';
import { loadMunicipality, type Municipality, municipalityEventId, municipalityWrite } from './municipality-row.ts';

/** What looking after municipalities needs from outside. */
export interface StewardDeps {
  readonly store: Store;
  readonly now: () => Date;
}

/**
 * Does what is outstanding in one municipality's life. Each step can be repeated and finds its own traces, so a round that
 * dies anywhere is made good by the next one. Returns the municipality's status.
 */
export async function lookAfter(deps: StewardDeps, code: string, requestId: string): Promise<MunicipalityStatus> {
  const municipality = await loadMunicipality(controlTable(deps.store), code);
  if (municipality.untold.length > 0) await tell(deps, municipality, requestId);
  await tellNotices(deps, municipality.tenant, requestId);
  return municipality.tenant.status;
}

/**
 * Tells in the municipality's own events what its operator did to it: the operators' function itself reaches no row of
 * any municipality. The events first, then the row that says they are told.
 */
async function tell({ store }: StewardDeps, municipality: Municipality, requestId: string): Promise<void> {
  const { tenant, untold } = municipality;
  const idOf = (version: number) => municipalityEventId(tenant.code, version);
  for (const { name, version, at, operatorId, previous, details } of untold) {
    const ctx = stewardContext(store, tenant, requestId, new Date(at), operatorId);
    const event = eventWrite(ctx, {
      id: idOf(version),
      name,
      objectType: 'municipality',
      objectId: tenant.code,
      objectVersion: version,
      // That a municipality begins, pauses or leaves concerns every system that listens to it.
      scope: 'events:read',
      source: 'municipal',
      href: `v1/admin/municipalities/${tenant.code}`,
      action: version === 1 ? 'created' : 'updated',
      changed: version === 1 ? [] : ['status'],
      previous: previous === undefined ? undefined : idOf(previous),
      details,
    });
    await unlessDone(ctx.table.write(event));
  }
  // Where the municipality was changed meanwhile, the next round tells what that left.
  await unlessDone(controlTable(store).write(municipalityWrite(municipality, { untold: [] })));
}

/** Notices that are told in one round. */
const NOTICES = 100;

/**
 * Tells in the municipality's own events what operators did to its access. The events first, then the notices go: who dies
 * in between tells them again, under the same ids.
 */
async function tellNotices({ store }: StewardDeps, tenant: Tenant, requestId: string): Promise<void> {
  const found = await controlTable(store).query({ partition: noticesPartition(tenant.code), limit: NOTICES });
  if (found.rows.length === 0) return;
  for (const row of found.rows) {
    const { at, operatorId, ...change } = JSON.parse(row['notice'] as string) as Notice;
    const ctx = stewardContext(store, tenant, requestId, new Date(at), operatorId);
    await unlessDone(ctx.table.write(accessEventWrite(ctx, change)));
  }
  await stewardContext(store, tenant, requestId, new Date()).control.erase(found.rows);
}

/** Seals everything with the data key that a rotation asked for, once that one is in use (key-rotation.ts). */
export async function resealRequested(
  { store, resources }: StewardDeps & { readonly resources: readonly Resource[] },
  ctx: Context,
  hasTime: () => boolean,
): Promise<void> {
  const control = controlTable(store);
  const municipality = await loadMunicipality(control, ctx.tenant.code);
  const { resealTo } = municipality;
  if (resealTo === undefined || ctx.keys.current < resealTo) return;
  if (!(await resealAll(ctx, resources, hasTime))) return;
  await unlessDone(control.write(municipalityWrite(municipality, { resealTo: undefined })));
}

async function unlessDone(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
  }
}
