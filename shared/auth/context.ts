import type { Keyring, Sealing } from '../crypto/keyring.ts';
import { type PersonKeyRow, type ReadPersonKey, rowOfKey } from '../crypto/person-key.ts';
import { Problem } from '../errors.ts';
import { type ScopedTable, scopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import type { MunicipalityStatus } from '../tenancy/lifecycle.ts';
import type { Instant } from '../time.ts';
import { ownRows } from './own-rows.ts';
import { fullScope, type Scope, type TenantScope } from './scopes.ts';

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
  /** Months for which archives of erased persons are kept, where it has chosen (privacy/end-archives.ts). */
  readonly archiveMonths?: number | undefined;
  /** The purposes that a caller may name in X-Access-Purpose, where the municipality allows only some. */
  readonly purposes?: readonly string[] | undefined;
  /** Whether showing a sensitive value needs X-Access-Purpose. */
  readonly requirePurpose?: boolean | undefined;
  /** Whether showing a sensitive value needs X-Access-Person, the person behind an interactive client. */
  readonly requirePerson?: boolean | undefined;
  /** Whether its case numbers look like CPR numbers, so that they are not refused for that. */
  readonly cprLikeCaseNumbers?: boolean | undefined;
  /** The public key (JWK) to which its handover is encrypted. */
  readonly handoverKey?: Readonly<Record<string, unknown>> | undefined;
  /** How many look-ups by a sensitive value each client may make in a day, where that is not the usual number. */
  readonly lookupsPerDay?: number | undefined;
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

/** The records that a grant reaches: all of the municipality's, or only those whose `source` is the client's organisation. */
export type VisibleRows = 'all' | 'own';

declare const verified: unique symbol;

/**
 * What every verb gets first: one municipality, one actor, one instant, and the only way to that municipality's rows.
 * The brand has no value outside this file, so a context comes from {@link makeContext} alone. Both tables work in a
 * session of the tenant role for this municipality, so a key of another one is refused by AWS too.
 */
export interface Context {
  readonly [verified]: true;
  readonly tenant: Tenant;
  readonly actor: Actor;
  readonly scopes: ReadonlySet<TenantScope>;
  /** Which of the municipality's records it may see: all of them, or only those that its own organisation wrote. */
  readonly rows: VisibleRows;
  /** What the request says of its reading: X-Access-Purpose and X-Access-Person, as they were sent. */
  readonly stated?: { readonly purpose?: string | undefined; readonly person?: string | undefined } | undefined;
  readonly requestId: string;
  readonly now: Instant;
  /** The municipality's rows, those that the client may see. */
  readonly table: ScopedTable;
  /** All of the municipality's rows, for what must hold or be logged whoever asks, and never for what is shown. */
  readonly allRows: ScopedTable;
  /** What is kept about the municipality outside of it: its grants, and the operator's programmes. */
  readonly control: ScopedTable;
  /** Opens and seals the municipality's sensitive fields. */
  readonly keys: Keyring;
}

/**
 * Makes a context. Only the files of this folder call it, each after it has verified who acts: a token and its grant
 * (token.ts), a signature (signature.ts), or the system's own work (system.ts). The linter refuses any other import.
 */
export function makeContext(
  store: Store,
  access: Omit<Context, typeof verified | 'table' | 'allRows' | 'control' | 'keys'>,
): Context {
  const { code } = access.tenant;
  const within = { ...store, client: store.tenantClient(code) };
  const allRows = scopedTable(within, ['T', code]);
  const readPersonKey: ReadPersonKey = async (name) => (await allRows.get(rowOfKey(name))) as PersonKeyRow | undefined;
  return {
    ...access,
    table: access.rows === 'own' ? ownRows(allRows, access.actor.organisation) : allRows,
    allRows,
    control: scopedTable(within, ['M', code]),
    keys: store.keyrings(code, access.tenant.sealing, readPersonKey),
  } as Context;
}

/** The refusal for want of scopes, which its challenge names as a token does (RFC 6750 §3.1). */
const lacking = (detail: string, scopes: readonly string[]): Problem =>
  new Problem('forbidden', detail, [], {
    'www-authenticate': `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`,
  });

/** The refusal of a client that has not the scope. */
export const lacksScope = (scope: Scope): Problem =>
  lacking(`This operation needs the scope ${fullScope(scope)}.`, [fullScope(scope)]);

/** Throws `forbidden` unless the context has one of the scopes. */
export function requireEither(ctx: Context, scopes: readonly TenantScope[]): void {
  if (scopes.length === 0 || scopes.some((scope) => ctx.scopes.has(scope))) return;
  const names = scopes.map(fullScope);
  throw lacking(`This operation needs one of the scopes ${names.join(', ')}.`, names.slice(0, 1));
}

/**
 * Returns the context as a partner's client sees the municipality's integrations: only those of its own organisation,
 * whatever its grant shows of the record. Who acts and what it may do stay as they are.
 */
export const amongOwn = (ctx: Context): Context =>
  ctx.actor.organisation === 'municipal' ? ctx : { ...ctx, table: ownRows(ctx.allRows, ctx.actor.organisation) };

/** Throws `forbidden` unless the context has the scope. */
export function requireScope(ctx: Context, scope: TenantScope): void {
  if (!ctx.scopes.has(scope)) throw lacksScope(scope);
}
