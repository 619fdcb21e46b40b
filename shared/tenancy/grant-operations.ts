import type { Context } from '../auth/context.ts';
import { faultOf, log } from '../log.ts';
import { type Operation, param } from '../operation.ts';
import { pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import type { FindClients } from './client-row.ts';
import { GrantInput } from './grant-row.ts';
import { AccessView, confirmGrant, deleteGrant, GrantConfirmation, getGrant, listGrants, putGrant } from './grants.ts';

const collection = `${TENANT_BASE}/grants`;

/** Lets the clock look at a municipality now and not in its next round. */
export type WakeClock = (code: string) => Promise<void>;

/**
 * Wakes the clock after a grant was given or confirmed, because deliveries to its client's endpoints may be held for want of
 * it. A queue that cannot be reached fails no request: the clock comes within a minute.
 */
async function releaseHeld({ tenant, requestId }: Context, wakeClock: WakeClock): Promise<void> {
  try {
    await wakeClock(tenant.code);
  } catch (error) {
    log.warn('clock not woken', { requestId, ...faultOf(error) });
  }
}

/** The operations by which a municipality itself says who has access. `find` reads clients, which stand outside of it. */
export const grantOperations = (find: FindClients, wakeClock: WakeClock): Operation<Context>[] => [
  {
    id: 'list-grants',
    method: 'GET',
    path: collection,
    scope: 'grants:read',
    tag: 'grants',
    summary: 'List who has access to the municipality’s record',
    manner: 'list',
    query: pageParameters,
    success: {
      status: 200,
      description: 'One page, by client id.',
      body: () => pageSchema(AccessView(), 'The grants of this page (adgange).'),
    },
    problems: ['validation_failed', 'invalid_cursor'],
    run: (ctx, request) => listGrants(ctx, find, request),
  },
  {
    id: 'get-access',
    method: 'GET',
    path: `${collection}/{clientId}`,
    scope: 'grants:read',
    tag: 'grants',
    summary: 'Get what a client may do here',
    // It shows the day of the last use too, so no version stands for what it says.
    manner: 'act',
    success: { status: 200, description: 'The grant, with whose client it is for.', body: AccessView },
    problems: [],
    run: (ctx, request) => getGrant(ctx, find, param(request, 'clientId')),
  },
  {
    id: 'grant-access',
    method: 'PUT',
    path: `${collection}/{clientId}`,
    scope: 'grants:write',
    tag: 'grants',
    summary: 'Grant a client access',
    description:
      'To a partner’s client, or one of the municipality’s own, by scopes or by a preset, one of both. A client grants no more than it may do itself. A partner’s client reaches its own rows unless `rows` says `all`. It works at once where the client had no access, else within a minute.',
    manner: 'act',
    body: GrantInput,
    success: { status: 200, description: 'The grant, in place of an earlier one.', body: AccessView },
    problems: ['precondition_failed', 'validation_failed', 'conflict', 'in_flight'],
    example: { preset: 'partner' },
    run: async (ctx, request) => {
      const answer = await putGrant(ctx, find, param(request, 'clientId'), request);
      await releaseHeld(ctx, wakeClock);
      return answer;
    },
  },
  {
    id: 'revoke-access',
    method: 'DELETE',
    path: `${collection}/{clientId}`,
    scope: 'grants:write',
    tag: 'grants',
    summary: 'Take a client’s access back',
    manner: 'act',
    success: { status: 204, description: 'It is refused within a minute.' },
    description: 'Who takes back a scope must hold it. The last client that holds grants:write keeps it.',
    problems: ['validation_failed', 'conflict', 'in_flight'],
    run: (ctx, request) => deleteGrant(ctx, param(request, 'clientId')),
  },
  {
    id: 'confirm-access',
    method: 'POST',
    path: `${collection}/{clientId}/confirm`,
    scope: 'grants:write',
    tag: 'grants',
    summary: 'Let a suspended client in again',
    description:
      'An operator that adds a credential to a partner’s client has seen its secret, which suspends what the client was granted. Confirm it once you know why, with the number of credentials that the grant shows: where an operator has added another one since, nothing is confirmed.',
    manner: 'act',
    body: GrantConfirmation,
    success: { status: 200, description: 'The grant, which holds again within a minute.', body: AccessView },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    example: { operatorCredentials: 1 },
    run: async (ctx, request) => {
      const answer = await confirmGrant(ctx, find, param(request, 'clientId'), request.body);
      await releaseHeld(ctx, wakeClock);
      return answer;
    },
  },
];
