import { type App, serve } from '#functions/http.ts';
import { scopesOfClaim } from '#shared/auth/scopes.ts';
import type { KeyMaker } from '#shared/crypto/key-maker.ts';
import { Problem } from '#shared/errors.ts';
import type { Store } from '#shared/table/store.ts';
import type { CertificateKey } from '#shared/tenancy/certificates.ts';
import type { IdentityProvider } from '#shared/tenancy/identity.ts';
import { adminOperations, type OperatorContext, openOperatorContext } from '#shared/tenancy/operations.ts';

export interface AdminApiDeps {
  readonly store: Store;
  readonly identity: IdentityProvider;
  readonly keys: KeyMaker;
  readonly certificates: CertificateKey;
  readonly now: () => Date;
  /** Where clients get their tokens. */
  readonly tokenUrl: string;
  /** The one client that may operate Livline; made together with the user pool. */
  readonly operatorClientId: string;
}

/** The API of the operators: municipalities, partners, their clients and grants. */
export function adminApi(deps: AdminApiDeps): App {
  return serve<OperatorContext>(adminOperations(), async ({ claims, requestId, operation }) => {
    const clientId = claims?.['client_id'];
    if (clientId === undefined) throw new Problem('unauthenticated', 'The request has no access token.');
    if (clientId !== deps.operatorClientId) throw new Problem('forbidden', 'Only the operator may do this.');
    if (!scopesOfClaim(claims?.['scope'] ?? '').has(operation.scope)) {
      throw new Problem('forbidden', `This operation needs the scope ${operation.scope}.`);
    }
    return openOperatorContext(deps, clientId, requestId);
  });
}
