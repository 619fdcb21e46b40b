/** Identifier of the OAuth resource server. In a token every scope is written `livline/<scope>`. */
export const RESOURCE_SERVER = 'livline';

/** What a client may do inside a municipality that granted it. Least privilege: one pair for each part of the record. */
export const TENANT_SCOPES = [
  'families:read',
  'families:write',
  'children:read',
  'children:write',
  'placements:read',
  'placements:write',
  'institutions:read',
  'institutions:write',
  'consultants:read',
  'consultants:write',
  'support:read',
  'support:write',
  'helpline:read',
  'helpline:write',
  'supervision:read',
  'supervision:write',
  'courses:read',
  'courses:write',
  'plans:read',
  'plans:write',
  'concerns:read',
  'concerns:write',
  'programmes:read',
  'programmes:write',
  'webhooks:read',
  'webhooks:write',
  'events:read',
  'audit:read',
  'privacy:read',
  'sensitive:read',
] as const;

/** What an operator of Livline may do. */
export const ADMIN_SCOPES = ['admin:read', 'admin:write'] as const;

export type TenantScope = (typeof TENANT_SCOPES)[number];
export type AdminScope = (typeof ADMIN_SCOPES)[number];
export type Scope = TenantScope | AdminScope;

/** The scopes of a token's `scope` claim (space separated, RFC 6749 §3.3) that belong to Livline, without its prefix. */
export function scopesOfClaim(claim: string): ReadonlySet<string> {
  const prefix = `${RESOURCE_SERVER}/`;
  const scopes = new Set<string>();
  for (const scope of claim.split(' ')) if (scope.startsWith(prefix)) scopes.add(scope.slice(prefix.length));
  return scopes;
}
