import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { type GatewayProblemCode, gatewayProblem } from '../gateway-problems.ts';

/**
 * Every kind of answer that API Gateway can give without a function. It calls an unknown path or method a missing
 * token; for a caller it is a 404 like any other.
 */
export const GATEWAY_RESPONSES: readonly (readonly [ResponseType, GatewayProblemCode])[] = [
  [ResponseType.DEFAULT_4XX, 'malformed_request'],
  [ResponseType.BAD_REQUEST_BODY, 'malformed_request'],
  [ResponseType.BAD_REQUEST_PARAMETERS, 'malformed_request'],
  [ResponseType.UNAUTHORIZED, 'unauthenticated'],
  [ResponseType.EXPIRED_TOKEN, 'unauthenticated'],
  [ResponseType.INVALID_SIGNATURE, 'unauthenticated'],
  [ResponseType.INVALID_API_KEY, 'unauthenticated'],
  [ResponseType.ACCESS_DENIED, 'forbidden'],
  [ResponseType.WAF_FILTERED, 'not_found'],
  [ResponseType.MISSING_AUTHENTICATION_TOKEN, 'not_found'],
  [ResponseType.RESOURCE_NOT_FOUND, 'not_found'],
  [ResponseType.REQUEST_TOO_LARGE, 'payload_too_large'],
  [ResponseType.UNSUPPORTED_MEDIA_TYPE, 'unsupported_media_type'],
  [ResponseType.THROTTLED, 'too_many_requests'],
  [ResponseType.QUOTA_EXCEEDED, 'too_many_requests'],
  [ResponseType.DEFAULT_5XX, 'internal_error'],
  [ResponseType.API_CONFIGURATION_ERROR, 'internal_error'],
  [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, 'internal_error'],
  [ResponseType.AUTHORIZER_FAILURE, 'internal_error'],
  [ResponseType.INTEGRATION_FAILURE, 'unavailable'],
  [ResponseType.INTEGRATION_TIMEOUT, 'unavailable'],
];

/** Gives the API problem documents (RFC 9457) for all that never reaches a function. */
export function addGatewayResponses(api: RestApi): void {
  for (const [type, code] of GATEWAY_RESPONSES) {
    const { status, headers, document } = gatewayProblem(code, '/$context.stage', '$context.requestId');
    api.addGatewayResponse(`problem-${type.responseType}`, {
      type,
      statusCode: String(status),
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        'X-Request-Id': 'context.requestId',
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `'${value}'`])),
      },
      templates: { 'application/json': JSON.stringify(document) },
    });
  }
}
