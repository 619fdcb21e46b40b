import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Answer, type ApiRequest, idempotencyOf, type Operation } from '../operation.ts';
import { flag, line, secret } from '../record/fields.ts';
import { operationsOf } from '../record/operations.ts';
import { findOpened } from '../record/read.ts';
import { defineResource, type Fields } from '../record/resource.ts';
import { viewSchema } from '../record/schemas.ts';
import { createRecord } from '../record/verbs.ts';
import { isReplay } from './key-operations.ts';
import { newSecret } from './sign.ts';

/** Who may send messages to the municipality's inbox, and proves by its secret that it does. */
export const connections = defineResource({
  path: 'connections',
  name: 'connection',
  danish: 'Forbindelse',
  summary: 'A case system or partner that calls in: it signs what it sends to the inbox.',
  scopes: { read: 'webhooks:read', write: 'webhooks:write' },
  fields: () => ({
    name: line('What it is called here (navn).'),
    system: line('The system that calls in (fagsystem), such as DUBU.', 50),
    active: flag('Whether its messages are taken (aktiv).').default(true),
  }),
  derived: () => ({ secret: secret(z.string().describe('The signing secret, `whsec_…`.')) }),
  order: (connection) => connection.name.toLowerCase(),
  settle: ({ before }): Fields => (before ? {} : { secret: newSecret() }),
  deletable: true,
  example: { name: 'DUBU i drift', system: 'DUBU' },
});

/** Creates a connection. The first answer is the one place with the secret: one that is repeated to the same Idempotency-Key has none. */
async function createConnection(ctx: Context, request: ApiRequest): Promise<Answer> {
  const answer = await createRecord(ctx, connections, request.body, { idempotency: idempotencyOf(request) });
  if (isReplay(answer)) return answer;
  const view = answer.body as { id: string };
  const stored = await findOpened(ctx, connections, view.id);
  return { ...answer, body: { ...view, secret: stored?.whole['secret'] } };
}

const ConnectionOnce = () =>
  viewSchema(connections).extend({
    secret: z
      .string()
      .meta({
        description:
          'The signing secret (signeringsnøgle), `whsec_…`, shown this once. An answer that is repeated to the same Idempotency-Key leaves it out.',
        examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      })
      .optional(),
  });

/** The operations on connections. */
export const connectionOperations = (): Operation<Context>[] =>
  operationsOf(connections)
    .filter(({ path }) => !path.includes('/external/'))
    .map((operation) => {
      if (operation.id !== 'create-connection') return operation;
      const success = { status: 201, description: 'The connection with its secret.', body: ConnectionOnce };
      return { ...operation, success, run: createConnection };
    });
