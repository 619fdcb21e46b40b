import type { APIGatewayProxyResult } from 'aws-lambda';
import { type Language, languageOf, PROBLEMS, Problem, problemDocument } from '#shared/errors.ts';
import { faultOf, log } from '#shared/log.ts';

/** What every answer says, so that no cache keeps it, no browser guesses its type and none comes back without TLS (RFC 6797). */
export const ALWAYS = {
  'cache-control': 'no-store',
  'strict-transport-security': 'max-age=63072000',
  'x-content-type-options': 'nosniff',
} as const;

/** The request that a problem answers. */
export interface Answered {
  /** The id under which the request is logged. */
  readonly requestId: string;
  /** The same as a URI (RFC 9457 §3.1.5). */
  readonly instance: string;
  /** The base of the API's paths, for the problem's type. */
  readonly base: string;
}

/**
 * Returns a problem as Lambda answers it (RFC 9457), in Danish where the caller prefers that and the texts exist in it.
 * `Content-Language` says which it is (RFC 9110 §8.5).
 */
export function problemResult(
  problem: Problem,
  { requestId, base, instance }: Answered,
  headers: Readonly<Record<string, string>> = {},
  wanted: Language = 'en',
): APIGatewayProxyResult {
  const language = languageOf(problem, wanted);
  return {
    statusCode: PROBLEMS[problem.code].status,
    headers: {
      ...headers,
      // A 401 always says how to authenticate (RFC 9110 §15.5.2).
      ...(problem.code === 'unauthenticated' && { 'www-authenticate': 'Bearer' }),
      ...problem.headers,
      'content-type': 'application/problem+json',
      'content-language': language,
      'x-request-id': requestId,
      ...ALWAYS,
    },
    body: JSON.stringify(problemDocument(problem, { base, instance }, language)),
  };
}

/** Returns the language that Accept-Language prefers (RFC 9110 §12.5.4): Danish if it ranks above English, else English. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  const weightOf = (language: Language): number =>
    Math.max(
      0,
      ...(acceptLanguage ?? '').split(',').map((range) => {
        const [tag = '', ...parameters] = range.trim().toLowerCase().split(';');
        if (tag.trim().split('-')[0] !== language) return 0;
        const quality = parameters.map((each) => /^\s*q=([01](?:\.\d{1,3})?)\s*$/.exec(each)?.[1]).find(Boolean);
        return quality === undefined ? 1 : Number(quality);
      }),
    );
  return weightOf('da') > weightOf('en') ? 'da' : 'en';
}

/** A fault of ours says nothing but its request id; the log has the rest. Throttling of the table is not a fault. */
export function problemOf(error: unknown, { requestId, instance }: Omit<Answered, 'base'>): Problem {
  if (error instanceof Problem) return error;
  const name = error instanceof Error ? error.name : '';
  if (
    name === 'ProvisionedThroughputExceededException' ||
    name === 'ThrottlingException' ||
    name === 'RequestLimitExceeded'
  ) {
    return new Problem('unavailable', 'The database is busy.', [], { 'retry-after': '1' });
  }
  log.error('unexpected error', { requestId, instance, ...faultOf(error) });
  return new Problem('internal_error', 'Something went wrong on our side.');
}
