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
import type { Whole } from '../record/stored.ts';
import { parse } from '../record/validate.ts';
import { updateRecord } from '../record/verbs.ts';
import { attemptPartition, deliveryKey } from '../table/keys.ts';
import { plusSeconds } from '../time.ts';
import {
  DELIVERY_STATUSES,
  type Delivery,
  deliveriesOfEndpoint,
  deliveryOf,
  HINT_GRACE_S,
  hintOf,
  LISTED_STATUSES,
  madeDue,
  renewed,
  unlessRefused,
} from './deliveries.ts';
import { endRest } from './endpoint-health.ts';
import { failureField } from './failure-class.ts';
import { hintNow, type SendHints } from './hints.ts';
import { commitInLine } from './order.ts';
import { requireControl } from './ownership.ts';

/**
 * What can be sent now: what is held for a disabled endpoint, what had all its attempts, and what failed and waits for its
 * next attempt.
 */
const RECOVERABLE = ['held', 'failed', 'pending'] as const;
/** Deliveries that one call recovers at most. */
const MOST_RECOVERED = 500;
/** Deliveries that are changed at a time. */
const AT_ONCE = 25;
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
    'Only those with this status; `pending` are those that wait for another attempt, or for the end of their endpoint’s rest.',
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

/** Whether a delivery would be attempted later than now if nobody asked for it. */
const canBeSooner = (ctx: Context, { status, notBefore }: Delivery): boolean =>
  status !== 'in_flight' && (status !== 'pending' || notBefore > ctx.now);

/**
 * Makes a delivery due now. One that waits for its next attempt keeps the count of its attempts; any other becomes pending
 * again as if it were new, with all its attempts before it, on an ordered endpoint at its place in its line. Returns
 * undefined where somebody else changed it meanwhile.
 */
async function sendNow(ctx: Context, delivery: Delivery): Promise<Delivery | undefined> {
  const isWaiting = delivery.status === 'pending';
  const { delivery: anew, write } = isWaiting
    ? madeDue(delivery, ctx.now)
    : renewed(delivery, ctx.now, plusSeconds(ctx.now, HINT_GRACE_S));
  // What waits has its place in the line already.
  const written = isWaiting ? ctx.table.write(write) : commitInLine(ctx, anew, 'enter', [write]);
  return (await unlessRefused(written)) ? anew : undefined;
}

/** The endpoint in the path, for sending to it now. Throws `conflict` while it is disabled. */
async function loadForSending(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Whole> {
  const { view: endpoint } = await load(ctx, endpoints, { id: param(request, 'id') });
  requireControl(ctx, endpoint);
  if (endpoint['disabled'] === true) throw new Problem('conflict', 'The endpoint is disabled. Enable it first.');
  return endpoint;
}

async function resend(ctx: Context, { endpoints, sendHints }: DeliveryDeps, request: ApiRequest): Promise<Answer> {
  const endpoint = await loadForSending(ctx, endpoints, request);
  const delivery = await loadDelivery(ctx, endpoints, request);
  if (!canBeSooner(ctx, delivery)) return { status: 202, body: viewOf(delivery) };
  await endRest(ctx, endpoint.id);
  const anew = await sendNow(ctx, delivery);
  if (!anew) {
    throw new Problem('in_flight', 'The delivery is being changed at this moment.', [], { 'retry-after': '1' });
  }
  await hintNow(ctx, sendHints, [hintOf(ctx, anew)]);
  return { status: 202, body: viewOf(anew) };
}

const PeriodInput = () =>
  z.strictObject({
    since: instant('From when on deliveries are recovered, UTC (fra): by when their event was relayed.'),
    until: instant('Up to when, UTC (til); now if left out.').optional(),
  });

type Period = z.infer<ReturnType<typeof PeriodInput>>;

/** What a period holds that can be sent now, the oldest first, and from when on there is more. */
async function recoverableIn(ctx: Context, endpointId: string, { since, until }: Period) {
  const pages = await Promise.all(
    RECOVERABLE.map((status) =>
      ctx.table.query({
        index: 'filter1',
        partition: deliveriesOfEndpoint(endpointId, status),
        unnarrowed: true,
        from: since,
        to: until === undefined ? undefined : `${until}$`,
        limit: MOST_RECOVERED,
      }),
    ),
  );
  const found = pages.map(({ rows, last }) => ({ deliveries: rows.flatMap((row) => deliveryOf(row) ?? []), last }));
  // Nothing is known of what follows the end of a page that is not the last.
  const ends = found.flatMap(({ deliveries, last }) =>
    last === undefined ? [] : (deliveries.at(-1)?.createdAt ?? []),
  );
  const known = ends.sort()[0];
  const all = found
    .flatMap(({ deliveries }) => deliveries)
    .filter(({ createdAt }) => known === undefined || createdAt <= known)
    .sort((one, other) => (one.createdAt < other.createdAt ? -1 : 1));
  const deliveries = all.filter((delivery) => canBeSooner(ctx, delivery)).slice(0, MOST_RECOVERED);
  return { deliveries, next: deliveries.length === MOST_RECOVERED ? deliveries.at(-1)?.createdAt : known };
}

/** Makes what is held, failed or waiting in a period due now. */
async function recoverPeriod(ctx: Context, sendHints: SendHints, endpointId: string, period: Period) {
  const [{ deliveries, next }] = await Promise.all([recoverableIn(ctx, endpointId, period), endRest(ctx, endpointId)]);
  let recovered = 0;
  for (let start = 0; start < deliveries.length; start += AT_ONCE) {
    const batch = deliveries.slice(start, start + AT_ONCE);
    const done = (await Promise.all(batch.map((delivery) => sendNow(ctx, delivery)))).filter(
      (anew) => anew !== undefined,
    );
    await hintNow(
      ctx,
      sendHints,
      done.map((anew) => hintOf(ctx, anew)),
    );
    recovered += done.length;
  }
  return { recovered, next };
}

async function recover(ctx: Context, { endpoints, sendHints }: DeliveryDeps, request: ApiRequest): Promise<Answer> {
  const period = parse(PeriodInput(), request.body);
  const { id } = await loadForSending(ctx, endpoints, request);
  return { status: 202, body: await recoverPeriod(ctx, sendHints, id, period) };
}

const Enabling = () =>
  z.strictObject({ recover: PeriodInput().describe('What to deliver that waited (genoptag).').optional() });

/** Enables an endpoint and, where asked, recovers what waited. Both can be repeated. */
async function enable(ctx: Context, { endpoints, sendHints }: DeliveryDeps, request: ApiRequest): Promise<Answer> {
  const { recover: period } = parse(Enabling(), request.body ?? {});
  const place = { id: param(request, 'id') };
  const { view: endpoint } = await load(ctx, endpoints, place);
  requireControl(ctx, endpoint);
  const answer = await updateRecord(
    ctx,
    endpoints,
    place,
    { disabled: false },
    {
      preconditions: { ifMatch: etagOf(endpoint.version) },
    },
  );
  if (!period) await endRest(ctx, endpoint.id);
  const done = period ? await recoverPeriod(ctx, sendHints, endpoint.id, period) : { recovered: 0 };
  return { status: 200, body: { endpoint: answer.body as Fields, ...done } };
}

const recovery = () => ({
  recovered: whole('Deliveries that are due now and were not before (genoptaget), 0–500.', 0, MOST_RECOVERED).meta({
    examples: [12],
  }),
  next: instant('Where there are more: call again with this as `since`, UTC (næste).').optional(),
});

/** What the operations work with: the endpoints, and the way to the queue of hints. */
export interface DeliveryDeps {
  readonly endpoints: Resource;
  readonly sendHints: SendHints;
}

/** The operations on an endpoint's deliveries: what was sent, what came of it, and sending it again. */
export function deliveryOperations(deps: DeliveryDeps): Operation<Context>[] {
  const { endpoints } = deps;
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
      description:
        'With the same id, so a receiver that has it knows it. It goes out at once, whether it was delivered, had all its attempts or waits for its next one, and although the endpoint rests after failures. The attempts of one that waits are counted on.',
      manner: 'act',
      success: { status: 202, description: 'The delivery, due now.', body: DeliveryView },
      also: ['events:read'],
      problems: ['conflict', 'forbidden', 'in_flight'],
      run: (ctx, request) => resend(ctx, deps, request),
    },
    {
      ...common,
      id: 'recover-webhook-endpoint',
      method: 'POST',
      path: `${one}/recover`,
      scope: 'webhooks:write',
      summary: 'Deliver now what was held, failed or waits in a period',
      manner: 'act',
      body: PeriodInput,
      success: {
        status: 202,
        description: 'How many are due now. They go out at once.',
        body: () =>
          z.strictObject(recovery()).meta({ description: 'What was recovered.', examples: [{ recovered: 12 }] }),
      },
      also: ['events:read'],
      problems: ['conflict', 'forbidden', 'validation_failed'],
      example: { since: '2026-11-20T00:00:00+01:00' },
      run: (ctx, request) => recover(ctx, deps, request),
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
        description: 'The endpoint as it stands now, and how many deliveries are due now.',
        body: () => z.strictObject({ endpoint: viewSchema(endpoints), ...recovery() }),
      },
      also: ['events:read'],
      problems: ['forbidden', 'validation_failed', 'in_flight'],
      example: { recover: { since: '2026-11-15T00:00:00+01:00' } },
      run: (ctx, request) => enable(ctx, deps, request),
    },
  ];
}
