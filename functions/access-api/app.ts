import { type App, serve } from '#functions/http.ts';
import { type MunicipalityContextDeps, municipalityContext } from '#functions/municipality-context.ts';
import { accessOperations } from '#shared/tenancy/access-operations.ts';
import type { WakeClock } from '#shared/tenancy/grant-operations.ts';
import type { IdentityProvider } from '#shared/tenancy/identity.ts';

export interface AccessApiDeps extends MunicipalityContextDeps {
  readonly identity: IdentityProvider;
  /** Where clients get their tokens. */
  readonly tokenUrl: string;
  readonly wakeClock: WakeClock;
}

/**
 * The API by which a municipality says itself who has access and how its record is kept. It is a function of its own, so
 * that the one which reads the record can neither make clients nor change grants, and this one cannot read the record.
 */
export const accessApi = (deps: AccessApiDeps): App => serve(accessOperations(deps), municipalityContext(deps));
