import { type App, serve } from '#functions/http.ts';
import { type MunicipalityContextDeps, municipalityContext } from '#functions/municipality-context.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { type WebhookDeps, webhookOperations } from '#shared/webhooks/operations.ts';

export interface TenantApiDeps extends WebhookDeps, MunicipalityContextDeps {}

/** The API of one municipality's record at a time. It reaches no client and no grant: access-api serves those. */
export const tenantApi = (deps: TenantApiDeps): App =>
  serve([...recordOperations(), ...webhookOperations(deps), ...privacyOperations()], municipalityContext(deps));
