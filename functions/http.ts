import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { Hono } from 'hono/tiny';
import { linkUnder, placeOf } from '#functions/base.ts';
import { ALWAYS, preferredLanguage, problemOf, problemResult } from '#functions/problem.ts';
import { looksLikeCpr } from '#shared/cpr.ts';
import { type FieldError, instanceOf, invalidFields, nothingHere, Problem } from '#shared/errors.ts';
import { isUuid } from '#shared/ids.ts';
import { canonicalJson, normalised, parseUniqueJson } from '#shared/json.ts';
import type { Answer, ApiRequest, Operation } from '#shared/operation.ts';
import { isKnown, preconditionsOf, requireUntagged } from '#shared/preconditions.ts';
import { unknownParameter } from '#shared/record/issue-sentences.ts';
import { nameable } from '#shared/record/validate.ts';

/**
 * HTTP for the functions behind API Gateway: its event becomes an {@link ApiRequest}, hono finds the operation, and
 * whatever happens becomes an answer or a problem document. Nothing here decides anything about the record.
 *
 * hono is given the event itself instead of a `Request` made of it, and hands back Lambda's answer instead of a
 * `Response`: API Gateway has parsed the request already, and touching these two classes loads undici, which is 30 of
 * 147 ms of a cold start and a third of a warm POST's CPU (`npm run bench`). {@link asRequest} and {@link asResponse}
 * are all of it; hono looks at nothing else of them.
 */
export type App = (event: APIGatewayProxyEvent, lambda?: Execution) => Promise<APIGatewayProxyResult>;

/** What of Lambda's context says for whom this execution environment is (tenant isolation mode). */
export interface Execution {
  readonly tenantId?: string | undefined;
}

/** A body may have this many bytes (1 MB). */
const MAX_BODY = 1_048_576;
const REQUEST_ID = /^[\w-]{8,64}$/;
const JSON_TYPES = /^application\/(?:json|merge-patch\+json)\s*(?:;\s*charset=(?:utf-8|"utf-8")\s*)?$/i;

/** A request on its way to its operation. */
interface Call {
  readonly event: APIGatewayProxyEvent;
  /** The path within the API, for the route. */
  readonly path: string;
  /** The template of its route, once it is found. */
  template: string;
  /** The base before that path, for links. */
  readonly base: string;
  readonly tenantId: string | undefined;
  readonly header: ApiRequest['header'];
  /** The id under which it is logged and answered: the caller's X-Request-Id where it is fit, else API Gateway's. */
  readonly requestId: string;
  /** The `instance` of a problem: the request id as a URI, or the gateway's where the caller's is no UUID. */
  readonly instance: string;
  /** Headers of its answer, whatever that will be. */
  readonly answerHeaders: Record<string, string>;
}

function callOf(event: APIGatewayProxyEvent, tenantId: string | undefined): Call {
  const headers = new Map<string, string>();
  for (const [name, values = []] of Object.entries(event.multiValueHeaders ?? {})) {
    headers.set(name.toLowerCase(), values.join(', '));
  }
  const sent = headers.get('x-request-id');
  const isFit = sent !== undefined && REQUEST_ID.test(sent) && !looksLikeCpr(sent);
  const given = event.requestContext.requestId ?? 'unknown';
  return {
    event,
    ...placeOf(event),
    template: '',
    tenantId,
    header: (name) => headers.get(name),
    requestId: isFit ? sent : given,
    instance: instanceOf(isFit && isUuid(sent) ? sent : given),
    answerHeaders: {},
  };
}

/** What hono reads of a request: method and URL, for the route. */
const asRequest = ({ event: { httpMethod }, path }: Call): Request =>
  ({ method: httpMethod === 'HEAD' ? 'GET' : httpMethod, url: `https://api${path}` }) as Request;

/** hono passes on what a handler returns without looking at it. */
const asResponse = (result: APIGatewayProxyResult): Response => result as unknown as Response;

/** What most paths are made of: nothing in them can be malformed. */
const PLAIN_PATH = /^[\w./-]*$/;

/** Whose spelling is theirs: another system's ids may be UUIDs in capitals. */
const FOREIGN = 'externalId';

/**
 * The path's parameters, decoded, each in the one spelling that it is kept in: a UUID in lower case (RFC 9562 §4), text in
 * Unicode's form NFC. A malformed escape or a control character names nothing.
 */
function requireNameable(path: string, sent: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const params = Object.fromEntries(
    Object.entries(sent).map(([name, value]) => [
      name,
      name !== FOREIGN && isUuid(value) ? value.toLowerCase() : value.normalize('NFC'),
    ]),
  );
  if (PLAIN_PATH.test(path)) return params;
  const nameable = isDecodable(path) && Object.values(params).every((value) => !/[\p{Cc}\p{Cs}\ufffd]/u.test(value));
  if (!nameable) throw nothingHere();
  return params;
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Query parameters. One that is given twice, or is not valid UTF-8, is refused rather than guessed. */
function queryOf({ multiValueQueryStringParameters }: APIGatewayProxyEvent): Record<string, string> {
  return Object.fromEntries(
    Object.entries(multiValueQueryStringParameters ?? {}).map(([name, values = []]) => {
      const [value = '', ...more] = values;
      if (more.length > 0)
        throw new Problem('malformed_request', `The query parameter ${name.slice(0, 50)} is given more than once.`);
      if (value.includes('\ufffd')) throw new Problem('malformed_request', 'The query is not valid UTF-8.');
      return [name, value.normalize('NFC')];
    }),
  );
}

/** Refuses query parameters where an operation takes none. The others are refused by the operation's own schema. */
function requireNoQuery(query: ApiRequest['query']): void {
  const errors = Object.keys(query)
    .slice(0, 100)
    .map((name): FieldError => {
      const { en, da } = unknownParameter(name, []);
      return { pointer: `/query/${nameable(name)}`, code: 'unknown_field', detail: en, danish: da };
    });
  if (errors.length > 0) throw new Problem('validation_failed', invalidFields(errors).en, errors);
}

/** The body as text; bytes that are not UTF-8 become U+FFFD, as they do at API Gateway. */
function textOf({ body, isBase64Encoded }: APIGatewayProxyEvent): string {
  const text = isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? '');
  if (Buffer.byteLength(text) > MAX_BODY) throw new Problem('payload_too_large', 'The body is larger than 1 MB.');
  return text;
}

/** What a JSON text has in which something may be left to normalise: characters beyond ASCII, or their escapes. */
const BEYOND_ASCII = /[\u0080-\uffff]|\\u/;

function parseBody({ event, header }: Call, text: string): unknown {
  const type = header('content-type');
  if (type === undefined || !JSON_TYPES.test(type)) {
    const isPatch = event.httpMethod === 'PATCH';
    throw new Problem('unsupported_media_type', 'The body must be application/json.', [], {
      ...(isPatch && { 'accept-patch': 'application/merge-patch+json, application/json' }),
    });
  }
  // The gateway puts it in the place of each byte that is no UTF-8, so what was sent is lost by now.
  if (text.includes('\ufffd')) throw new Problem('malformed_request', 'The body is not valid UTF-8.');
  try {
    const value = parseUniqueJson(text);
    return BEYOND_ASCII.test(text) ? normalised(value) : value;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('malformed_request', 'The body is not valid JSON.');
  }
}

function requestOf(call: Call, params: ApiRequest['params'], hasBody: boolean): ApiRequest {
  const { event, header } = call;
  const body = hasBody ? parseBody(call, textOf(event)) : undefined;
  return {
    params,
    query: queryOf(event),
    header,
    body,
    get text() {
      return textOf(event);
    },
    get essence() {
      return canonicalJson([event.httpMethod, call.template, params, body]);
    },
  };
}

function send(
  { event, base, header, requestId, answerHeaders }: Call,
  { status, body, text, headers = {} }: Answer,
): APIGatewayProxyResult {
  const { location } = headers;
  const all = {
    ...answerHeaders,
    ...headers,
    ...(location !== undefined && { location: linkUnder(base, location) }),
    'x-request-id': requestId,
    ...ALWAYS,
  };
  const isRead = ['GET', 'HEAD'].includes(event.httpMethod);
  if (isRead && isKnown(preconditionsOf({ header }), headers['etag']))
    return { statusCode: 304, headers: all, body: '' };
  if (text) return { statusCode: status, headers: { 'content-type': text.type, ...all }, body: text.content };
  if (body === undefined) return { statusCode: status, headers: all, body: '' };
  return { statusCode: status, headers: { 'content-type': 'application/json', ...all }, body: JSON.stringify(body) };
}

/** What of an operation its routing needs: an inbox's has no scope, and takes what its sender has in its URL and headers. */
type Served<Ctx> = Pick<Operation<Ctx>, 'method' | 'path' | 'body' | 'run'> &
  Partial<Pick<Operation<Ctx>, 'manner' | 'query'>>;

/** Decides who calls and gives what the verbs need, or throws the refusal (401, 403, 404). */
export type ContextOf<Ctx, Each = Operation<Ctx>> = (call: {
  readonly claims: Readonly<Record<string, string>> | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** For whom this execution environment is, in tenant isolation mode. */
  readonly tenantId: string | undefined;
  readonly operation: Each;
  /** A header of the request by its lower-case name. */
  readonly header: ApiRequest['header'];
  /** Takes what the answer is to say in its headers, also when it is a problem. */
  readonly answerHeaders: Record<string, string>;
}) => Promise<Ctx>;

/** Refuses a query where the operation takes none, and conditions that hold of nothing where it works on no version. */
function requireTaken({ manner, method, query }: Served<never>, request: ApiRequest): void {
  if (manner === undefined) return;
  if (query === undefined) requireNoQuery(request.query);
  const isTagged = manner === 'change' || !['POST', 'DELETE'].includes(method);
  if (!isTagged) requireUntagged(preconditionsOf(request), true);
}

const honoPath = (template: string): string => template.replaceAll(/\{(\w+)\}/g, ':$1');

/** An app that serves the operations. `contextOf` decides who the caller is and refuses before anything else is looked at. */
export function serve<Ctx, Each extends Served<Ctx> = Operation<Ctx>>(
  operations: readonly Each[],
  contextOf: ContextOf<Ctx, Each>,
): App {
  const app = new Hono<{ Bindings: Call }>({ strict: false });
  for (const operation of operations) {
    app.on(operation.method, honoPath(operation.path), async ({ env: call, req }) => {
      const { event, path, requestId, tenantId, header, answerHeaders } = call;
      call.template = operation.path;
      const params = requireNameable(path, req.param());
      const claims = event.requestContext.authorizer?.['claims'] as Record<string, string> | undefined;
      const ctx = await contextOf({ claims, params, requestId, tenantId, operation, header, answerHeaders });
      const request = requestOf(call, params, operation.body !== undefined);
      requireTaken(operation, request);
      return asResponse(send(call, await operation.run(ctx, request)));
    });
  }
  app.notFound(({ env: call }) => asResponse(problemResult(notServed(operations, call.path), call)));
  app.onError((error, { env: call }) => {
    const language = preferredLanguage(call.header('accept-language'));
    return asResponse(problemResult(problemOf(error, call), call, call.answerHeaders, language));
  });

  return async (event, lambda) => {
    const call = callOf(event, lambda?.tenantId);
    const result = (await app.fetch(asRequest(call), call)) as unknown as APIGatewayProxyResult;
    return event.httpMethod === 'HEAD' ? { ...result, body: '' } : result;
  };
}

/** 405 where another method would do, else 404. */
function notServed(operations: readonly Pick<Operation<never>, 'method' | 'path'>[], path: string): Problem {
  const methods = operations.filter((operation) => pathFits(operation.path, path)).map(({ method }) => method);
  if (methods.length === 0) return nothingHere();
  const allow = [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(', ');
  return new Problem('method_not_allowed', `This path takes ${allow}.`, [], { allow });
}

const pathFits = (template: string, path: string): boolean =>
  new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`).test(path);
