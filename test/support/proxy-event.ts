import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyEvent } from 'aws-lambda';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly claims: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A parameter that is given more than once has a list of values. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
}

/** An event as API Gateway's REST API hands it to a Lambda function behind a Cognito authorizer. */
export function proxyEvent({
  method,
  path,
  claims,
  body,
  raw,
  headers = {},
  query = {},
}: Request): APIGatewayProxyEvent {
  const sent = raw ?? (body === undefined ? null : JSON.stringify(body));
  const all = { host: 'api.test', ...(sent !== null && { 'content-type': 'application/json' }), ...headers };
  const listed = (pairs: Readonly<Record<string, string | readonly string[]>>) =>
    Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, [value].flat()]));
  const last = Object.fromEntries(Object.entries(listed(query)).map(([name, values]) => [name, values.at(-1) ?? '']));
  return {
    resource: '/v1/{proxy+}',
    path,
    httpMethod: method,
    headers: all,
    multiValueHeaders: listed(all),
    queryStringParameters: Object.keys(query).length > 0 ? last : null,
    multiValueQueryStringParameters: Object.keys(query).length > 0 ? listed(query) : null,
    pathParameters: null,
    stageVariables: null,
    body: sent,
    isBase64Encoded: false,
    requestContext: {
      requestId: randomUUID(),
      domainName: all.host,
      httpMethod: method,
      path,
      stage: 'api',
      identity: { sourceIp: '127.0.0.1' },
      ...(claims && { authorizer: { claims } }),
    } as unknown as APIGatewayProxyEvent['requestContext'],
  };
}
