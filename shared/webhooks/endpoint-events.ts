import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { derivedId } from '../ids.ts';
import { etagOf } from '../operation.ts';
import { eventWrite } from '../record/events.ts';
import { hrefOf } from '../record/place.ts';
import { findRecord } from '../record/read.ts';
import type { Resource } from '../record/resource.ts';
import type { Whole } from '../record/stored.ts';
import { updateRecord } from '../record/verbs.ts';
import { duePartition, recordKey } from '../table/keys.ts';
import { isVersion } from '../table/write.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { type ClientCertificateInfo, nextWarning } from './client-certificate.ts';
import { unlessRefused } from './deliveries.ts';

/** Disables an endpoint, which commits its event `webhook-endpoint.disabled`. One that is disabled or gone is left as it is. */
export async function disableEndpoint(ctx: Context, endpoints: Resource, id: string): Promise<void> {
  const endpoint = await findRecord(ctx, endpoints, id);
  if (!endpoint || endpoint.view['disabled'] === true) return;
  try {
    await updateRecord(
      ctx,
      endpoints,
      { id },
      { disabled: true },
      {
        preconditions: { ifMatch: etagOf(endpoint.view.version) },
      },
    );
  } catch (error) {
    // Somebody changed it at the same instant: the next failure decides anew.
    if (!(error instanceof Problem)) throw error;
  }
}

/** As much of the resource as a path is made of. */
const ENDPOINT = { path: 'webhook-endpoints' } as Resource;

/** Commits an event about an endpoint that is no change of it. Its id follows from what it tells, so it is told once. */
async function tell(ctx: Context, endpoint: Whole, name: string, about: string, details: object): Promise<void> {
  const write = eventWrite(ctx, {
    id: derivedId('evt', ctx.tenant.code, endpoint.id, name, about),
    name: `webhook-endpoint.${name}`,
    objectType: 'webhook-endpoint',
    objectId: endpoint.id,
    objectVersion: endpoint.version,
    scope: 'webhooks:read',
    source: endpoint.source,
    href: hrefOf(ctx, ENDPOINT, endpoint),
    action: 'updated',
    changed: [],
    details,
  });
  await unlessRefused(ctx.table.write(write));
}

/** Tells that an endpoint has failed for a share of the time, in per cent, after which it is disabled. */
export const warnOfEndpoint = (ctx: Context, endpoint: Whole, percent: number, since: Instant): Promise<void> =>
  tell(ctx, endpoint, 'failing', `${since} ${percent}`, { failingPercent: percent, failingSince: since });

/**
 * Tells that a client certificate expires in so many days, as is due now, and puts the endpoint on the clock for the
 * next one. Done twice it is one event; an endpoint that is changed meanwhile goes on the clock anew by that.
 */
export async function warnOfExpiry(ctx: Context, endpoint: Whole, dueAt: Instant): Promise<void> {
  const info = endpoint['clientCertificateInfo'] as ClientCertificateInfo;
  const due = nextWarning(info, plusSeconds(dueAt, -1));
  if (due) {
    const { daysLeft } = due;
    const details = { daysLeft, notAfter: info.notAfter };
    await tell(ctx, endpoint, 'certificate_expiring', `${info.fingerprint} ${daysLeft}`, details);
  }
  const next = nextWarning(info, ctx.now);
  const index = next && { due: { pk: duePartition, sk: [next.at, ENDPOINT.path, endpoint.id] } };
  const condition = isVersion(endpoint.version);
  const key = recordKey(endpoint.id);
  await unlessRefused(
    ctx.table.write(
      index ? { kind: 'update', key, index, condition } : { kind: 'update', key, unindex: ['due'], condition },
    ),
  );
}
