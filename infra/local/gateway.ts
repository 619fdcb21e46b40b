import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { createLocalJWKSet, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import {
  ACCESS_COLLECTIONS,
  ADMIN_SCOPES,
  ARCHIVE_COLLECTIONS,
  RESOURCE_SERVER,
  TENANT_SCOPES,
} from '#shared/auth/scopes.ts';
import type { GatewayProblemCode } from '../gateway-problems.ts';
import { isLetThrough } from '../let-through.ts';
import type { Service } from './aws-json.ts';
import { readBody, sendProblem } from './http.ts';
import { AUDIENCE, ISSUER_PATH, type Issuer } from './issuer.ts';
import { complain, InvocationTimeout, invoke, type LambdaHandler } from './lambda.ts';
import { type Match, matchResource, proxyEvent, sendResult } from './proxy-event.ts';
import { StartupProblem } from './startup-problem.ts';

export type ApiHandler = LambdaHandler<APIGatewayProxyEvent, APIGatewayProxyResult>;

/** The functions behind the gateway. */
export interface ApiHandlers {
  readonly tenantApi: ApiHandler;
  readonly accessApi: ApiHandler;
  readonly archiveApi: ApiHandler;
  readonly adminApi: ApiHandler;
  readonly publicApi: ApiHandler;
  readonly inbox: ApiHandler;
}

/** What the gateway passes requests on to. */
interface Behind {
  readonly handlers: ApiHandlers;
  readonly issuer: Issuer;
  /** The AWS services of this machine, by the path where each answers, such as `/cognito`. */
  readonly services: Readonly<Record<string, Service>>;
}

interface Keys {
  /** The base path under which the API lies, as of a custom domain in AWS; empty at the root. */
  readonly base: string;
  /** Finds the issuer's key that a token names. */
  readonly keys: JWTVerifyGetKey;
}

export interface Gateway {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The same with the base path, where the API lies. */
  readonly apiUrl: string;
  /** Lets requests through. Until then they wait. */
  readonly open: (behind: Behind) => void;
  /** Lets `GET /health` say that all is ready. Until then it is 503. */
  readonly ready: () => void;
  /**
   * Takes no more requests to the API: they get 503. Waits for those under way. What the functions themselves ask of this
   * machine is still answered.
   */
  readonly drain: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

interface Route {
  readonly resource: string;
  /** Any, if left out. */
  readonly method?: string;
  readonly functionName: string;
  readonly handler: keyof ApiHandlers;
  /** Whether a token is asked for. */
  readonly authorized: boolean;
}

/** Any scope of Livline's lets a token in; which one an operation needs is the function's to say, with 403. */
const SCOPES = [...TENANT_SCOPES, ...ADMIN_SCOPES].map((scope) => `${RESOURCE_SERVER}/${scope}`);

/** The REST API's resources, in the order they are tried (infra/stacks/api.ts). */
const ROUTES: readonly Route[] = [
  {
    resource: '/v1/municipalities/{code}/inbox/{id}',
    method: 'POST',
    functionName: 'inbox',
    handler: 'inbox',
    authorized: false,
  },
  ...ACCESS_COLLECTIONS.flatMap((collection) =>
    [collection, `${collection}/{proxy+}`].map((path) => ({
      resource: `/v1/municipalities/{code}/${path}`,
      functionName: 'access-api',
      handler: 'accessApi' as const,
      authorized: true,
    })),
  ),
  ...ARCHIVE_COLLECTIONS.flatMap((collection) =>
    [collection, `${collection}/{proxy+}`].map((path) => ({
      resource: `/v1/municipalities/{code}/${path}`,
      functionName: 'archive-api',
      handler: 'archiveApi' as const,
      authorized: true,
    })),
  ),
  {
    resource: '/v1/municipalities/{code}/{proxy+}',
    functionName: 'tenant-api',
    handler: 'tenantApi',
    authorized: true,
  },
  { resource: '/v1/admin/{proxy+}', functionName: 'admin-api', handler: 'adminApi', authorized: true },
  { resource: '/', functionName: 'public-api', handler: 'publicApi', authorized: false },
  { resource: '/{proxy+}', functionName: 'public-api', handler: 'publicApi', authorized: false },
];

/** The functions that have execution environments for each municipality. */
const PER_TENANT: ReadonlySet<keyof ApiHandlers> = new Set(['tenantApi', 'accessApi', 'archiveApi']);
/** Tells whoever waits for the product that it is ready. */
const HEALTH = '/health';
/** API Gateway's own limit of a body. */
const MAX_BODY = 10 * 1024 * 1024;
/** API Gateway's own limit of a function's time, in milliseconds. */
const MAX_TIME = 29_000;
/** How long requests under way may still take when the gateway takes no more, in milliseconds. */
const DRAIN = 1000;
/** How long answers may still take to be sent when the gateway stops, in milliseconds. */
const SEND = 500;

/**
 * Takes a port of the loopback interface and does there what API Gateway does: routes, verifies access tokens, and
 * hands requests to the functions as REST-API proxy events.
 * @param port 0 for any free one
 * @param base the base path of the API such as `/livline`, as a custom domain may have it in AWS; empty for the root
 * @throws StartupProblem if the port is taken
 */
export async function startGateway(port: number, base = ''): Promise<Gateway> {
  const opened = Promise.withResolvers<Behind & Keys>();
  let isReady = false;
  let isDraining = false;
  const underWay = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const requestId = randomUUID();
    opened.promise
      .then((behind) => {
        if (!isReady && request.url === base + HEALTH) return sendProblem(response, 'unavailable', base, requestId);
        const beside = besideApi(behind, request);
        if (beside) return beside(request, response);
        if (isDraining) {
          response.setHeader('Connection', 'close');
          return sendProblem(response, 'unavailable', base, requestId);
        }
        const answered = answer(behind, request, response, requestId);
        underWay.add(answered);
        return answered.finally(() => underWay.delete(answered));
      })
      .catch((error: unknown) => {
        complain(`${request.method} request ${requestId} failed`, error);
        if (response.headersSent) response.destroy();
        else sendProblem(response, 'internal_error', base, requestId);
      });
  });
  await listen(server, port);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    apiUrl: url + base,
    open: (behind) => opened.resolve({ ...behind, base, keys: createLocalJWKSet(behind.issuer.jwks) }),
    ready: () => {
      isReady = true;
    },
    drain: async () => {
      isDraining = true;
      await Promise.race([Promise.allSettled(underWay), sleep(DRAIN, undefined, { ref: false })]);
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const force = setTimeout(() => server.closeAllConnections(), SEND);
      await closed;
      clearTimeout(force);
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} is in use by another program: stop it, or choose another port, such as \`PORT=${port + 1} npm start\`.`;
      const refused = `Port ${port} may not be used here: choose another port, such as \`PORT=3000 npm start\`.`;
      if (error.code === 'EADDRINUSE') reject(new StartupProblem(taken, { cause: error }));
      else if (error.code === 'EACCES') reject(new StartupProblem(refused, { cause: error }));
      else reject(error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

/** What answers a request that is none to the API: the issuer of tokens, or what stands in for another service of AWS. */
function besideApi({ issuer, services }: Behind, request: IncomingMessage): Service | undefined {
  const [path] = split(request.url ?? '/');
  if (path === ISSUER_PATH || path.startsWith(`${ISSUER_PATH}/`)) return issuer.handle;
  return Object.entries(services).find(([at]) => path === at || path === `${at}/`)?.[1];
}

async function answer(
  { handlers, issuer, keys, base }: Behind & Keys,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const [path = '/', query = ''] = split(request.url ?? '/');
  const refuse = (code: GatewayProblemCode) => sendProblem(response, code, base, requestId);
  const within = path === base ? '/' : path.slice(base.length);
  if (!path.startsWith(base) || !isLetThrough(within)) return refuse('not_found');
  const [route, match] = routeOf(request.method, within);
  if (!isDecodable(path)) return refuse('malformed_request');
  let claims: JWTPayload | undefined;
  if (route.authorized) {
    claims = await authorized(request, issuer.url, keys);
    if (claims === undefined) return refuse('unauthenticated');
  }
  const body = await readBody(request, MAX_BODY);
  if (body === undefined) return refuse('payload_too_large');

  const event = proxyEvent({ request, path, query, body, match, requestId, claims });
  const invocation = {
    functionName: route.functionName,
    timeout: MAX_TIME,
    tenantId: PER_TENANT.has(route.handler) ? match.parameters['code'] : undefined,
  };
  try {
    const result = await invoke(handlers[route.handler], invocation, event);
    sendResult(response, result, requestId);
  } catch (error) {
    if (!(error instanceof InvocationTimeout)) throw error;
    complain(`request ${requestId}`, error);
    refuse('unavailable');
  }
}

function split(url: string): readonly [string, string] {
  const question = url.indexOf('?');
  return question < 0 ? [url, ''] : [url.slice(0, question), url.slice(question + 1)];
}

function isDecodable(path: string): boolean {
  try {
    return decodeURIComponent(path).startsWith('/');
  } catch {
    return false;
  }
}

function routeOf(method: string | undefined, path: string): readonly [Route, Match] {
  for (const route of ROUTES) {
    if (route.method !== undefined && route.method !== method) continue;
    const match = matchResource(route.resource, path);
    if (match !== undefined) return [route, match];
  }
  throw new Error(`Nothing answers ${path}`);
}

/**
 * The claims of the request's access token; `undefined` unless it is a valid one for Livline.
 */
async function authorized(
  request: IncomingMessage,
  issuer: string,
  keys: JWTVerifyGetKey,
): Promise<JWTPayload | undefined> {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return undefined;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      issuer,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'iat', 'client_id', 'scope'],
    });
    const held = new Set(String(payload['scope']).split(' '));
    const mayPass = SCOPES.some((scope) => held.has(scope));
    return payload['token_use'] === 'access' && mayPass ? payload : undefined;
  } catch {
    return undefined;
  }
}
