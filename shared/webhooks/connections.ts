import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { TenantScope } from '../auth/scopes.ts';
import { CONNECTION_SCOPE } from '../auth/signature.ts';
import { Problem } from '../errors.ts';
import type { Operation } from '../operation.ts';
import { flag, instant, line, secret, setOf, whole } from '../record/fields.ts';
import { operationsOf } from '../record/operations.ts';
import { defineResource, type Fields } from '../record/resource.ts';
import { adoption } from './adoption.ts';
import { rotation, withSecretShown } from './key-operations.ts';
import { firstKeys } from './keys.ts';
import { KIND_SCOPES, MESSAGE_KIND_NAMES, type MessageKindName } from './message-kinds.ts';
import { delegationOf, isHandedOver, owner, ownerOf, requireControl } from './ownership.ts';

/** Throws `forbidden` for a kind of message that needs more than the owner may do. */
function requireKinds(kinds: readonly MessageKindName[], scopes: readonly TenantScope[]): void {
  for (const kind of kinds) {
    const beyond = KIND_SCOPES[kind].filter((scope) => !scopes.includes(scope));
    if (beyond.length === 0) continue;
    throw new Problem('forbidden', `Messages of the kind ${kind} need the scope ${beyond.join(', ')} of its owner.`);
  }
}

/** Who may send messages to the municipality's inbox, and proves by its secret that it does. */
export const connections = defineResource({
  path: 'connections',
  name: 'connection',
  danish: 'Forbindelse',
  summary:
    'A case system or partner that calls in: it signs what it sends to the inbox. It acts for the client that made it, while that has a live grant with `connections:write`.',
  scopes: { read: 'webhooks:read', write: CONNECTION_SCOPE },
  fields: () => ({
    name: line('What it is called here (navn).'),
    system: line('The system that calls in (fagsystem), such as DUBU.', 50),
    kinds: setOf(
      'The kinds of message that it takes (beskedtyper). `child.responsibility_changed` needs `children:write` of its owner; `case.linked` and `case.closed` change the records that its owner may write.',
      z.enum(MESSAGE_KIND_NAMES),
    ).min(1),
    active: flag('Whether its messages are taken (aktiv).').default(true),
  }),
  derived: () => ({
    owner: owner(),
    secretVersion: whole(
      'Number of the signing secret (nøgleversion): 1 is the first.',
      1,
      Number.MAX_SAFE_INTEGER,
    ).meta({ examples: [1] }),
    overlapUntil: instant(
      'Until when messages signed with the secret before are taken too, UTC (overlap til).',
    ).optional(),
    secret: secret(z.string().describe('The signing secret, `whsec_…`.')),
    oldSecret: secret(z.string().describe('The signing secret before.')),
  }),
  order: (connection) => connection.name.toLowerCase(),
  settle: ({ ctx, before, after }): Fields => {
    const set = before ? {} : { ...firstKeys(), owner: delegationOf(ctx, 'write') };
    if (before && !isHandedOver(before, after)) requireControl(ctx, before);
    requireKinds(after.kinds, ownerOf({ ...after, ...set }).scopes);
    return set;
  },
  deletable: true,
  example: { name: 'DUBU i drift', system: 'DUBU', kinds: ['case.linked', 'case.closed'] },
});

/** The operations on connections. */
export const connectionOperations = (): Operation<Context>[] => [
  ...operationsOf(connections)
    .filter(({ path }) => !path.includes('/external/'))
    .map((operation) => (operation.id === 'create-connection' ? withSecretShown(operation, connections) : operation)),
  rotation(connections, {
    description:
      'Messages signed with either secret are taken until the overlap ends, so a sender changes over without losing one.',
  }),
  adoption(connections, 'write'),
];
