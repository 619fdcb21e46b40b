import * as z from 'zod';
import { amongOwn, type Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { Problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { type Answer, type ApiRequest, type Operation, param } from '../operation.ts';
import { cloudEvent, sentBytes, sequenceText } from '../record/events.ts';
import { instant, oneOf, whole } from '../record/fields.ts';
import { nextLink } from '../record/lists.ts';
import { operationsOf, TENANT_BASE } from '../record/operations.ts';
import { wholeInQuery } from '../record/query.ts';
import { loadOpened } from '../record/read.ts';
import type { Resource } from '../record/resource.ts';
import { caseRefs } from '../record/schemas.ts';
import { parse } from '../record/validate.ts';
import { audiencePartition, checkpointKey, feedPartition } from '../table/keys.ts';
import type { RangeQuery, Row } from '../table/scoped-table.ts';
import { adoption } from './adoption.ts';
import { ENDPOINT_SCOPE } from './audience.ts';
import { connectionOperations } from './connections.ts';
import { deliveryOperations } from './delivery-operations.ts';
import { type EgressOptions, isTaken, type Post } from './egress.ts';
import { typesInclude, webhookEndpoints } from './endpoints.ts';
import { eventTypes } from './event-types.ts';
import { failureField } from './failure-class.ts';
import type { SendHints } from './hints.ts';
import { inboxOperations } from './inbox-messages.ts';
import { keyOperations, withSecretShown } from './key-operations.ts';
import { requireControl } from './ownership.ts';
import { postBound, postRequest } from './request.ts';

export interface WebhookDeps extends EgressOptions {
  readonly post: Post;
  readonly sendHints: SendHints;
}

/** Posts a ping event at once and tells what came of it. */
async function testEndpoint(ctx: Context, endpoints: Resource, post: Post, request: ApiRequest): Promise<Answer> {
  const { whole: endpoint } = await loadOpened(ctx, endpoints, { id: param(request, 'id') });
  requireControl(ctx, endpoint);
  const id = `evt_${newId(new Date(ctx.now)).replaceAll('-', '')}`;
  const data = { objectType: 'webhook-endpoint', objectId: endpoint.id };
  const body = cloudEvent(ctx, { id, name: 'webhook-endpoint.ping', subject: endpoint.id, data });
  const result = await postBound(post, postRequest(endpoint, { id, body }, ctx.now));
  const { status, error, durationMs, body: answer } = result;
  return { status: 200, body: { delivered: isTaken(result), eventId: id, status, error, durationMs, body: answer } };
}

const PingResult = () =>
  z
    .strictObject({
      delivered: z.boolean().describe('Whether the receiver answered with 2xx (leveret).'),
      eventId: z.string().describe('Id of the ping event (hændelses-id), as sent in webhook-id.'),
      status: z.int().describe("The receiver's HTTP status (svarkode), if it answered.").optional(),
      error: failureField().optional(),
      durationMs: z.int().describe('How long it took (varighed), milliseconds.'),
      body: z.string().describe("The first 4 KB of the receiver's answer (svar).").optional(),
    })
    .meta({
      description: 'What came of one ping.',
      examples: [{ delivered: true, eventId: 'evt_01930000000070008000000000000021', status: 204, durationMs: 84 }],
    });

const feedParameters = () => ({
  after: wholeInQuery(z.int().min(0).max(Number.MAX_SAFE_INTEGER))
    .default(0)
    .describe('`next` of the page before, or a sequence; 0 starts at the first event.'),
  types: z
    .string()
    .max(2_000)
    .transform((list) => list.split(',').map((type) => type.trim()))
    .pipe(eventTypes())
    .describe('Event types to show, comma separated, such as `family.*,call.received`.')
    .optional(),
  limit: wholeInQuery(z.int().min(1).max(200)).default(100).describe('How many events at most, 1–200.'),
});

/** What an event's row says of its object: the scope that reads objects of this type, and the organisation it belongs to. */
interface EventOf {
  readonly scope: TenantScope;
  readonly source: string;
}

/** Whether a client is told of an event: it may read objects of its type, or it verifies the history of all of them. */
const mayReadEvent = ({ scopes }: Context, { scope }: EventOf): boolean =>
  scopes.has(scope) || scopes.has('audit:read');

/** Where the events that a client may see stand by their numbers: all of them, or those about what its organisation wrote. */
const feedOf = ({ rows, actor }: Context): Pick<RangeQuery, 'index' | 'partition'> =>
  rows === 'all'
    ? { index: 'list', partition: feedPartition }
    : { index: 'filter1', partition: audiencePartition(actor.organisation, feedPartition) };

/** The rows of a feed that follow a number, up to the first that the index does not show yet. */
function withoutHole({ rows: seen }: Context, after: number, rows: readonly Row[]): readonly Row[] {
  let last = after;
  const hole = rows.findIndex((row) => {
    const sequence = row['sequence'] as number;
    // An event of a partner names the one before it in the partner's feed, whose numbers are not without gaps.
    const follows = seen === 'all' ? sequence === last + 1 : (row['previousOfPartner'] as number) <= last;
    last = sequence;
    return !follows;
  });
  return hole === -1 ? rows : rows.slice(0, hole);
}

/** Returns the refusal of a page that begins with events that have expired (privacy/fold-events.ts). */
async function expired(ctx: Context): Promise<Problem> {
  const { sequence = 0 } = ((await ctx.table.get(checkpointKey)) ?? {}) as { sequence?: number };
  const next = sequenceText(sequence);
  return new Problem('events_expired', `Events up to ${next} have expired. Go on with after=${next}.`);
}

/** Events that one page of the feed looks at, for each that it may show. */
const LOOKED_AT = 10;
/** Rows of the feed that are read at a time: what they hold stays below the megabyte that DynamoDB reads at once. */
const READ_AT_ONCE = 200;

type Chosen = z.output<z.ZodObject<ReturnType<typeof feedParameters>>>;

/** The events of a page and the number of the last one that was looked at; `more` where it ended before the feed did. */
interface FeedPage {
  readonly items: readonly { type: string }[];
  readonly next: number;
  readonly more: boolean;
}

/**
 * Reads one page of the feed. The index may show event 7 before event 6, so a page ends before the first number that is
 * missing. Where types or scopes leave events out, it reads on until the page is full, the feed ends, or ten times as many
 * events were looked at as it may show.
 */
async function readFeed(ctx: Context, { after, types = [], limit }: Chosen): Promise<FeedPage> {
  const items: { type: string }[] = [];
  let next = after;
  let left = limit * LOOKED_AT;
  for (;;) {
    const size = Math.min(READ_AT_ONCE, left, Math.max(limit - items.length, types.length > 0 ? limit : 1));
    const { rows, last } = await ctx.table.query({ ...feedOf(ctx), from: sequenceText(next + 1), limit: size });
    if (rows[0] && rows[0]['envelope'] === undefined) throw await expired(ctx);
    const unbroken = withoutHole(ctx, next, rows);
    for (const row of unbroken) {
      if (items.length === limit) return { items, next, more: true };
      next = row['sequence'] as number;
      if (!mayReadEvent(ctx, row['view'] as EventOf)) continue;
      const event = JSON.parse(sentBytes(row)) as { type: string };
      if (typesInclude(types, event.type.slice('dk.livline.'.length))) items.push(event);
    }
    left -= rows.length;
    const ends = last === undefined || unbroken.length < rows.length;
    if (ends || left <= 0 || items.length === limit) return { items, next, more: !ends };
  }
}

/** One page of the feed: whoever goes on from `next` meets every event, once, in order. */
async function listEvents(ctx: Context, request: ApiRequest): Promise<Answer> {
  const chosen = parse(z.strictObject(feedParameters()), request.query, '/query');
  const { items, next, more } = await readFeed(ctx, chosen);
  return {
    status: 200,
    body: { items, next, ...(more && { more }) },
    ...(more && { headers: { link: nextLink(request, { after: String(next) }) } }),
  };
}

/** An event as it is delivered and listed, for the reference. */
export const CloudEvent = () =>
  z
    .looseObject({
      specversion: z.literal('1.0').describe('Version of CloudEvents (formatversion).'),
      id: z.string().describe('Id of the event (hændelses-id), the same on every delivery.'),
      source: z.string().describe("`urn:oio:cvr-nr:` and the municipality's CVR number (CVR-nummer)."),
      type: z.string().describe('`dk.livline.` and the name of the event (hændelsestype).'),
      subject: z.string().describe('Id of the object it is about (objekt-id).'),
      time: instant('When it was committed, UTC (registreret).'),
      datacontenttype: z.literal('application/json').describe('Form of `data` (indholdstype).'),
      data: z
        .looseObject({
          objectType: z.string().describe('What it is about, such as `family` (objekttype).'),
          objectId: z.string().describe('Id of the object (objekt-id).'),
          action: oneOf('What happened to it (Oprettet, Rettet, Passiveret, Slettet).', [
            'created',
            'updated',
            'ended',
            'deleted',
          ]),
          registeredAt: instant('When it was registered, UTC (registreringstidspunkt).'),
          actor: z
            .looseObject({
              kind: oneOf('Kind of actor (aktørtype).', ['client', 'operator', 'system']),
              id: z.string().describe('Id of the client or operator (aktør-id), `livline` for the system itself.'),
            })
            .describe('Who did it (aktør).'),
          kle: z.string().describe('The KLE number that the municipality chose (KLE-emne), `dd.dd.dd`.').optional(),
          caseRefs: caseRefs().optional(),
          href: z
            .string()
            .describe(
              'The object (adresse), as a path after the base URL of this API: read it there for what the event leaves out.',
            ),
          changed: z
            .array(z.string().describe('Name of a field.'))
            .describe('Names of the fields that changed (ændrede felter), never their values.'),
        })
        .describe('What happened (indhold), without names, CPR numbers or free text.'),
      sequence: z
        .string()
        .describe('Number of the event in the municipality (løbenummer), without gaps, twelve digits.'),
    })
    .meta({
      description: 'Hændelse. A CloudEvent 1.0 in structured JSON.',
      examples: [
        {
          specversion: '1.0',
          id: 'evt_6f1c0b9e2d4a48b7a3e5c1d0f9b8a7c6',
          source: 'urn:oio:cvr-nr:29189587',
          type: 'dk.livline.family.activated',
          subject: '01930000-0000-7000-8000-000000000003',
          time: '2026-11-20T09:00:00.000Z',
          datacontenttype: 'application/json',
          data: {
            objectType: 'family',
            objectId: '01930000-0000-7000-8000-000000000003',
            action: 'updated',
            registeredAt: '2026-11-20T09:00:00.000Z',
            actor: { kind: 'client', id: '4p8v1m2q7r9s3t5u6w0x1y2z3a' },
            caseRefs: [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }],
            href: 'v1/municipalities/0766/families/01930000-0000-7000-8000-000000000003',
            changed: ['status', 'statusAt'],
          },
          sequence: '000000000042',
        },
      ],
    });

/** What of an operation on an endpoint is more than the kit says: whoever makes or changes one may read events itself. */
function endpointOperation(operation: Operation<Context>, endpoints: Resource): Operation<Context> {
  if (operation.id === 'create-webhook-endpoint')
    return { ...withSecretShown(operation, endpoints), also: [ENDPOINT_SCOPE] };
  return operation.id === 'update-webhook-endpoint' ? { ...operation, also: [ENDPOINT_SCOPE] } : operation;
}

/** The operations on webhook endpoints, and the feed. */
export const webhookOperations = (deps: WebhookDeps): Operation<Context>[] =>
  allOperations(deps).map((operation) => {
    // What is made is nobody else's, and a grant decides which events its maker is shown.
    if (operation.manner === 'create' || operation.tag === 'events') return operation;
    return { ...operation, run: (ctx, request) => operation.run(amongOwn(ctx), request) };
  });

function allOperations({ post, sendHints, allowLocal }: WebhookDeps): Operation<Context>[] {
  const endpoints = webhookEndpoints({ allowLocal });
  const own = operationsOf(endpoints).filter(({ path }) => !path.includes('/external/'));
  return [
    ...own.map((operation) => endpointOperation(operation, endpoints)),
    adoption(endpoints, 'read', [ENDPOINT_SCOPE]),
    ...keyOperations(endpoints),
    ...connectionOperations(),
    ...inboxOperations(),
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
    ...deliveryOperations({ endpoints, sendHints }),
    {
      id: 'list-events',
      method: 'GET',
      path: `${TENANT_BASE}/events`,
      scope: 'events:read',
      tag: 'events',
      summary: 'Read the events in order, without gaps',
      description:
        'The same events as the webhooks, for those who would rather pull. An event is here for 90 days. A client sees the events about objects whose type it may read; with the scope `audit:read` it sees all of them.',
      manner: 'list',
      query: feedParameters,
      success: {
        status: 200,
        description: 'The CloudEvents as sent, and where to go on.',
        body: () =>
          z.strictObject({
            items: z.array(CloudEvent()).describe('The events of this page (hændelser).'),
            next: whole(
              'Give it as `after` to go on (næste): a sequence, 0–9007199254740991.',
              0,
              Number.MAX_SAFE_INTEGER,
            ).meta({
              examples: [42],
            }),
            more: z
              .literal(true)
              .describe(
                'There are more events now (flere). A page may be empty and say so: it looks at ten times `limit` events.',
              )
              .optional(),
          }),
      },
      problems: ['validation_failed', 'events_expired'],
      run: (ctx, request) => listEvents(ctx, request),
    },
  ];
}
