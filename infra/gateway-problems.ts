import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

/** What the gateway itself answers, in the same shape as the functions (shared/errors.ts). */
export interface GatewayProblem {
  readonly code: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const MALFORMED: GatewayProblem = {
  code: 'malformed_request',
  title: 'Malformed request',
  status: 400,
  detail: 'The request could not be read.',
};
const UNAUTHENTICATED: GatewayProblem = {
  code: 'unauthenticated',
  title: 'Unauthenticated',
  status: 401,
  detail: 'The request has no valid access token.',
  headers: { 'WWW-Authenticate': 'Bearer' },
};
const FORBIDDEN: GatewayProblem = {
  code: 'forbidden',
  title: 'Forbidden',
  status: 403,
  detail: 'The access token has no scope for this path.',
};
const NOT_FOUND: GatewayProblem = {
  code: 'not_found',
  title: 'Not found',
  status: 404,
  detail: 'There is nothing at this path for this method.',
};
const TOO_LARGE: GatewayProblem = {
  code: 'payload_too_large',
  title: 'Payload too large',
  status: 413,
  detail: 'The body is larger than 1 MB.',
};
const UNSUPPORTED: GatewayProblem = {
  code: 'unsupported_media_type',
  title: 'Unsupported media type',
  status: 415,
  detail: 'The body is not JSON.',
};
const RATE_LIMITED: GatewayProblem = {
  code: 'too_many_requests',
  title: 'Too many requests',
  status: 429,
  detail: 'There are too many requests at this moment.',
  headers: { 'Retry-After': '1' },
};
const INTERNAL: GatewayProblem = {
  code: 'internal_error',
  title: 'Internal error',
  status: 500,
  detail: 'Something went wrong on our side.',
};
const UNAVAILABLE: GatewayProblem = {
  code: 'unavailable',
  title: 'Unavailable',
  status: 503,
  detail: 'The request took too long or could not be started. It may be sent again.',
  headers: { 'Retry-After': '5' },
};

/**
 * Every kind of answer that API Gateway can give without a function. It calls an unknown path or method a missing
 * token; for a caller it is a 404 like any other.
 */
export const GATEWAY_PROBLEMS: readonly (readonly [ResponseType, GatewayProblem])[] = [
  [ResponseType.DEFAULT_4XX, MALFORMED],
  [ResponseType.BAD_REQUEST_BODY, MALFORMED],
  [ResponseType.BAD_REQUEST_PARAMETERS, MALFORMED],
  [ResponseType.UNAUTHORIZED, UNAUTHENTICATED],
  [ResponseType.EXPIRED_TOKEN, UNAUTHENTICATED],
  [ResponseType.INVALID_SIGNATURE, UNAUTHENTICATED],
  [ResponseType.INVALID_API_KEY, UNAUTHENTICATED],
  [ResponseType.ACCESS_DENIED, FORBIDDEN],
  [ResponseType.WAF_FILTERED, FORBIDDEN],
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, NOT_FOUND],
  [ResponseType.RESOURCE_NOT_FOUND, NOT_FOUND],
  [ResponseType.REQUEST_TOO_LARGE, TOO_LARGE],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, UNSUPPORTED],
  [ResponseType.THROTTLED, RATE_LIMITED],
  [ResponseType.QUOTA_EXCEEDED, RATE_LIMITED],
  [ResponseType.DEFAULT_5XX, INTERNAL],
  [ResponseType.API_CONFIGURATION_ERROR, INTERNAL],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, INTERNAL],
  [ResponseType.AUTHORIZER_FAILURE, INTERNAL],
  [ResponseType.INTEGRATION_FAILURE, UNAVAILABLE],
  [ResponseType.INTEGRATION_TIMEOUT, UNAVAILABLE],
];

/** Gives the API problem documents (RFC 9457) for all that never reaches a function. */
export function addGatewayProblems(api: RestApi): void {
  for (const [type, { code, title, status, detail, headers = {} }] of GATEWAY_PROBLEMS) {
    api.addGatewayResponse(`problem-${type.responseType}`, {
      type,
      statusCode: String(status),
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        'X-Request-Id': 'context.requestId',
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `'${value}'`])),
      },
      templates: {
        'application/json': JSON.stringify({
          type: `/problems/${code}`,
          title,
          status,
          detail,
          instance: '$context.requestId',
        }),
      },
    });
  }
}
