import * as z from 'zod';
import type { Context } from '../context.ts';
import { newId } from '../ids.ts';
import { type Answer, type ApiRequest, idempotencyOf, type Operation, param } from '../operation.ts';
import { eventBytes, sequenceText } from '../record/events.ts';
import { operationsOf, TENANT_BASE } from '../record/operations.ts';
import type { Resource } from '../record/resource.ts';
import { viewSchema } from '../record/schemas.ts';
import { parse } from '../record/validate.ts';
import { createRecord, load } from '../record/verbs.ts';
import { feedPartition } from '../table/keys.ts';
import type { EgressOptions, Post } from './egress.ts';
import { eventTypes, typesInclude, webhookEndpoints } from './endpoints.ts';
import { signedHeaders } from './sign.ts';

export interface WebhookDeps extends EgressOptions {
  readonly post: Post;
}

/** Creates an endpoint. The answer, also when it is given again to the same Idempotency-Key, is the one place with the secret. */
async function createEndpoint(ctx: Context, endpoints: Resource, request: ApiRequest): Promise<Answer> {
  const answer = await createRecord(ctx, endpoints, request.body, { idempotency: idempotencyOf(request) });
  const view = answer.body as { id: string };
  const { whole: endpoint } = await load(ctx, endpoints, { id: view.id });
  return { ...answer, body: { ...view, secret: endpoint['secret'] } };
}

/** Posts a ping event at once and tells what came of it. */
async function testEndpoint(ctx: Context, endpoints: Resource, post: Post, request: ApiRequest): Promise<Answer> {
  const { whole: endpoint } = await load(ctx, endpoints, { id: param(request, 'id') });
  const id = `evt_${newId(new Date(ctx.now)).replaceAll('-', '')}`;
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: `urn:oio:cvr-nr:${ctx.tenant.cvr}`,
    type: 'dk.livline.webhook-endpoint.ping',
    subject: endpoint.id,
    time: ctx.now,
    datacontenttype: 'application/json',
    data: { objectType: 'webhook-endpoint', objectId: endpoint.id },
  });
  const timestamp = Math.floor(Date.parse(ctx.now) / 1000);
  const result = await post({
    url: endpoint['url'] as string,
    headers: signedHeaders(endpoint['secret'] as string, { id, timestamp, body }),
    body,
  });
  const { status, error, durationMs, body: answer } = result;
  const delivered = status !== undefined && status >= 200 && status < 300;
  return { status: 200, body: { delivered, eventId: id, status, error, durationMs, body: answer } };
}

const PingResult = () =>
  z.strictObject({
    delivered: z.boolean().describe('Whether the receiver answered with 2xx.'),
    eventId: z.string().describe('Id of the ping event, as sent in webhook-id.'),
    status: z.int().describe("The receiver's HTTP status, if it answered.").optional(),
    error: z.string().describe('Class of the failure, if it did not answer.').optional(),
    durationMs: z.int().describe('How long it took, milliseconds.'),
    body: z.string().describe("The first 4 KB of the receiver's answer.").optional(),
  });

const feedParameters = () => ({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('`next` of the page before, or a sequence; 0 starts at the first event.'),
  types: z
    .string()
    .max(2_000)
    .transform((list) => list.split(',').map((type) => type.trim()))
    .pipe(eventTypes())
    .describe('Event types to show, comma separated, such as `family.*,call.received`.')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100).describe('How many events to look at, 1–200.'),
});

/**
 * One page of the feed. The index may show event 7 before event 6, so a page ends before the first number that is missing:
 * whoever goes on from `next` meets every event, once, in order.
 */
async function listEvents(ctx: Context, request: ApiRequest): Promise<Answer> {
  const { after, types = [], limit } = parse(z.strictObject(feedParameters()), request.query, '/query');
  const { rows } = await ctx.table.query({
    index: 'list',
    partition: feedPartition,
    from: sequenceText(after + 1),
    limit,
  });
  const unbroken = rows.filter((row, at) => row['sequence'] === after + at + 1);
  const items = unbroken
    .map((row) => JSON.parse(eventBytes(row['envelope'] as string, row['sequence'] as number)) as { type: string })
    .filter(({ type }) => typesInclude(types, type.slice('dk.livline.'.length)));
  return { status: 200, body: { items, next: sequenceText(after + unbroken.length) } };
}

const CloudEvent = () =>
  z.looseObject({
    specversion: z.literal('1.0').describe('Version of CloudEvents.'),
    id: z.string().describe('Id of the event, the same on every delivery.'),
    source: z.string().describe("`urn:oio:cvr-nr:` and the municipality's CVR number."),
    type: z.string().describe('`dk.livline.` and the name of the event.'),
    subject: z.string().describe('Id of the object it is about.'),
    time: z.string().describe('When it was committed, UTC.'),
    datacontenttype: z.literal('application/json').describe('Form of `data`.'),
    data: z
      .looseObject({})
      .describe('objectType, objectId, action, registeredAt, actor, caseRefs, href, changed (field names only).'),
    sequence: z.string().describe('Number of the event in the municipality, without gaps, twelve digits.'),
  });

/** The operations on webhook endpoints, and the feed. */
export function webhookOperations({ post, allowLocal }: WebhookDeps): Operation<Context>[] {
  const endpoints = webhookEndpoints({ allowLocal });
  const own = operationsOf(endpoints)
    .filter(({ path }) => !path.includes('/external/'))
    .map((operation): Operation<Context> => {
      if (operation.id !== 'create-webhook-endpoint') return operation;
      const body = () =>
        viewSchema(endpoints).extend({ secret: z.string().describe('The signing secret, shown this once.') });
      return {
        ...operation,
        success: { status: 201, description: 'The endpoint with its secret.', body },
        run: (ctx, request) => createEndpoint(ctx, endpoints, request),
      };
    });
  return [
    ...own,
    {
      id: 'test-webhook-endpoint',
      method: 'POST',
      path: `${TENANT_BASE}/webhook-endpoints/{id}/test`,
      scope: 'webhooks:write',
      tag: 'webhook-endpoints',
      summary: 'Post a ping event and show the answer',
      manner: 'act',
      success: { status: 200, description: 'What came of it.', body: PingResult },
      problems: [],
      run: (ctx, request) => testEndpoint(ctx, endpoints, post, request),
    },
    {
      id: 'list-events',
      method: 'GET',
      path: `${TENANT_BASE}/events`,
      scope: 'events:read',
      tag: 'events',
      summary: 'Read the events in order, without gaps',
      description: 'The same events as the webhooks, for those who would rather pull.',
      manner: 'list',
      query: feedParameters,
      success: {
        status: 200,
        description: 'The CloudEvents as sent, and where to go on.',
        body: () =>
          z.strictObject({
            items: z.array(CloudEvent()).describe('The events of this page.'),
            next: z.string().describe('Give it as `after` to go on; twelve digits.'),
          }),
      },
      problems: ['validation_failed'],
      run: (ctx, request) => listEvents(ctx, request),
    },
  ];
}
