import * as z from 'zod';
import { Problem } from '../errors.ts';
import { flag, line, secret, setOf } from '../record/fields.ts';
import { defineResource, type Fields, type Resource } from '../record/resource.ts';
import type { Instant } from '../time.ts';
import { certificateInfoOf, clientCertificate, clientCertificateInfo } from './client-certificate.ts';
import { type EgressOptions, urlRefusal } from './egress.ts';
import { oauthInfoOf, receiverOauth, receiverOauthInfo } from './receiver-token.ts';
import { newSecret } from './sign.ts';

/** A municipality has at most this many endpoints. */
const MOST = 50;

/** Name of the ledger that lists a municipality's endpoints: the relay reads them all, and consistently, in one row. */
export const ENDPOINTS_LEDGER = ['webhook-endpoints'];

/** What the relay needs to know of an endpoint. */
export interface Subscription {
  /** Events from this instant on are for it. */
  readonly since: Instant;
  readonly types: readonly string[];
  readonly disabled: boolean;
}

/** Whether event `name` is among the types: `family.created`, all of `family.*`, or `*`; no types means every event. */
export const typesInclude = (types: readonly string[], name: string): boolean =>
  types.length === 0 ||
  types.some((type) => type === '*' || type === name || (type.endsWith('.*') && name.startsWith(type.slice(0, -1))));

const TYPE = /^(?:\*|[a-z][a-z-]*\.(?:\*|[a-z_]+))$/;

/** A list of event types to receive, written with or without the prefix `dk.livline.`. */
export const eventTypes = () =>
  setOf(
    'Event types to receive (hændelsestyper), such as `family.created` or `family.*`; every event if empty.',
    z
      .string()
      .max(100)
      .overwrite((type) => type.replace(/^dk\.livline\./, ''))
      .regex(TYPE, 'An event type such as family.created, family.* or *'),
  );

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
          error: ({ input }) => `${urlRefusal(String(input), egress)?.slice(0, -1)}`,
        })
        .describe('Where to post (modtageradresse): https, port 443, a public host name.'),
      description: line('What it is for (formål).').optional(),
      types: eventTypes().default([]),
      disabled: flag('Whether deliveries are held back (deaktiveret).').default(false),
      clientCertificate: clientCertificate().optional(),
      oauth: receiverOauth(egress).optional(),
    }),
    derived: () => ({
      secret: secret(z.string().describe('The signing secret, `whsec_…`.')),
      clientCertificateInfo: clientCertificateInfo().optional(),
      oauthInfo: receiverOauthInfo(egress).optional(),
    }),
    order: (endpoint) => endpoint.createdAt,
    ledgers: ({ createdAt, types, disabled }) => [
      {
        name: ENDPOINTS_LEDGER,
        entry: { since: createdAt, types, disabled } satisfies Subscription,
        admit: (others) =>
          others.size >= MOST
            ? new Problem('conflict', `A municipality has at most ${MOST} webhook endpoints.`)
            : undefined,
      },
    ],
    settle: ({ ctx, before, after }): Fields => ({
      ...(!before && { secret: newSecret() }),
      clientCertificateInfo: certificateInfoOf(ctx, before?.clientCertificate, after.clientCertificate),
      oauthInfo: oauthInfoOf(after.oauth),
    }),
    deletable: true,
    example: { url: 'https://sag.example.dk/livline', description: 'DUBU', types: ['family.*', 'call.*'] },
  });
