import type { ContextOf } from '#functions/http.ts';
import { type Context, requireEither, requireScope } from '#shared/auth/context.ts';
import type { RefusalDeps } from '#shared/auth/refusals.ts';
import type { TenantScope } from '#shared/auth/scopes.ts';
import { contextOpener } from '#shared/auth/token.ts';
import { Problem } from '#shared/errors.ts';
import type { Store } from '#shared/table/store.ts';
import { costOf, type QuotaDeps, quotas } from '#shared/tenancy/quota.ts';

const CODE = /^\d{4}$/;

export interface MunicipalityContextDeps extends QuotaDeps, RefusalDeps {
  readonly store: Store;
  /** Whether each municipality has execution environments of its own (Lambda tenant isolation mode). */
  readonly perTenant?: boolean | undefined;
}

/** What the gateway takes from the path keeps its percent-encoding, and `%30630` is `0630` (RFC 3986 §6.2.2.2). */
function decoded(tenantId: string | undefined): string | undefined {
  try {
    return tenantId === undefined ? undefined : decodeURIComponent(tenantId);
  } catch {
    return tenantId;
  }
}

/**
 * Decides who calls a function that serves one municipality at a time: the token and its grant are verified, the request
 * is paid for, and the scope is checked, before a body is even parsed. The request is paid for before its scope is
 * checked, so that a flood of what is refused is bounded too. A request without a grant is paid for by its client alone.
 */
export function municipalityContext(deps: MunicipalityContextDeps): ContextOf<Context> {
  const openContext = contextOpener(deps.store, deps);
  const charge = quotas(deps);
  return async ({ claims, params, requestId, tenantId, operation, header, answerHeaders }) => {
    const clientId = claims?.['client_id'];
    if (clientId === undefined) throw new Problem('unauthenticated', 'The request has no access token.');
    const code = params['code'] ?? '';
    if (!CODE.test(code)) throw new Problem('not_found', 'A municipality code in a path has four digits.');
    // The gateway takes the tenant from the path. Were the two ever to differ, this environment is another's: serve nobody.
    if (deps.perTenant && decoded(tenantId) !== code)
      throw new Error('The execution environment is not of this municipality');
    const token = { clientId, scope: claims?.['scope'] ?? '', iat: claims?.['iat'] };
    const ctx = await openContext(token, code, requestId);
    Object.assign(answerHeaders, await charge(ctx, costOf(operation)));
    for (const scope of [operation.scope as TenantScope, ...(operation.also ?? [])]) requireScope(ctx, scope);
    requireEither(ctx, operation.either ?? []);
    return { ...ctx, stated: { purpose: header('x-access-purpose'), person: header('x-access-person') } };
  };
}
