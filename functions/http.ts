import { Hono, type Context as HonoContext } from 'hono';
import { handle } from 'hono/aws-lambda';
import { LinearRouter } from 'hono/router/linear-router';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { PROBLEMS, Problem, problemDocument } from '#shared/errors.ts';
import { digest } from '#shared/ids.ts';
import { faultOf, log } from '#shared/log.ts';
import type { Answer, ApiRequest, Operation } from '#shared/operation.ts';

/**
 * HTTP for the functions behind API Gateway: operations become Hono routes, a request becomes an {@link ApiRequest}, and
 * whatever happens becomes an answer or a problem document. Nothing here decides anything about the record.
 */

/** A body may have this many bytes (1 MB). */
const MAX_BODY = 1_048_576;
const REQUEST_ID = /^[\w-]{8,64}$/;
const JSON_TYPES = /^application\/(?:json|merge-patch\+json)\s*(?:;\s*charset=utf-8\s*)?$/i;

/** What API Gateway tells of a request beside HTTP. */
export interface GatewayEvent {
  readonly requestContext: {
    readonly requestId?: string | undefined;
    readonly authorizer?: { readonly claims?: Readonly<Record<string, string>> } | null | undefined;
  };
}

export interface Bindings {
  readonly event: GatewayEvent;
}

export type App = Hono<{ Bindings: Bindings }>;
type Call = HonoContext<{ Bindings: Bindings }>;

/** The id under which a request is logged and answered: the caller's X-Request-Id where it is fit, else API Gateway's. */
function requestIdOf(call: Call): string {
  const sent = call.req.header('x-request-id');
  return sent !== undefined && REQUEST_ID.test(sent) ? sent : (call.env.event.requestContext.requestId ?? 'unknown');
}

function parseJson(call: Call, bytes: string): unknown {
  if (Buffer.byteLength(bytes) > MAX_BODY) throw new Problem('payload_too_large', 'The body is larger than 1 MB.');
  const type = call.req.header('content-type');
  if (type === undefined || !JSON_TYPES.test(type)) {
    throw new Problem('unsupported_media_type', 'The body must be application/json.');
  }
  try {
    return JSON.parse(bytes);
  } catch {
    throw new Problem('malformed_request', 'The body is not valid JSON.');
  }
}

/** Decoded path parameters. A malformed escape or a control character names nothing. */
function paramsOf(call: Call): Record<string, string> {
  const params = call.req.param() as Record<string, string>;
  for (const value of Object.values(params)) {
    if (/\p{Cc}|\p{Cs}|�/u.test(value)) throw new Problem('not_found', 'There is nothing at this path.');
  }
  return params;
}

/** Query parameters; one that is given twice is refused rather than guessed. */
function queryOf(call: Call): Record<string, string> {
  return Object.fromEntries(
    Object.entries(call.req.queries()).map(([name, values]) => {
      if (values.length === 1) return [name, values[0] as string];
      throw new Problem('malformed_request', `The query parameter ${name.slice(0, 50)} is given more than once.`);
    }),
  );
}

async function requestOf(call: Call, hasBody: boolean): Promise<ApiRequest> {
  const bytes = hasBody ? await call.req.text() : '';
  return {
    params: paramsOf(call),
    query: queryOf(call),
    header: (name) => call.req.header(name),
    body: hasBody ? parseJson(call, bytes) : undefined,
    get fingerprint() {
      return digest(call.req.method, call.req.path, bytes);
    },
  };
}

function send(call: Call, { status, body, headers = {} }: Answer): Response {
  const all = { ...headers, 'x-request-id': requestIdOf(call), 'cache-control': 'no-store' };
  const etag = headers['etag'];
  const known = call.req.method === 'GET' && etag !== undefined && matches(call.req.header('if-none-match'), etag);
  if (known) return call.body(null, 304, all);
  if (body === undefined) return call.body(null, status as 204, all);
  return call.json(body as object, status as ContentfulStatusCode, all);
}

/** If-None-Match compares weakly (RFC 9110 §13.1.2). */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function sendProblem(call: Call, problem: Problem): Response {
  const requestId = requestIdOf(call);
  const { status } = PROBLEMS[problem.code];
  return call.body(JSON.stringify(problemDocument(problem, requestId)), status, {
    ...problem.headers,
    'content-type': 'application/problem+json',
    'x-request-id': requestId,
    'cache-control': 'no-store',
  });
}

/** A fault of ours says nothing but its request id; the log has the rest. Throttling of the table is not a fault. */
function problemOf(error: unknown, requestId: string): Problem {
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

export type ContextOf<Ctx> = (call: {
  readonly claims: Readonly<Record<string, string>> | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly operation: Operation<Ctx>;
}) => Promise<Ctx>;

const honoPath = (template: string): string => template.replaceAll(/\{(\w+)\}/g, ':$1');

/** An app that serves the operations. `contextOf` decides who the caller is and refuses before anything else is looked at. */
export function serve<Ctx>(operations: readonly Operation<Ctx>[], contextOf: ContextOf<Ctx>): App {
  // The linear router needs no preparation: on a cold start the first request is matched while others still compile.
  const app: App = new Hono({ router: new LinearRouter() });
  for (const operation of operations) {
    app.on(operation.method, honoPath(operation.path), async (call: Call) => {
      const requestId = requestIdOf(call);
      const claims = call.env.event.requestContext.authorizer?.claims;
      const ctx = await contextOf({ claims, params: paramsOf(call), requestId, operation });
      return send(call, await operation.run(ctx, await requestOf(call, operation.body !== undefined)));
    });
  }
  app.notFound((call) => sendProblem(call, missing(operations, call)));
  app.onError((error, call) => sendProblem(call, problemOf(error, requestIdOf(call))));
  return app;
}

/** 405 where another method would do, else 404. */
function missing(operations: readonly Operation<never>[] | readonly Operation<unknown>[], { req }: Call): Problem {
  const allowed = operations
    .filter(({ path }) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(req.path))
    .map(({ method }) => method);
  if (allowed.length === 0) return new Problem('not_found', 'There is nothing at this path.');
  const allow = [...new Set(allowed)].join(', ');
  return new Problem('method_not_allowed', `This path takes ${allow}.`, [], { allow });
}

/** Lambda's handler for an app that is opened on the first request, once. hono's adapter is used here and nowhere else. */
export function lambdaHandler(open: () => App): ReturnType<typeof handle> {
  let opened: ReturnType<typeof handle> | undefined;
  return (event, context) => {
    opened ??= handle(open());
    return opened(event, context);
  };
}
