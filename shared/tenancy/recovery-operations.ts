import type { Context } from '../auth/context.ts';
import { type Operation, param } from '../operation.ts';
import type { OperatorContext } from './control.ts';
import {
  cancelRecovery,
  getRecovery,
  RecoveryCredentials,
  RecoveryRequest,
  RecoveryView,
  requestRecovery,
  useRecovery,
} from './recovery.ts';

const admin = '/v1/admin/municipalities/{code}/recovery';
const path = '/v1/municipalities/{code}/recovery';

/** The operations by which operators let a municipality in again that has lost every key. */
export const recoveryOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'request-recovery',
    method: 'POST',
    path: admin,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: 'Ask to let a municipality in again that has lost every key',
    description:
      'It is told at once in the municipality’s history and to each of its webhook endpoints, takes effect after 72 hours, and can be cancelled until then by any client that holds grants:write.',
    manner: 'act',
    body: RecoveryRequest,
    success: { status: 202, description: 'The recovery that is pending.', body: RecoveryView },
    problems: ['validation_failed', 'conflict', 'in_flight'],
    example: { reason: 'credentials_lost' },
    run: (ctx, request) => requestRecovery(ctx, param(request, 'code'), request.body),
  },
  {
    id: 'use-recovery',
    method: 'POST',
    path: `${admin}/credentials`,
    scope: 'admin:write',
    tag: 'municipalities',
    summary: 'Get the credential of a recovery that has taken effect',
    description:
      'The municipality makes a credential of its own by it and ends this one within 24 hours; after that it is refused.',
    manner: 'act',
    success: {
      status: 201,
      description: 'The credentials, this once.',
      body: RecoveryCredentials,
    },
    problems: ['conflict', 'in_flight'],
    run: (ctx, request) => useRecovery(ctx, param(request, 'code')),
  },
];

/** The operations by which a municipality sees a recovery of itself and cancels it. */
export const ownRecoveryOperations = (): Operation<Context>[] => [
  {
    id: 'get-recovery',
    method: 'GET',
    path,
    scope: 'grants:read',
    tag: 'settings',
    summary: 'Get the recovery that is pending',
    manner: 'act',
    success: { status: 200, description: 'The recovery that an operator asked for.', body: RecoveryView },
    problems: [],
    run: getRecovery,
  },
  {
    id: 'cancel-recovery',
    method: 'DELETE',
    path,
    scope: 'grants:write',
    tag: 'settings',
    summary: 'Cancel the recovery that is pending',
    manner: 'act',
    success: { status: 204, description: 'It can no longer be used.' },
    problems: ['in_flight'],
    run: cancelRecovery,
  },
];
