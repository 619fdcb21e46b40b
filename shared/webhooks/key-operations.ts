import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import { type Answer, type ApiRequest, idempotencyOf, type Operation, param } from '../operation.ts';
import { preconditionsOf, requireMatch } from '../preconditions.ts';
import { flag, instant, whole } from '../record/fields.ts';
import { entriesSeenBy } from '../record/guards.ts';
import { once } from '../record/once.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { findOpened, loadOpened } from '../record/read.ts';
import type { LedgerEntries, Resource } from '../record/resource.ts';
import { viewSchema } from '../record/schemas.ts';
import { parse } from '../record/validate.ts';
import { amend } from '../record/verbs.ts';
import { ledgerKey } from '../table/keys.ts';
import { keysOf, overlaps, PUBLIC_KEYS_LEDGER, rotatedKeys, secretOfVersion, webhookKeys } from './keys.ts';

/** A principal with its secret: what creation and rotation answer with, and nothing else does. */
export const withSecretSchema = (resource: Resource) =>
  viewSchema(resource)
    .extend({
      secret: z
        .string()
        .meta({
          description:
            'The signing secret (signeringsnøgle), `whsec_…`, shown this once. An answer that is repeated to the same Idempotency-Key leaves it out.',
          examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
        })
        .optional(),
    })
    .describe(`${resource.danish}. It has the secret that was made for it.`);

/** Whether an answer was given before, to the same Idempotency-Key. */
const isReplay = ({ headers }: Answer): boolean => headers?.['idempotency-replayed'] !== undefined;

/** Adds to an answer the secret that it was about. An answer that is given again shows none: who has the key may be another. */
async function withSecret(ctx: Context, resource: Resource, answer: Answer): Promise<Answer> {
  if (isReplay(answer)) return answer;
  const view = answer.body as { id: string; secretVersion: number };
  // It may have been deleted or rotated at the same instant.
  const stored = await findOpened(ctx, resource, view.id);
  const secret = stored && secretOfVersion(keysOf(stored.whole), view.secretVersion);
  return { ...answer, body: { ...view, secret } };
}

const titleOf = ({ name }: Resource): string => name.replaceAll('-', ' ');

/** The operation that creates an endpoint or a connection, its answer with the secret. */
export const withSecretShown = (create: Operation<Context>, resource: Resource): Operation<Context> => ({
  ...create,
  success: {
    status: 201,
    description: `The ${titleOf(resource)} with its secret.`,
    body: () => withSecretSchema(resource),
  },
  run: async (ctx, request) => withSecret(ctx, resource, await create.run(ctx, request)),
});

const Rotation = () =>
  z.strictObject({
    overlapHours: whole(
      'For how long the secret before signs too (overlap i timer), 0–168 hours; 24 if left out.',
      0,
      168,
    ).default(24),
    force: flag(
      'Whether to rotate also while the secret before still signs, which ends it at once (gennemtving).',
    ).default(false),
  });

/** Makes new keys for an endpoint or a connection. Those before count beside them for as long as the caller says. */
const rotateSecret = (ctx: Context, resource: Resource, request: ApiRequest): Promise<Answer> => {
  const idempotency = idempotencyOf(request);
  return once(ctx, idempotency, async (eventId) => {
    const before = await loadOpened(ctx, resource, { id: param(request, 'id') });
    const { overlapHours, force } = parse(Rotation(), request.body);
    requireMatch(preconditionsOf(request), before.whole.version);
    const keys = keysOf(before.whole);
    if (overlaps(keys, ctx.now) && !force) {
      throw new Problem(
        'conflict',
        'The secret before still signs, until `overlapUntil`. Wait until then, or send force to end it now.',
      );
    }
    const fields = { ...before.whole, ...rotatedKeys(keys, ctx.now, overlapHours) };
    return amend(ctx, resource, before, { fields, sent: {}, eventId, idempotency });
  });
};

/** The public keys of the endpoints that the client may see: one row, whose entries come and go with them. */
async function listKeys(ctx: Context): Promise<Answer> {
  const ledger = await ctx.table.get(ledgerKey(...PUBLIC_KEYS_LEDGER));
  const entries = (ledger?.['entries'] ?? {}) as LedgerEntries;
  return { status: 200, body: { keys: webhookKeys(entriesSeenBy(ctx, entries), ctx.now) } };
}

const WebhookKey = () =>
  z
    .strictObject({
      kty: z.literal('OKP').describe('Kind of key (nøgletype), RFC 8037.'),
      crv: z.literal('Ed25519').describe('Curve of the key (kurve).'),
      x: z.string().describe('The 32 bytes of the public key, base64url without padding (offentlig nøgle).'),
      alg: z.literal('EdDSA').describe('Algorithm of the signatures (algoritme).'),
      use: z.literal('sig').describe('What the key is for: signatures (anvendelse).'),
      kid: z
        .uuid()
        .describe('Id of the endpoint whose webhooks it signs (nøgle-id). Two keys have it during a rotation.'),
      whpk: z.string().describe('The same key as Standard Webhooks writes it, `whpk_…` (offentlig nøgle).'),
      until: instant('Until when it signs, UTC (gyldig til), where it is being replaced.').optional(),
    })
    .meta({
      description: 'A public key.',
      examples: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: '1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4',
          alg: 'EdDSA',
          use: 'sig',
          kid: '01930000-0000-7000-8000-000000000012',
          whpk: 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=',
        },
      ],
    });

/** The operation that replaces the secret of an endpoint or a connection. */
export const rotation = (
  resource: Resource,
  { description, also = [] }: { readonly description: string; readonly also?: readonly TenantScope[] },
): Operation<Context> => ({
  id: `rotate-${resource.name}-secret`,
  method: 'POST',
  path: `${TENANT_BASE}/${resource.path}/{id}/rotate-secret`,
  scope: resource.scopes.write,
  also,
  tag: resource.path,
  summary: 'Replace the signing secret, with an overlap',
  description,
  manner: 'change',
  body: Rotation,
  success: {
    status: 200,
    description: `The ${titleOf(resource)} with its new secret.`,
    body: () => withSecretSchema(resource),
  },
  problems: [
    'conflict',
    'precondition_required',
    'precondition_failed',
    'validation_failed',
    'idempotency_key_reused',
    'in_flight',
  ],
  example: { overlapHours: 48 },
  run: async (ctx, request) => withSecret(ctx, resource, await rotateSecret(ctx, resource, request)),
});

/** The operations on the keys that webhooks are signed with. */
export const keyOperations = (endpoints: Resource): Operation<Context>[] => [
  rotation(endpoints, {
    description:
      'Webhooks carry a signature of both secrets until the overlap ends, so a receiver changes over without losing one. With `v1a` the Ed25519 key is replaced too.',
    also: ['events:read'],
  }),
  {
    id: 'list-webhook-keys',
    method: 'GET',
    path: `${TENANT_BASE}/webhook-keys`,
    scope: 'webhooks:read',
    tag: 'webhook-endpoints',
    summary: 'Read the public keys that webhooks are signed with',
    description: 'A JSON Web Key Set (RFC 7517) with the Ed25519 keys of the endpoints whose `signatures` have `v1a`.',
    manner: 'list',
    success: {
      status: 200,
      description: 'The keys that sign now.',
      body: () => z.strictObject({ keys: z.array(WebhookKey()).describe('The keys (nøgler).') }),
    },
    problems: [],
    run: (ctx) => listKeys(ctx),
  },
];
