import type { APIGatewayProxyResult } from 'aws-lambda';
import { PROBLEMS, type Problem, problemDocument } from '#shared/errors.ts';

/** A problem as Lambda answers it (RFC 9457). */
export const problemResult = (problem: Problem, requestId: string): APIGatewayProxyResult => ({
  statusCode: PROBLEMS[problem.code].status,
  headers: {
    ...problem.headers,
    'content-type': 'application/problem+json',
    'x-request-id': requestId,
    'cache-control': 'no-store',
  },
  body: JSON.stringify(problemDocument(problem, requestId)),
});
