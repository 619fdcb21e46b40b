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
  'connections:write',
  'events:read',
  'audit:read',
  'grants:read',
  'grants:write',
  'privacy:read',
  'privacy:write',
  'sensitive:read',
  'lookup',
] as const;

/**
 * The collections of a municipality by which it says itself who may do what. The function access-api serves them.
 */
export const ACCESS_COLLECTIONS = ['clients', 'grants', 'recovery', 'settings'] as const;

/** The collections of a municipality that the function archive-api serves. Tenant-api serves all others. */
export const ARCHIVE_COLLECTIONS = ['archives'] as const;

/** What an operator of Livline may do. */
export const ADMIN_SCOPES = ['admin:read', 'admin:write'] as const;

export type TenantScope = (typeof TENANT_SCOPES)[number];

/** The scopes that a role needs, and no other: what a client or a grant may be made with instead of scopes one by one. */
export const PRESETS = {
  // A case system keeps the families, children and placements it knows up to date and follows what happens. It has the
  // sensitive fields itself, so it writes them and need not read them.
  integration: [
    'families:read',
    'families:write',
    'children:read',
    'children:write',
    'placements:read',
    'placements:write',
    'events:read',
    'webhooks:read',
    'webhooks:write',
    'lookup',
    'connections:write',
  ],
  // A consultant supports families and writes down what was agreed; to ring them up and to know what was said before
  // takes the sensitive fields, and a family's timeline all that can stand in it. Who is approved and placed where, others
  // decide.
  consultant: [
    'families:read',
    'children:read',
    'placements:read',
    'institutions:read',
    'consultants:read',
    'support:read',
    'support:write',
    'helpline:read',
    'supervision:read',
    'supervision:write',
    'courses:read',
    'plans:read',
    'plans:write',
    'concerns:read',
    'concerns:write',
    'programmes:read',
    'sensitive:read',
  ],
  // The helpline finds out who is calling, by telephone number, writes calls and hands concerns over. It sees who is on
  // call and whom a family has, and nothing of plans or supervision.
  helpline: [
    'families:read',
    'institutions:read',
    'consultants:read',
    'support:read',
    'helpline:read',
    'helpline:write',
    'concerns:read',
    'concerns:write',
    'sensitive:read',
  ],
  // A manager sees how all of it goes, without what is said of the single person, and changes nothing.
  manager: [
    'families:read',
    'children:read',
    'placements:read',
    'institutions:read',
    'consultants:read',
    'support:read',
    'helpline:read',
    'supervision:read',
    'courses:read',
    'plans:read',
    'concerns:read',
    'programmes:read',
  ],
  // A data-protection officer sees who has access and who looked at whom, verifies the change history, exports and erases
  // one person's data. The record itself is no business of theirs.
  dpo: ['events:read', 'audit:read', 'grants:read', 'privacy:read', 'privacy:write'],
  // A partner brings its own families and consultants and what they do; of the rest it sees where children are placed and
  // when its families meet their group.
  partner: [
    'families:read',
    'families:write',
    'placements:read',
    'consultants:read',
    'consultants:write',
    'support:read',
    'support:write',
    'supervision:read',
  ],
} as const satisfies Record<string, readonly TenantScope[]>;

export type Preset = keyof typeof PRESETS;
export type AdminScope = (typeof ADMIN_SCOPES)[number];
export type Scope = TenantScope | AdminScope;

/** The scopes of a token's `scope` claim (space separated, RFC 6749 §3.3) that belong to Livline, without its prefix. */
export function scopesOfClaim(claim: string): ReadonlySet<string> {
  const prefix = `${RESOURCE_SERVER}/`;
  const scopes = new Set<string>();
  for (const scope of claim.split(' ')) if (scope.startsWith(prefix)) scopes.add(scope.slice(prefix.length));
  return scopes;
}

/** A scope as it stands in a token. */
export const fullScope = (scope: Scope): string => `${RESOURCE_SERVER}/${scope}`;
