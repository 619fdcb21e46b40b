import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { ACCOUNT } from './lambda.ts';

/** A resource of the REST API that matched, and its path parameters as they were sent. */
export interface Match {
  /** As API Gateway writes it, such as `/v1/admin/{proxy+}`. */
  readonly resource: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Matches a path with a resource: `{name}` stands for one segment, `{name+}` for one or more. As in API Gateway the
 * parameters keep their percent-encoding, and a slash at the end of the path does not count.
 */
export function matchResource(resource: string, path: string): Match | undefined {
  const names: string[] = [];
  const pattern = resource.replaceAll(/\{(\w+)(\+?)\}/g, (_, name: string, greedy: string) => {
    names.push(name);
    return greedy === '' ? '([^/]+)' : '(.+)';
  });
  const found = new RegExp(`^${pattern}$`).exec(path.length > 1 ? path.replace(/\/$/, '') : path);
  if (found === null) return undefined;
  return { resource, parameters: Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? ''])) };
}

export interface ProxyRequest {
  readonly request: IncomingMessage;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** What follows the question mark. */
  readonly query: string;
  readonly body: Buffer;
  readonly match: Match;
  readonly requestId: string;
  /** The token's claims; `undefined` on a route without authorizer. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** The stage's name in AWS too (infra/stacks/api.ts). A custom domain hides it: its base path stands in both paths. */
const STAGE = 'api';

/**
 * The event that a REST API with Lambda proxy integration makes of a request: the path stays percent-encoded, the
 * query is decoded, of a repeated header or parameter the plain maps hold the last value, empty maps are null, claims
 * are texts, and a body that is not UTF-8 loses what is not, since the API has no binary media types.
 */
export function proxyEvent({
  request,
  path,
  query,
  body,
  match,
  requestId,
  claims,
}: ProxyRequest): APIGatewayProxyEvent {
  const headers = headersOf(request);
  const parameters = grouped([...new URLSearchParams(query)]);
  const { method: httpMethod = 'GET' } = request;
  const now = new Date();
  return {
    resource: match.resource,
    path,
    httpMethod,
    headers: lastOf(headers),
    multiValueHeaders: headers,
    queryStringParameters: orNull(lastOf(parameters)),
    multiValueQueryStringParameters: orNull(parameters),
    pathParameters: orNull({ ...match.parameters }),
    stageVariables: null,
    requestContext: {
      resourceId: 'local',
      resourcePath: match.resource,
      httpMethod,
      extendedRequestId: requestId,
      requestTime: requestTime(now),
      requestTimeEpoch: now.getTime(),
      path,
      accountId: ACCOUNT,
      protocol: `HTTP/${request.httpVersion}`,
      stage: STAGE,
      domainPrefix: 'local',
      domainName: request.headers.host ?? 'local',
      requestId,
      apiId: 'local',
      authorizer: claims && { claims: asTexts(claims) },
      identity: {
        accessKey: null,
        accountId: null,
        apiKey: null,
        apiKeyId: null,
        caller: null,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: sourceIp(request),
        user: null,
        userAgent: request.headers['user-agent'] ?? null,
        userArn: null,
      },
    },
    body: body.length === 0 ? null : body.toString('utf8'),
    isBase64Encoded: false,
  };
}

/** Bytes from which on the REST API compresses what a caller takes compressed (infra/stacks/api.ts). */
const MIN_COMPRESSED = 1024;

/** Sends what a function with Lambda proxy integration returned; compressed, where the caller takes that. */
export function sendResult(response: ServerResponse, result: APIGatewayProxyResult, requestId: string): void {
  const { statusCode, headers = {}, multiValueHeaders = {}, body = '', isBase64Encoded = false } = result;
  const plain = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const isCompressed =
    plain.length >= MIN_COMPRESSED && /\bgzip\b/.test(String(response.req.headers['accept-encoding'] ?? ''));
  const content = isCompressed ? gzipSync(plain) : plain;
  if (isCompressed) response.setHeader('Content-Encoding', 'gzip');
  response.statusCode = statusCode;
  response.setHeader('x-amzn-RequestId', requestId);
  for (const [name, value] of Object.entries({ ...headers, ...multiValueHeaders })) {
    if (HOP_BY_HOP.has(name.toLowerCase())) continue;
    response.setHeader(name, Array.isArray(value) ? value.map(String) : String(value));
  }
  if (!response.hasHeader('content-type')) response.setHeader('Content-Type', 'application/json');
  if (statusCode !== 204 && statusCode !== 304) response.setHeader('Content-Length', content.length);
  response.end(content);
}

/** Headers of one connection, which say nothing on the next. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

function headersOf(request: IncomingMessage): Record<string, string[]> {
  const { rawHeaders } = request;
  const sent: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!HOP_BY_HOP.has(name.toLowerCase())) sent.push([spelled(name), rawHeaders[index + 1] ?? '']);
  }
  const forwarded = request.headers['x-forwarded-for'];
  const before = forwarded === undefined ? [] : [forwarded].flat();
  const added: [string, string][] = [
    ['X-Forwarded-For', [...before, sourceIp(request)].join(', ')],
    ['X-Forwarded-Port', String(request.socket.localPort ?? '')],
    ['X-Forwarded-Proto', 'http'],
  ];
  const replaced = new Set(added.map(([name]) => name.toLowerCase()));
  return grouped([...sent.filter(([name]) => !replaced.has(name.toLowerCase())), ...added]);
}

/** API Gateway spells these two its own way, whatever was sent. */
function spelled(name: string): string {
  const known = ['Authorization', 'User-Agent'];
  return known.find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;
}

function sourceIp(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '127.0.0.1';
}

/** All values of each name, in the order they came. */
function grouped(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const groups: Record<string, string[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const values = groups[name] ?? [];
    values.push(value);
    groups[name] = values;
  }
  return groups;
}

function lastOf(groups: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, values]) => [name, values.at(-1) ?? '']));
}

function orNull<Values extends object>(values: Values): Values | null {
  return Object.keys(values).length === 0 ? null : values;
}

/** Claims that are times, which API Gateway writes in words; `auth_time` it leaves as it is. */
const TIMES: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf']);

function asTexts(claims: Readonly<Record<string, unknown>>): Record<string, string> {
  const textOf = (name: string, value: unknown) =>
    TIMES.has(name) ? timeClaim(new Date(Number(value) * 1000)) : String(value);
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, textOf(name, value)]));
}

/** A time as it stands in the claims of a REST API's event, such as `Fri Nov 20 09:00:00 UTC 2026`. */
export function timeClaim(at: Date): string {
  const [weekday = '', day, month, year, time] = at.toUTCString().split(' ');
  return `${weekday.slice(0, 3)} ${month} ${day} ${time} UTC ${year}`;
}

/** Common Log Format, such as `09/Apr/2026:12:34:56 +0000`. */
function requestTime(at: Date): string {
  const [, day, month, year, time] = at.toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
