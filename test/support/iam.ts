import { inject } from 'vitest';
import type { FunctionName } from '#infra/service-function.ts';
import type { SendHints } from '#shared/webhooks/hints.ts';
import { recordDenial } from './denials.ts';
import { type IamRequest, type Principal, policiesOf } from './policies.ts';

/**
 * IAM between the code under test and what stands in for AWS. One for all that a test file starts, since it remembers what
 * it was asked. What it denies is thrown as AWS would throw it, and fails the test whatever becomes of that.
 */
const iam = policiesOf(inject('policies'));

async function noted(asked: Promise<void>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    recordDenial(error as Error);
    throw error;
  }
}

/** Before a command goes to DynamoDB. */
export const requireRows = (by: Principal, command: string, input: unknown): Promise<void> =>
  noted(iam.requireAllowed(by, command, input));

/** Before a session is opened in which a function works inside one municipality. */
export const requireSession = (name: FunctionName, municipality: string): Promise<void> =>
  noted(iam.requireSession(name, { municipality }));

/** Before any other call. */
export const requireCall = (by: Principal, request: IamRequest): Promise<void> => noted(iam.requireCall(by, request));

/** The ARN of what CDK knows by this name, such as the queue `delivery`. */
export const arnOf = iam.arnOf;

/** A function's way to the queue of deliveries. */
export const sendingFrom =
  (name: FunctionName, send: SendHints): SendHints =>
  async (hints) => {
    await requireCall({ function: name }, { action: 'sqs:SendMessage', resource: arnOf('delivery') });
    return send(hints);
  };
