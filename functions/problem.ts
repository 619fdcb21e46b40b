import type { APIGatewayProxyResult } from 'aws-lambda';
import { PROBLEMS, Problem, problemDocument } from '#shared/errors.ts';
import { faultOf, log } from '#shared/log.ts';

/** A problem as Lambda answers it (RFC 9457). */
export const problemResult = (
  problem: Problem,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): APIGatewayProxyResult => ({
  statusCode: PROBLEMS[problem.code].status,
  headers: {
    ...headers,
    ...problem.headers,
    'content-type': 'application/problem+json',
    'x-request-id': requestId,
    'cache-control': 'no-store',
  },
  body: JSON.stringify(problemDocument(problem, requestId)),
});

/** A fault of ours says nothing but its request id; the log has the rest. Throttling of the table is not a fault. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof Problem) return error;
  const name = error instanceof Error ? error.name : '';
  if (
    name === 'ProvisionedThroughputExceededException' ||
    name === 'ThrottlingException' ||
    name === 'RequestLimitExceeded'
  ) {
    return new Problem('unavailable', 'The database is busy.', [], { 'retry-after': '1' });
  }
  log.error('unexpected error', { requestId, ...faultOf(error) });
  return new Problem('internal_error', 'Something went wrong on our side.');
}
