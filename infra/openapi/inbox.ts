import type { ProblemCode } from '#shared/errors.ts';
import { receiveMessage } from '#shared/webhooks/inbox.ts';
import { MESSAGE_KINDS } from '#shared/webhooks/inbox-effects.ts';
import { type JsonSchema, jsonSchemaOf } from './json-schema.ts';
import { headerRef, quotaHeaders } from './operations.ts';
import { textParameter } from './parameters.ts';
import { problemResponses, problemsNote } from './problems.ts';
import { webhookHeaders } from './webhooks.ts';

/** What it may answer with besides 202. */
export const INBOX_PROBLEMS: readonly ProblemCode[] = [
  'unauthenticated',
  'forbidden',
  'in_flight',
  'payload_too_large',
  'validation_failed',
  'too_many_requests',
  'internal_error',
  'unavailable',
];

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'case.linked': 'A case is about this record: the link is added to it.',
  'case.closed': 'A case was closed: every link to it says since when.',
  'child.responsibility_changed': 'Another municipality decides on the child from now on.',
};

/** The messages that an inbox applies. */
export const inboundMessageSchema = (): JsonSchema => ({
  description:
    'Indgående besked: what a connection sends. Further members, such as those of a CloudEvent, are passed over.',
  anyOf: Object.entries(MESSAGE_KINDS).map(([type, { data }]) => ({
    description: DESCRIPTIONS[type] as string,
    type: 'object',
    properties: {
      type: { description: 'What it tells (beskedtype).', type: 'string', const: type },
      data: { description: 'What it is about (indhold).', ...jsonSchemaOf(data(), 'input') },
    },
    required: ['type', 'data'],
  })),
});

/** Example of a message. */
const EXAMPLE = {
  type: 'case.linked',
  data: {
    objectId: '01930000-0000-7000-8000-000000000003',
    caseRef: { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' },
  },
};

/** The operation that needs a signature in place of a token. */
export const inboxPath = (): Record<string, object> => ({
  [receiveMessage.path]: {
    post: {
      operationId: 'receive-message',
      summary: 'Send a message to the inbox, signed as Standard Webhooks says',
      description: [
        'It needs no token: it is signed with the secret of the connection in the path, over the bytes as they are sent, at most 5 minutes ago. Send it again with the same `webhook-id` and a new time until it is answered 202: it is taken once.',
        '202 says that it is kept. What cannot be applied (an unknown type or record, a rule against it) waits for a person in `GET …/inbox?status=unresolved`.',
        `A connection has a quota like a client. Cost: 5. ${problemsNote(INBOX_PROBLEMS)}`,
      ].join('\n\n'),
      tags: ['inbox'],
      security: [],
      parameters: [
        { $ref: '#/components/parameters/code' },
        textParameter('id', 'path', {
          description: 'Id of the connection (forbindelse).',
          example: '01930000-0000-7000-8000-000000000033',
        }),
        ...webhookHeaders('The id of the message, your own.', 'msg_p5jXN8AQM9LWM0D4loKWxJek'),
        { $ref: '#/components/parameters/X-Request-Id' },
      ],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/InboundMessage' }, example: EXAMPLE } },
      },
      responses: {
        '202': {
          description: 'It is kept, or was before.',
          headers: { 'X-Request-Id': headerRef('X-Request-Id'), ...quotaHeaders() },
        },
        ...problemResponses(),
      },
    },
  },
});
