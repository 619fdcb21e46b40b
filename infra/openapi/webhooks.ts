import { eventNamesOf, REWRITE_EVENTS } from '#shared/record/event-names.ts';
import type { Resource } from '#shared/record/resource.ts';
import { ACCESS_EVENTS } from '#shared/tenancy/access-events.ts';
import { WAITS_S } from '#shared/webhooks/schedule.ts';
import type { Components } from './components.ts';
import { MUNICIPALITY_EVENTS } from './event-types.ts';
import { exampleOf } from './examples.ts';

const header = (name: string, description: string, example: string): object => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
  example,
});

/** The headers of Standard Webhooks. */
export const webhookHeaders = (id: string, example: string): object[] => [
  header('webhook-id', id, example),
  header('webhook-timestamp', 'When this attempt was made, seconds since 1970-01-01 UTC.', '1795165200'),
  header(
    'webhook-signature',
    '`v1,` and the base64 HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>` under the bytes of the secret; with `v1a` also `v1a,` and the base64 Ed25519 signature of the same. Separated by spaces, and of both secrets while a rotation overlaps: one that is good is enough.',
    'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  ),
];

const span = (seconds: number): string => {
  if (seconds === 0) return 'at once';
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
};

const typesOf = (resources: readonly Resource[]): string =>
  resources
    .map(
      (resource) =>
        `- ${resource.danish}: ${eventNamesOf(resource)
          .map((name) => `\`${name}\``)
          .join(', ')}`,
    )
    .join('\n');

/** What Livline posts to a municipality's webhook endpoints. */
export const webhooks = (resources: readonly Resource[], { schemas }: Components): object => ({
  event: {
    post: {
      operationId: 'receive-event',
      summary: 'An event, posted to your endpoint',
      description: [
        'Livline posts each event to every endpoint that asked for its type, signed as Standard Webhooks says. Verify the signature over the bytes as they came, before you parse them; a library for your language does it. Answer with 2xx within 20 seconds and work on it afterwards.',
        `Anything else counts as a failure, a redirect too, and the same bytes come again: ${WAITS_S.map(span).join(', ')} after the attempt before. \`Retry-After\` is honoured. The same event may come twice: know it by \`webhook-id\`. To catch up, read \`GET /v1/municipalities/{code}/events\`.`,
        `Event types, each written \`dk.livline.<name>\`:\n\n- Kommune: ${MUNICIPALITY_EVENTS.map((name) => `\`${name}\``).join(', ')}\n- Adgang: ${ACCESS_EVENTS.map((name) => `\`${name}\``).join(', ')}\n${typesOf(resources)}\n- In the feed alone, never posted: ${REWRITE_EVENTS.map((name) => `\`${name}\``).join(', ')}`,
      ].join('\n\n'),
      tags: ['events'],
      security: [],
      parameters: webhookHeaders('Id of the event, the same on every attempt.', 'evt_6f1c0b9e2d4a48b7a3e5c1d0f9b8a7c6'),
      requestBody: {
        required: true,
        content: {
          'application/cloudevents+json': {
            schema: { $ref: '#/components/schemas/CloudEvent' },
            example: exampleOf({ $ref: '#/components/schemas/CloudEvent' }, schemas),
          },
        },
      },
      responses: {
        '2XX': { description: 'You have it. The body is not looked at.' },
        '4XX': { description: 'You do not have it. It comes again.' },
        '5XX': { description: 'You do not have it. It comes again.' },
      },
    },
  },
});
