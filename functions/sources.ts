import type { MiddlewareObj } from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { count, faultOf, log } from '#shared/log.ts';

/** Logs what went wrong in an event source's function, by name and place only, and counts it. The failure stays one. */
export const observed = (): MiddlewareObj<unknown, unknown, Error, LambdaContext> => ({
  onError: ({ error, context }) => {
    log.error('event source failed', { requestId: context.awsRequestId, ...faultOf(error) });
    count('Failures', 1);
  },
});

/** The items of a batch that failed, in the form in which Lambda takes a partial failure. */
export interface BatchFailures {
  readonly batchItemFailures: { itemIdentifier: string }[];
}

/** Names the failed items to Lambda, which brings them again. */
export const failuresOf = (identifiers: readonly string[]): BatchFailures => ({
  batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })),
});
