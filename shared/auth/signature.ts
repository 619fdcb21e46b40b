import { open } from '../crypto/seal.ts';
import { Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { findMunicipality } from '../register/register.ts';
import { recordKey } from '../table/keys.ts';
import { type Row, scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { isAtWork } from '../tenancy/lifecycle.ts';
import { type Instant, instantOf } from '../time.ts';
import type { Context, Tenant } from './context.ts';
import type { Delegation, Principals } from './principals.ts';
import { readTenant } from './system.ts';

/** The scope that the owner of a connection needs, when the connection is made and whenever it acts. */
export const CONNECTION_SCOPE = 'connections:write';

/** A message that says it comes through a connection, and how to see whether it does. */
export interface Signed {
  readonly code: string;
  readonly connectionId: string;
  /** Whether the message was signed with this secret, in constant time. */
  readonly signedWith: (secret: string) => boolean;
}

/** A connection that has proven itself. */
export interface Connected {
  readonly ctx: Context;
  /** The kinds of message that it takes. */
  readonly kinds: readonly string[];
}

/** Where principals are looked up, and where their rows are. */
export interface Inboxes {
  readonly store: Store;
  readonly principals: Principals;
}

/**
 * Returns the context of a connection whose secret signed the message, with what its owner's grant gives at this moment.
 * Municipality and connection are read at once, each under its own role. Whatever is amiss (no such municipality, one
 * that is not at work, no such connection here, an inactive or deleted one, another secret, no live grant of its owner)
 * gives the same `unauthenticated`; and whoever cannot sign gets it after the same work.
 */
export async function inboxContext(
  { store, principals }: Inboxes,
  { code, connectionId, signedWith }: Signed,
  requestId: string,
  now: Date,
): Promise<Connected> {
  const [tenant, connection] = await Promise.all([
    readTenant(store, code),
    findMunicipality(code) && isId(connectionId) ? readConnection(store, code, connectionId) : undefined,
  ]);
  const within = tenant && isAtWork(tenant.status) ? { tenant, requestId, now: instantOf(now) } : undefined;
  const { active, kinds = [], owner, overlapUntil } = (connection?.['view'] ?? {}) as ConnectionView;
  const sealed = ((connection?.['sensitive'] ?? {}) as { secret?: SealedSecrets }).secret ?? {};
  const overlaps = overlapUntil !== undefined && within !== undefined && overlapUntil > within.now;
  const live = overlaps ? sealed : { secret: sealed.secret };
  const secrets = within ? await openSecrets(store, within.tenant, connectionId, live) : [];
  // Where there is no secret, one signature is computed all the same.
  const genuine = (secrets.length > 0 ? secrets : ['']).map(signedWith).includes(true) && secrets.length > 0;
  if (!within || active !== true || !genuine || !owner) throw notSigned();
  const authority = await principals.authorityOf(code, owner, CONNECTION_SCOPE);
  if (!authority) throw notSigned();
  return { ctx: principals.contextOf(within, connectionId, authority), kinds };
}

/** What a connection's row shows of it, as far as it is needed here. */
interface ConnectionView {
  readonly active?: boolean;
  readonly kinds?: readonly string[];
  readonly owner?: Delegation;
  readonly overlapUntil?: Instant;
}

interface SealedSecrets {
  readonly secret?: string | undefined;
  /** The secret before, which counts too until `overlapUntil`. */
  readonly oldSecret?: string | undefined;
}

/** The secrets of a connection in clear. */
async function openSecrets(
  store: Store,
  { code, sealing }: Tenant,
  recordId: string,
  sealed: SealedSecrets,
): Promise<string[]> {
  const fields = Object.entries(sealed).filter(([, text]) => text !== undefined) as [string, string][];
  if (fields.length === 0) return [];
  const keys = store.keyrings(code, sealing);
  const place = { municipality: code, recordId };
  return Promise.all(fields.map(async ([field, text]) => String(await open(keys, { ...place, field }, text))));
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
    [],
    { 'www-authenticate': 'StandardWebhooks' },
  );
