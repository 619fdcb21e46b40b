import * as z from 'zod';
import type { Delegation } from '../auth/principals.ts';
import { Problem } from '../errors.ts';
import { flag, instant, line, secret, setOf, whole } from '../record/fields.ts';
import { defineResource, type Fields, type Resource } from '../record/resource.ts';
import type { Instant } from '../time.ts';
import {
  type ClientCertificateInfo,
  certificateInfoOf,
  clientCertificate,
  clientCertificateInfo,
  nextWarning,
} from './client-certificate.ts';
import { type CustomHeaders, customHeaders } from './custom-headers.ts';
import { type EgressOptions, urlRefusal } from './egress.ts';
import { eventTypes } from './event-types.ts';
import { type EndpointKeys, firstKeys, pairsFor, publicKeyEntries } from './keys.ts';
import { boundOrigins, secretOrigins } from './origins.ts';
import { delegationOf, isHandedOver, owner, ownerOf, requireControl } from './ownership.ts';
import { oauthInfoOf, receiverOauth, receiverOauthInfo } from './receiver-token.ts';
import { SIGNATURES, type Signature } from './sign.ts';

/** A municipality has at most this many endpoints. */
const MOST = 50;

/** Name of the ledger that lists a municipality's endpoints: the relay reads them all, and consistently, in one row. */
export const ENDPOINTS_LEDGER = ['webhook-endpoints'];

/** An endpoint with all its fields, the secret ones too, as far as what is posted depends on them. */
export interface Endpoint extends EndpointKeys {
  readonly url: string;
  readonly headers?: CustomHeaders | undefined;
  readonly signatures: readonly Signature[];
}

/** The endpoint in a record. One from before there were signatures to choose and secrets to rotate has the first secret and `v1`. */
export const endpointOf = (whole: Fields): Endpoint =>
  ({ signatures: ['v1'], secretVersion: 1, ...whole }) as unknown as Endpoint;

/** What the relay needs to know of an endpoint. */
export interface Subscription {
  /** Events from this instant on are for it. */
  readonly since: Instant;
  readonly types: readonly string[];
  readonly disabled: boolean;
  /** Whether events about one subject are delivered one after another. */
  readonly ordered: boolean;
  /** The client for which it acts, and what that client handed to it. */
  readonly owner: Delegation;
}

/** Whether event `name` is among the types: `family.created`, all of `family.*`, or `*`; no types means every event. */
export const typesInclude = (types: readonly string[], name: string): boolean =>
  types.length === 0 ||
  types.some((type) => type === '*' || type === name || (type.endsWith('.*') && name.startsWith(type.slice(0, -1))));

/** Where a municipality's events are posted. */
export const webhookEndpoints = (egress: EgressOptions): Resource =>
  defineResource({
    path: 'webhook-endpoints',
    name: 'webhook-endpoint',
    danish: 'Webhook-modtager',
    summary: 'A URL that events are posted to, signed as Standard Webhooks says.',
    scopes: { read: 'webhooks:read', write: 'webhooks:write' },
    fields: () => ({
      url: z
        .string()
        .max(2_000)
        .refine((url) => urlRefusal(url, egress) === undefined, {
          error: ({ input }) => urlRefusal(String(input), egress),
        })
        .describe('Where to post (modtageradresse): https, port 443, a public host name.'),
      description: line('What it is for (formål).').optional(),
      types: eventTypes().default([]),
      signatures: setOf(
        'Signatures that each webhook carries (signaturer): `v1`, HMAC-SHA256 with the secret, and `v1a`, Ed25519, which you check with the public key in `webhook-keys`.',
        z.enum(SIGNATURES),
        SIGNATURES.length,
      )
        .min(1)
        .default(['v1']),
      headers: customHeaders().optional(),
      ordered: flag(
        'Whether events about one object are delivered one after another (rækkefølge): the next when the one before is delivered or given up. Objects never wait for one another.',
      ).default(false),
      disabled: flag('Whether deliveries are held back (deaktiveret).').default(false),
      clientCertificate: clientCertificate().optional(),
      oauth: receiverOauth(egress).optional(),
    }),
    derived: () => ({
      headerNames: setOf('Names of the headers of your own that are sent (navne på egne headere).', z.string()).meta({
        examples: [['X-Api-Key']],
      }),
      secretVersion: whole(
        'Number of the signing secret (nøgleversion): 1 is the first.',
        1,
        Number.MAX_SAFE_INTEGER,
      ).meta({ examples: [1] }),
      overlapUntil: instant('Until when the secret before signs too, UTC (overlap til).').optional(),
      enabledAt: instant(
        'Since when deliveries are not held back, UTC (aktiveret); failures before it count no more.',
      ).meta({ examples: ['2026-11-20T09:00:00.000Z'] }),
      secret: secret(z.string().describe('The signing secret, `whsec_…`.')),
      privateKey: secret(z.string().describe('The private Ed25519 key, `whsk_…`.')),
      oldSecret: secret(z.string().describe('The signing secret before.')),
      oldPrivateKey: secret(z.string().describe('The private Ed25519 key before.')),
      clientCertificateInfo: clientCertificateInfo().optional(),
      oauthInfo: receiverOauthInfo(egress).optional(),
      owner: owner(),
      secretOrigins: secretOrigins().optional(),
    }),
    events: {
      also: {
        names: [
          'webhook-endpoint.disabled',
          'webhook-endpoint.enabled',
          'webhook-endpoint.failing',
          'webhook-endpoint.certificate_expiring',
        ],
        of: (before, after) =>
          before && before.disabled !== after.disabled
            ? { name: `webhook-endpoint.${after.disabled ? 'disabled' : 'enabled'}`, action: 'updated' }
            : undefined,
      },
    },
    order: (endpoint) => endpoint.createdAt,
    due: ({ updatedAt, ...endpoint }) =>
      nextWarning((endpoint as { clientCertificateInfo?: ClientCertificateInfo }).clientCertificateInfo, updatedAt)?.at,
    ledgers: ({ createdAt, types, disabled, ordered, ...endpoint }) => [
      {
        name: ENDPOINTS_LEDGER,
        entry: { since: createdAt, types, disabled, ordered, owner: ownerOf(endpoint) } satisfies Subscription,
        admit: (others) =>
          others.size >= MOST
            ? new Problem('conflict', `A municipality has at most ${MOST} webhook endpoints.`)
            : undefined,
      },
      ...publicKeyEntries(endpointOf(endpoint)),
    ],
    settle: ({ ctx, before, after, sent }) => {
      if (before && !isHandedOver(before, after)) requireControl(ctx, before);
      return {
        ...(!before && { ...firstKeys(), owner: delegationOf(ctx, 'read') }),
        ...pairsFor(endpointOf(after)),
        headerNames: Object.keys(after.headers ?? {}).sort(),
        ...((!before || (before.disabled && !after.disabled)) && { enabledAt: ctx.now }),
        clientCertificateInfo: certificateInfoOf(ctx, before?.clientCertificate, after.clientCertificate),
        oauthInfo: oauthInfoOf(after.oauth),
        secretOrigins: boundOrigins(before, after, sent),
      };
    },
    deletable: true,
    example: {
      url: 'https://sag.example.dk/livline',
      description: 'DUBU',
      types: ['family.*', 'call.*'],
      headers: { 'X-Api-Key': '5b1f0c7e92' },
    },
  });
