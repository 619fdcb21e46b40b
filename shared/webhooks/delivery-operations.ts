import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { type Answer, type ApiRequest, etagOf, type Operation, param } from '../operation.ts';
import { instant, line, listOf, oneOf, whole } from '../record/fields.ts';
import { pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { load } from '../record/read.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { viewSchema } from '../record/schemas.ts';
import { parse } from '../record/validate.ts';
import { updateRecord } from '../record/verbs.ts';
import { attemptPartition, deliveryKey } from '../table/keys.ts';
import {
  DELIVERY_STATUSES,
  type Delivery,
  deliveriesOfEndpoint,
  deliveryOf,
  LISTED_STATUSES,
  renewed,
  unlessRefused,
} from './deliveries.ts';
import { failureField } from './failure-class.ts';
import { commitInLine } from './order.ts';
import { requireControl } from './ownership.ts';

/** What can be tried anew: what waits for a disabled endpoint, and what had all its attempts. */
const RECOVERABLE = ['held', 'failed'] as const;
/** Deliveries that one call recovers at most. */
const MOST_RECOVERED = 500;
const ATTEMPTS = 100;

const DELIVERY_EXAMPLE = {
  id: 'dlv_6f1c0b9e2d4a48b7a3e5c1d0f9b8a7c6',
  eventId: 'evt_6f1c0b9e2d4a48b7a3e5c1d0f9b8a7c6',
  eventName: 'family.activated',
  endpointId: '01930000-0000-7000-8000-000000000012',
  status: 'delivered',
  attempts: 1,
  notBefore: '2026-11-20T09:00:00.000Z',
  createdAt: '2026-11-20T09:00:00.000Z',
  finishedAt: '2026-11-20T09:00:01.000Z',
};

/** A delivery as it is shown. */
const DeliveryView = () =>
  z
    .strictObject({
      id: line('Id of the delivery (leverings-id).'),
      eventId: line('Id of the event (hændelses-id), as sent in webhook-id.'),
      eventName: line('Name of the event (hændelse), without `dk.livline.`.'),
      endpointId: line('Id of the endpoint (modtager-id).'),
      status: oneOf('Where it stands (leveringsstatus).', DELIVERY_STATUSES),
      heldFor: oneOf(
        'Why it is held (tilbageholdt), where not because its endpoint is disabled: the owner of the endpoint has no live `grant`. It goes on by itself once it has one.',
        ['grant'],
      ).optional(),
      attempts: whole('Attempts made (forsøg), 0–1000.', 0, 1_000),
      notBefore: instant('Before this no attempt is made, UTC (tidligst).'),
      createdAt: instant('When it was made, UTC (oprettet).'),
      finishedAt: instant('When it was finished, UTC (afsluttet).').optional(),
    })
    .meta({ description: 'Levering. One event on its way to one endpoint.', examples: [DELIVERY_EXAMPLE] });

const viewOf = ({ version: _, leaseUntil: __, order: ___, ...view }: Delivery) => view;

/** One attempt as it was logged. */
const AttemptView = () =>
  z
    .strictObject({
      attempt: whole('Which attempt (forsøg), 1–1000.', 1, 1_000),
      at: instant('When it was over, UTC (tidspunkt).'),
      status: whole("The receiver's HTTP status (svarkode), 100–599, if it answered.", 0, 999).optional(),
      error: failureField().optional(),
      durationMs: whole('How long it took (varighed), 0–60,000 milliseconds.', 0, 10_000_000),
      address: line('The address that was connected to (adresse).').optional(),
      body: z.string().describe("The first 4 KB of the receiver's answer (svar).").optional(),
    })
    .meta({
      description: 'Forsøg. One POST of a delivery.',
      examples: [{ attempt: 1, at: '2026-11-20T09:00:01.000Z', status: 204, durationMs: 84 }],
    });

const listDeliveryParameters = () => ({
  status: oneOf(
    'Only those with this status; `pending` are those that wait for another attempt.',
    LISTED_STATUSES,
  ).optional(),
  ...pageParameters(),
});

async function listDeliveries(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const { status, ...page } = parse(z.strictObject(listDeliveryParameters()), request.query, '/query');
  const id = param(request, 'id');
  const listing = {
    index: status === undefined ? ('list' as const) : ('filter1' as const),
    partition: deliveriesOfEndpoint(id, status),
    unnarrowed: true,
    descending: true,
  };
  const [answer] = await Promise.all([
    pageOf(ctx, request, listing, page, (row) => viewOf(row['view'] as unknown as Delivery)),
    load(ctx, endpoints, { id }),
  ]);
  return answer;
}

/** The delivery in the path. Throws `not_found` for one of another endpoint too. */
async function loadDelivery(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Delivery> {
  const id = param(request, 'id');
  const [row] = await Promise.all([
    ctx.table.get(deliveryKey(param(request, 'deliveryId'))),
    // A delivery belongs to whoever made its endpoint.
    ctx.rows === 'own' && load(ctx, endpoints, { id }),
  ]);
  const delivery = deliveryOf(row);
  if (delivery?.endpointId !== id) throw new Problem('not_found', 'There is no such delivery here.');
  return delivery;
}

async function listAttempts(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const { id } = await loadDelivery(ctx, endpoints, request);
  const { rows } = await ctx.table.query({ ...attemptPartition(id), limit: ATTEMPTS });
  return { status: 200, body: { items: rows.map((row) => row['view']) } };
}

/**
 * Makes a delivery pending again, as a new one: to be looked at now, with all its attempts before it, on an ordered
 * endpoint at its place in its line. Undefined where somebody else changed it meanwhile.
 */
async function renew(ctx: Context, delivery: Delivery): Promise<Delivery | undefined> {
  const { delivery: anew, write } = renewed(delivery, ctx.now, ctx.now);
  return (await unlessRefused(commitInLine(ctx, anew, 'enter', [write]))) ? anew : undefined;
}

async function resend(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const { view: endpoint } = await load(ctx, endpoints, { id: param(request, 'id') });
  requireControl(ctx, endpoint);
  const delivery = await loadDelivery(ctx, endpoints, request);
  if (endpoint['disabled'] === true) throw new Problem('conflict', 'The endpoint is disabled. Enable it first.');
  if (delivery.status === 'pending' || delivery.status === 'in_flight') return { status: 202, body: viewOf(delivery) };
  const anew = await renew(ctx, delivery);
  if (!anew) {
    throw new Problem('in_flight', 'The delivery is being changed at this moment.', [], { 'retry-after': '1' });
  }
  return { status: 202, body: viewOf(anew) };
}

const Period = () =>
  z.strictObject({
    since: instant('From when on deliveries are recovered, UTC (fra): by when their event was relayed.'),
    until: instant('Up to when, UTC (til); now if left out.').optional(),
  });

/** Makes what is held or failed in a period pending again, the oldest first. The clock brings it within a minute. */
async function recoverPeriod(
  ctx: Context,
  endpointId: string,
  { since, until }: { since: string; until?: string | undefined },
) {
  let recovered = 0;
  let next: string | undefined;
  for (const status of RECOVERABLE) {
    const room = MOST_RECOVERED - recovered;
    if (room <= 0) return { recovered, next: next ?? since };
    const { rows, last } = await ctx.table.query({
      index: 'filter1',
      partition: deliveriesOfEndpoint(endpointId, status),
      unnarrowed: true,
      from: since,
      to: until === undefined ? undefined : `${until}$`,
      limit: room,
    });
    const deliveries = rows.flatMap((row) => deliveryOf(row) ?? []);
    for (let start = 0; start < deliveries.length; start += 25) {
      const batch = deliveries.slice(start, start + 25);
      const done = await Promise.all(batch.map((delivery) => renew(ctx, delivery)));
      recovered += done.filter(Boolean).length;
    }
    if (last !== undefined) next = deliveries.at(-1)?.createdAt;
  }
  return { recovered, next };
}

async function recover(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const period = parse(Period(), request.body);
  const { view: endpoint } = await load(ctx, endpoints, { id: param(request, 'id') });
  requireControl(ctx, endpoint);
  if (endpoint['disabled'] === true) throw new Problem('conflict', 'The endpoint is disabled. Enable it first.');
  return { status: 202, body: await recoverPeriod(ctx, endpoint.id, period) };
}

const Enabling = () =>
  z.strictObject({ recover: Period().describe('What to deliver that waited (genoptag).').optional() });

/** Enables an endpoint and, where asked, recovers what waited. Both can be repeated. */
async function enable(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const { recover: period } = parse(Enabling(), request.body ?? {});
  const place = { id: param(request, 'id') };
  const { view: endpoint } = await load(ctx, endpoints, place);
  requireControl(ctx, endpoint);
  const answer = await updateRecord(ctx, endpoints, place, { disabled: false }, etagOf(endpoint.version));
  const done = period ? await recoverPeriod(ctx, endpoint.id, period) : { recovered: 0 };
  return { status: 200, body: { endpoint: answer.body as Fields, ...done } };
}

const recovery = () => ({
  recovered: whole('Deliveries that are pending again (genoptaget), 0–500.', 0, MOST_RECOVERED).meta({
    examples: [12],
  }),
  next: instant('Where there are more: call again with this as `since`, UTC (næste).').optional(),
});

/** The operations on an endpoint's deliveries: what was sent, what came of it, and sending it again. */
export function deliveryOperations(endpoints: Resource): Operation<Context>[] {
  const one = `${TENANT_BASE}/webhook-endpoints/{id}`;
  const common = { tag: 'webhook-endpoints' };
  return [
    {
      ...common,
      id: 'list-webhook-endpoint-deliveries',
      method: 'GET',
      path: `${one}/deliveries`,
      scope: 'webhooks:read',
      summary: 'List the deliveries of an endpoint, newest first',
      manner: 'list',
      query: listDeliveryParameters,
      success: {
        status: 200,
        description: 'One page of deliveries, kept for 30 days after they are finished.',
        body: () => pageSchema(DeliveryView(), 'The deliveries of this page (leveringer).'),
      },
      problems: ['validation_failed', 'invalid_cursor'],
      run: (ctx, request) => listDeliveries(ctx, endpoints, request),
    },
    {
      ...common,
      id: 'list-delivery-attempts',
      method: 'GET',
      path: `${one}/deliveries/{deliveryId}/attempts`,
      scope: 'webhooks:read',
      summary: 'What came of each attempt of a delivery',
      manner: 'act',
      success: {
        status: 200,
        description: 'The attempts in order, kept for 30 days.',
        body: () => z.strictObject({ items: listOf('The attempts (forsøg).', AttemptView()) }),
      },
      problems: [],
      run: (ctx, request) => listAttempts(ctx, endpoints, request),
    },
    {
      ...common,
      id: 'resend-delivery',
      method: 'POST',
      path: `${one}/deliveries/{deliveryId}/resend`,
      scope: 'webhooks:write',
      summary: 'Send an event again',
      description: 'With the same id, so a receiver that has it knows it. It goes out within a minute.',
      manner: 'act',
      success: { status: 202, description: 'The delivery, pending again.', body: DeliveryView },
      also: ['events:read'],
      problems: ['conflict', 'forbidden', 'in_flight'],
      run: (ctx, request) => resend(ctx, endpoints, request),
    },
    {
      ...common,
      id: 'recover-webhook-endpoint',
      method: 'POST',
      path: `${one}/recover`,
      scope: 'webhooks:write',
      summary: 'Deliver what was held or failed in a period',
      manner: 'act',
      body: Period,
      success: {
        status: 202,
        description: 'How many are pending again. They go out within a minute.',
        body: () =>
          z.strictObject(recovery()).meta({ description: 'What was recovered.', examples: [{ recovered: 12 }] }),
      },
      also: ['events:read'],
      problems: ['conflict', 'forbidden', 'validation_failed'],
      example: { since: '2026-11-20T00:00:00+01:00' },
      run: (ctx, request) => recover(ctx, endpoints, request),
    },
    {
      ...common,
      id: 'enable-webhook-endpoint',
      method: 'POST',
      path: `${one}/enable`,
      scope: 'webhooks:write',
      summary: 'Enable an endpoint and deliver what waited',
      manner: 'act',
      body: Enabling,
      success: {
        status: 200,
        description: 'The endpoint as it stands now, and how many deliveries are pending again.',
        body: () => z.strictObject({ endpoint: viewSchema(endpoints), ...recovery() }),
      },
      also: ['events:read'],
      problems: ['forbidden', 'validation_failed', 'in_flight'],
      example: { recover: { since: '2026-11-15T00:00:00+01:00' } },
      run: (ctx, request) => enable(ctx, endpoints, request),
    },
  ];
}
