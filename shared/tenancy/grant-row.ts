import * as z from 'zod';
import type { VisibleRows } from '../auth/context.ts';
import { PRESETS, type Preset, TENANT_SCOPES, type TenantScope } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import { day, instant } from '../record/fields.ts';
import type { Key } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { unchangedSince, type Write } from '../table/write.ts';
import type { Instant } from '../time.ts';

export const CLIENT_EXAMPLE = '4p8v1m2q7r9s3t5u6w0x1y2z3a';
export const OPERATOR_EXAMPLE = '2b7c4d9e1f6g3h8j5k0l2m7n4p';
export const GRANT_EXAMPLE = {
  clientId: CLIENT_EXAMPLE,
  municipality: '0766',
  scopes: ['families:read', 'families:write', 'supervision:write'],
  rows: 'own',
  grantedAt: '2026-11-20T09:00:00.000Z',
  grantedBy: OPERATOR_EXAMPLE,
};

const scopes = () =>
  z
    .array(z.enum(TENANT_SCOPES).describe('A scope.'))
    .min(1)
    .max(TENANT_SCOPES.length)
    .describe('What the client may do in the municipality (rettigheder).');
const preset = () =>
  z
    .enum(Object.keys(PRESETS) as [Preset, ...Preset[]])
    .describe('The role (rolle) whose scopes these are, the least that it needs.');

const rows = () =>
  z
    .enum(['own', 'all'])
    .describe(
      'Which records it reaches (poster): `own`, those that its own organisation wrote, and reference data such as institutions; `all`, every record of the municipality.',
    );

/** What a client may do, as it is sent: scopes one by one, or those of a role. {@link eitherOne} says that it is one of both. */
export const rightsInput = () => ({ scopes: scopes().optional(), preset: preset().optional() });
type RightsInput = { readonly scopes?: readonly TenantScope[] | undefined; readonly preset?: Preset | undefined };

/** The rule of {@link rightsInput}. */
export const eitherOne: [(sent: RightsInput) => boolean, { path: string[]; message: string }] = [
  ({ scopes: some, preset: role }) => (some === undefined) !== (role === undefined),
  { path: ['scopes'], message: 'Send either scopes or a preset.' },
];

/** Body of a grant. */
export const GrantInput = () =>
  z
    .strictObject({
      ...rightsInput(),
      rows: rows()
        .describe(
          `${rows().description} A partner’s client has \`own\` where this is left out, a client of the municipality’s own always has \`all\`.`,
        )
        .optional(),
    })
    .refine(...eitherOne);

/** What a client may do, each scope once, and the role where these are a role's. */
export interface Rights {
  readonly scopes: readonly TenantScope[];
  readonly preset?: Preset;
  /** Only a partner's client can have less than all rows. */
  readonly rows?: VisibleRows;
}

/** The rights that were sent, which are one of both. */
export const rightsOf = ({ scopes: sent = [], preset: role }: RightsInput): Rights =>
  role === undefined ? { scopes: [...new Set(sent)] } : { scopes: PRESETS[role], preset: role };

/** What is shown of rights. */
export const rightsView = () => ({ scopes: scopes(), preset: preset().optional(), rows: rows() });

/** When something was granted and by whom. */
export const grantedView = () => ({
  grantedAt: instant('When it was granted, UTC (tildelt).'),
  grantedBy: z.string().describe('Id of the client that granted it, an operator’s or a municipality’s (tildelt af).'),
});

/** A grant as operators see it. */
export const GrantView = () =>
  z
    .strictObject({
      clientId: z.string().describe('Id of the client (klient-id).'),
      municipality: z.string().describe('Municipality code of four digits (kommunekode).'),
      ...rightsView(),
      ...grantedView(),
    })
    .meta({ description: 'What a client may do in one municipality.', examples: [GRANT_EXAMPLE] });

/** A grant as it is stored and shown to operators. */
export interface Grant extends Rights {
  readonly rows: VisibleRows;
  readonly clientId: string;
  readonly municipality: string;
  readonly grantedAt: Instant;
  readonly grantedBy: string;
  /** The number of credentials that operators had added to a partner's client when it was granted or confirmed. */
  readonly epoch?: number;
}

/** Returns the grant of every scope, over all rows, with which an operator lets a municipality's own client in. */
export const fullGrant = (
  { now, operatorId }: { readonly now: Instant; readonly operatorId: string },
  clientId: string,
  municipality: string,
): Grant => ({
  clientId,
  municipality,
  scopes: TENANT_SCOPES,
  rows: 'all',
  grantedAt: now,
  grantedBy: operatorId,
});

/** Writes a grant in place of the one that was read, provided that nobody else did since. The contexts read its scopes and rows. */
export const grantWrite = (key: Key, before: Row | undefined, grant: Grant, event?: { lastEvent: string }): Write => ({
  kind: 'put',
  key,
  condition: unchangedSince(versionOf(before)),
  item: {
    type: 'grant',
    version: versionOf(before) + 1,
    scopes: grant.scopes,
    rows: grant.rows,
    epoch: grant.epoch ?? 0,
    view: grant,
    ...event,
  },
});

/** The version of a stored grant, 0 where there is none. */
export const versionOf = (row: Row | undefined): number => (row?.['version'] ?? 0) as number;

/** Whose client it is, as it is shown. */
export const OwnerView = () =>
  z
    .strictObject({
      kind: z.enum(['municipality', 'partner']).describe('Which kind of organisation (organisationstype).'),
      id: z.string().describe('Municipality code or partner id (organisations-id).'),
    })
    .describe('Whose client it is (ejer).');

/** The day of a client's last use, as it is shown. */
export const lastUse = () =>
  day('When its last request was let in (sidst brugt), a local date; absent before the first.').optional();

/** Another request changed the grant meanwhile. */
export const grantInFlight = (): Problem =>
  new Problem('in_flight', 'The grant is being changed by another request. Try again.', [], { 'retry-after': '1' });
