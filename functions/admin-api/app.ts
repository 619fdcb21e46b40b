import { type App, serve } from '#functions/http.ts';
import { lacksScope } from '#shared/auth/context.ts';
import { scopesOfClaim } from '#shared/auth/scopes.ts';
import { issuedAt } from '#shared/auth/token.ts';
import { invalidToken, Problem } from '#shared/errors.ts';
import { controlTable } from '#shared/tenancy/control.ts';
import {
  adminOperations,
  type OperatorContext,
  type OperatorDeps,
  openOperatorContext,
} from '#shared/tenancy/operations.ts';
import { operatorFinder } from '#shared/tenancy/operators.ts';

export type AdminApiDeps = OperatorDeps;

/** The API of the operators: municipalities, partners, partners' clients, and one another. */
export function adminApi(deps: AdminApiDeps): App {
  const findOperator = operatorFinder(controlTable(deps.store), deps.operatorClientId, deps.now);
  return serve<OperatorContext>(adminOperations(), async ({ claims, requestId, operation }) => {
    const clientId = claims?.['client_id'];
    if (clientId === undefined) throw new Problem('unauthenticated', 'The request has no access token.');
    const operator = await findOperator(clientId);
    if (!operator) throw new Problem('forbidden', 'Only an operator may do this.');
    const { tokensSince } = operator;
    if (tokensSince !== undefined && !(issuedAt({ iat: claims?.['iat'] }) >= tokensSince)) {
      throw invalidToken('The token is from before a credential of the operator was ended.');
    }
    if (!scopesOfClaim(claims?.['scope'] ?? '').has(operation.scope)) {
      throw lacksScope(operation.scope);
    }
    return openOperatorContext(deps, clientId, requestId);
  });
}
