import { clientKey, grantKey, municipalityKey, useKey } from '../table/keys.ts';
import { type Row, scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { noteUse } from '../tenancy/client-row.ts';
import { isAtWork, type MunicipalityStatus } from '../tenancy/lifecycle.ts';
import { type Instant, instantOf, type LocalDate } from '../time.ts';
import type { Actor, Tenant, VisibleRows } from './context.ts';
import type { TenantScope } from './scopes.ts';

/** What a client may do in one municipality, as its grant stands at this moment. */
export interface LiveGrant {
  readonly tenant: Tenant;
  readonly actor: Actor;
  readonly scopes: ReadonlySet<TenantScope>;
  readonly rows: VisibleRows;
  /** Tokens issued before this, in epoch seconds, are refused: one of the client's credentials was ended. */
  readonly tokensSince: number | undefined;
  /** When the client is let in no more: it was given by a recovery, and its credential must be replaced until then. */
  readonly endsAt: Instant | undefined;
}

/** Returns whether the client is let in no more: a recovery gave it, and its credential was not replaced in time. */
export const hasEnded = ({ endsAt }: LiveGrant, now: Date): boolean => endsAt !== undefined && endsAt <= instantOf(now);

/**
 * Returns whether nobody but those whom the municipality trusts can have the client's credential. A live municipality's
 * own client must have none that an operator has seen, but for the time that a recovery gives. A grant of a partner's
 * client holds for the credentials that operators had added when the municipality gave or confirmed it.
 */
function isTrusted(client: Row, grant: Row, status: MunicipalityStatus): boolean {
  const isSeen = client['seenByOperator'] === true && client['endsAt'] === undefined;
  if (status === 'live' && isSeen) return false;
  return (client['epoch'] ?? 0) === (grant['epoch'] ?? 0);
}

/**
 * Reads a client, its grant and the municipality in one round trip, under the function's own role. Returns undefined
 * unless the client exists and is not revoked, the grant exists, and the municipality is at work. With `usedOn`, notes
 * that the client was used on that day, once a day.
 */
export async function readLiveGrant(
  store: Store,
  clientId: string,
  code: string,
  usedOn?: LocalDate,
): Promise<LiveGrant | undefined> {
  const control = scopedTable(store, []);
  const keys = [clientKey(clientId), grantKey(code, clientId), municipalityKey(code)];
  const rows = await control.getMany(usedOn === undefined ? keys : [...keys, useKey(clientId)]);
  const byType = new Map(rows.map((row) => [row['type'], row]));
  const client = byType.get('client');
  const grant = byType.get('grant');
  const tenant = byType.get('municipality')?.['tenant'] as Tenant | undefined;
  if (!client || client['revokedAt'] !== undefined) return undefined;
  if (!grant || !tenant || !isAtWork(tenant.status)) return undefined;
  if (!isTrusted(client, grant, tenant.status)) return undefined;
  if (usedOn !== undefined && byType.get('use')?.['on'] !== usedOn) await noteUse(control, clientId, usedOn);
  const organisation = client['organisation'] as string;
  return {
    tenant,
    actor: { kind: 'client', id: clientId, organisation },
    scopes: new Set(grant['scopes'] as TenantScope[]),
    rows: grant['rows'] as VisibleRows,
    tokensSince: client['tokensSince'] as number | undefined,
    endsAt: client['endsAt'] as Instant | undefined,
  };
}
