import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { accessApi } from '#functions/access-api/app.ts';
import { adminApi } from '#functions/admin-api/app.ts';
import { archiveApi } from '#functions/archive-api/app.ts';
import { clockRound } from '#functions/clock/app.ts';
import { deliverQueue } from '#functions/deliver/app.ts';
import type { App } from '#functions/http.ts';
import { inboxApi } from '#functions/inbox/app.ts';
import { lifecycleRound } from '#functions/lifecycle/app.ts';
import { relayStream } from '#functions/relay/app.ts';
import { tenantApi } from '#functions/tenant-api/app.ts';
import { timeClaim } from '#infra/local/proxy-event.ts';
import type { FunctionName } from '#infra/service-function.ts';
import {
  ACCESS_COLLECTIONS,
  ADMIN_SCOPES,
  ARCHIVE_COLLECTIONS,
  RESOURCE_SERVER,
  TENANT_SCOPES,
} from '#shared/auth/scopes.ts';
import { allMunicipalities } from '#shared/register/register.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import type { QuotaDeps } from '#shared/tenancy/quota.ts';
import { lookAfter } from '#shared/tenancy/steward.ts';
import type { Post, PostRequest, PostResult } from '#shared/webhooks/egress.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { webhookResources } from '#shared/webhooks/resources.ts';
import { startTable } from './captured-table.ts';
import { handingOn, keepingIn, makingKeys, managingClients, sendingFrom, signingBy, wakingClock } from './iam.ts';
import { issuerInMemory } from './issuer.ts';
import { inspect, plant } from './leaks.ts';
import { memoryBuckets } from './memory-buckets.ts';
import { PLENTY } from './plenty.ts';
import { proxyEvent } from './proxy-event.ts';
import { standInCertificates } from './stand-in-certificates.ts';

/** What came back, the body parsed where it is JSON. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies whose shape is what they test
  readonly body: any;
  /** The body as it was sent. */
  readonly text: string;
}

export interface Send {
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
}

/** A client at work in one municipality. */
export interface Caller {
  readonly code: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  send(method: string, path: string, options?: Send): Promise<Reply>;
  get(path: string, query?: Record<string, string>): Promise<Reply>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  patch(path: string, body: unknown, version: number): Promise<Reply>;
  status(path: string, version: number, body: unknown): Promise<Reply>;
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  remove(path: string, version: number): Promise<Reply>;
  /** A message to this municipality's inbox, as it is sent: without a token. */
  inbox(connectionId: string, options: Send): Promise<Reply>;
  /** The time of the instance. */
  now(): Date;
  /** The operator, for what only it can make. */
  operator(method: string, path: string, options?: Send): Promise<Reply>;
  /** The same client with these scopes in its token. */
  withScopes(...scopes: string[]): Caller;
  /** The same client, asking for another municipality. */
  at(code: string): Caller;
}

export const OPERATOR = 'operator-client';
/** Seconds after which a recovery takes effect, as in production. */
export const RECOVERY_DELAY_S = 72 * 3_600;
export const TOKEN_URL = 'https://token.test/oauth2/token';
/** What access-api serves. */
const ACCESS_PATH = new RegExp(`^/v1/municipalities/[^/]*/(${ACCESS_COLLECTIONS.join('|')})(/|$)`);
/** What archive-api serves. */
const ARCHIVE_PATH = new RegExp(`^/v1/municipalities/[^/]*/(${ARCHIVE_COLLECTIONS.join('|')})(/|$)`);
/** All that a municipality may grant a partner. */
const PARTNER_SCOPES = TENANT_SCOPES.filter((scope) => scope !== 'grants:write');

/**
 * The whole product in one process over a table of its own: the real handlers with real events, the real emulator
 * underneath, and the clock, the queue and the receivers in the test's hands.
 */
export async function startLivline({ allowLocal = false, quotaPerMinute = PLENTY, refusalsPerMinute = PLENTY } = {}) {
  let time = new Date('2026-11-20T09:00:00.000Z');
  const now = () => new Date(time);
  const { store, storeOf, keys, captured, committed, hasEnded, requestsOf, roundTripsOf, cutOff, killedAt } =
    await startTable(now);

  const hints: DelayedHint[] = [];
  const posts: PostRequest[] = [];
  let receiver: (request: PostRequest) => PostResult | Promise<PostResult> = () => ({
    status: 204,
    durationMs: 1,
    body: '',
  });
  const post: Post = async (request) => {
    posts.push(request);
    inspect('A webhook', request);
    return receiver(request);
  };
  let isQueueDown = false;
  const sendHints = async (some: readonly DelayedHint[]): Promise<void> => {
    if (isQueueDown) throw new Error('The queue cannot be reached');
    hints.push(...some);
  };
  const woken: string[] = [];
  const certificates = standInCertificates();
  const memory = memoryBuckets();
  const issuer = issuerInMemory(now, () => {
    if (hasEnded()) throw new Error('The process has ended');
  });
  const { scopesOf } = issuer;
  const identityOf = (name: FunctionName) => managingClients(name, issuer.identity);

  /** The functions that serve municipalities, each its own paths. */
  const startTenantApi = (quota: Pick<QuotaDeps, 'quotaPerMinute'>): App => {
    const record = tenantApi({
      store: storeOf('tenant-api'),
      now,
      post,
      sendHints: sendingFrom('tenant-api', sendHints),
      allowLocal,
      refusalsPerMinute,
      ...quota,
    });
    const access = accessApi({
      store: storeOf('access-api'),
      now,
      identity: identityOf('access-api'),
      tokenUrl: TOKEN_URL,
      wakeClock: wakingClock('access-api', (code) => void woken.push(code)),
      refusalsPerMinute,
      ...quota,
    });
    const archives = archiveApi({
      store: storeOf('archive-api'),
      now,
      buckets: keepingIn('archive-api', memory.buckets),
      ...quota,
    });
    return (event) => {
      if (ARCHIVE_PATH.test(event.path)) return archives(event);
      return (ACCESS_PATH.test(event.path) ? access : record)(event);
    };
  };
  const tenant = startTenantApi({ quotaPerMinute });
  const admin = adminApi({
    store: storeOf('admin-api'),
    identity: identityOf('admin-api'),
    keys: makingKeys('admin-api', keys),
    certificates: signingBy('admin-api', certificates),
    now,
    tokenUrl: TOKEN_URL,
    operatorClientId: OPERATOR,
    recoveryDelayS: RECOVERY_DELAY_S,
  });
  const inbox = inboxApi({ store: storeOf('inbox'), now, quotaPerMinute });
  const endpoints = webhookEndpoints({ allowLocal });
  const relay = relayStream({ store: storeOf('relay'), sendHints: sendingFrom('relay', sendHints), now });
  const deliver = deliverQueue({
    store: storeOf('deliver'),
    now,
    post,
    sendHints: sendingFrom('deliver', sendHints),
    endpoints,
    random: () => 0,
  });
  const leaving = {
    store: storeOf('lifecycle'),
    now,
    buckets: keepingIn('lifecycle', memory.buckets),
    identity: identityOf('lifecycle'),
    keys: makingKeys('lifecycle', keys),
    certificates: signingBy('lifecycle', certificates),
    resources: [...RESOURCES, ...webhookResources({ allowLocal })],
  };
  const handedOn: { readonly to: 'clock' | 'lifecycle'; readonly code: string }[] = [];
  const handOn = (to: 'clock' | 'lifecycle') =>
    handingOn(to, (codes) => void handedOn.push(...codes.map((code) => ({ to, code }))));
  const lifecycle = lifecycleRound({ ...leaving, handOn: handOn('lifecycle') });
  const clock = clockRound({
    store: storeOf('clock'),
    sendHints: sendingFrom('clock', sendHints),
    handOn: handOn('clock'),
    now,
  });

  async function call(
    api: typeof tenant,
    path: string,
    method: string,
    claims: Record<string, string> | undefined,
    options: Send = {},
  ): Promise<Reply> {
    plant(method, path, options.body);
    const event = proxyEvent({ method, path, claims, ...options });
    const result = await api(event);
    const headers = Object.fromEntries(
      Object.entries({
        ...result.headers,
        ...Object.fromEntries(Object.entries(result.multiValueHeaders ?? {}).map(([k, v]) => [k, v.join(', ')])),
      }).map(([name, value]) => [name.toLowerCase(), String(value)]),
    );
    const text = result.isBase64Encoded ? Buffer.from(result.body, 'base64').toString() : result.body;
    const body = text && headers['content-type']?.includes('json') ? JSON.parse(text) : undefined;
    const reply = { status: result.statusCode, headers, body, text };
    inspect('A header', headers);
    if (reply.status >= 400) inspect('A problem document', text);
    const { nextCursor } = reply.body ?? {};
    if (nextCursor) inspect('A cursor', `${nextCursor} ${Buffer.from(nextCursor, 'base64url').toString()}`);
    return reply;
  }

  const claimsOf = (clientId: string, scopes: readonly string[]) => ({
    client_id: clientId,
    scope: scopes.map((scope) => `${RESOURCE_SERVER}/${scope}`).join(' '),
    token_use: 'access',
    iat: timeClaim(now()),
  });

  const operator = (method: string, path: string, options?: Send) =>
    call(admin, `/v1/admin${path}`, method, claimsOf(OPERATOR, ADMIN_SCOPES), options);

  function caller(
    code: string,
    clientId: string,
    scopes: readonly string[] = TENANT_SCOPES,
    api: typeof tenant = tenant,
  ): Caller {
    const send = (method: string, path: string, options?: Send) =>
      call(api, `/v1/municipalities/${code}${path}`, method, claimsOf(clientId, scopes), options);
    const match = (version: number) => ({ 'if-match': `"${version}"` });
    return {
      code,
      clientId,
      scopes,
      send,
      get: (path, query = {}) => send('GET', path, { query }),
      post: (path, body, headers = {}) => send('POST', path, { body, headers }),
      patch: (path, body, version) => send('PATCH', path, { body, headers: match(version) }),
      status: (path, version, body) => send('POST', `${path}/status`, { body, headers: match(version) }),
      put: (path, body, headers = {}) => send('PUT', path, { body, headers }),
      remove: (path, version) => send('DELETE', path, { headers: match(version) }),
      inbox: (connectionId, options) =>
        call(inbox, `/v1/municipalities/${code}/inbox/${connectionId}`, 'POST', undefined, options),
      now,
      operator,
      withScopes: (...some) => caller(code, clientId, some, api),
      at: (other) => caller(other, clientId, scopes, api),
    };
  }

  const codes = allMunicipalities().map(({ code }) => code);
  /** A municipality that no other test of this file has, with its administrator. */
  async function freshMunicipality(): Promise<Caller> {
    const code = codes.shift();
    if (code === undefined) throw new Error('This test file needs more municipalities than there are');
    const { status, body } = await operator('POST', '/municipalities', { body: { code } });
    if (status !== 201) throw new Error(`Provisioning answered ${status}`);
    // Its first minute has passed: its own events tell that it is there.
    await lookAfter({ store: storeOf('lifecycle'), now }, code, 'test-request');
    administrators.set(code, body.client.clientId);
    return caller(code, body.client.clientId);
  }

  /** Another client of a municipality's own, with these rights. */
  async function ownClient(by: Caller, rights: object): Promise<Caller> {
    const { status, body } = await by.post('/clients', { name: 'DUBU', ...rights });
    if (status !== 201) throw new Error(`Making a client was answered ${status}`);
    return caller(by.code, body.client.clientId);
  }

  /** Changes settings of a municipality, whichever version they are at. */
  async function configure(by: Caller, settings: object): Promise<Reply> {
    const { headers } = await by.get('/settings');
    return by.send('PATCH', '/settings', { body: settings, headers: { 'if-match': headers['etag'] ?? '' } });
  }

  const administrators = new Map<string, string>();
  function administratorOf(code: string): Caller {
    const clientId = administrators.get(code);
    if (clientId === undefined) throw new Error(`Nobody is known to administer ${code}`);
    return caller(code, clientId);
  }

  /** A partner's client to which each of the municipalities grants these scopes, for all its rows or for the partner's own. */
  async function freshPartner(
    id: string,
    at: readonly string[],
    scopes: readonly string[] = PARTNER_SCOPES,
    rows: 'all' | 'own' = 'all',
  ): Promise<(code: string) => Caller> {
    await operator('POST', '/partners', { body: { id, name: id } });
    const { body } = await operator('POST', `/partners/${id}/clients`, { body: { name: 'platform' } });
    const { clientId } = body.client;
    for (const code of at) {
      const { status } = await administratorOf(code).put(`/grants/${clientId}`, { scopes, rows });
      if (status !== 200) throw new Error(`The grant was answered ${status}`);
    }
    return (code) => caller(code, clientId);
  }

  /** The events that were committed since the last call, as the stream would bring them. */
  let seen = 0;
  function takeStream(): { municipality: string; eventId: string }[] {
    const fresh = committed.slice(seen);
    seen = committed.length;
    return fresh
      .flatMap(({ command, input }) => {
        if (command === 'PutItem') return [input.Item];
        if (command !== 'TransactWriteItems') return [];
        return ((input as TransactWriteCommandInput).TransactItems ?? []).flatMap(({ Put }) => Put?.Item ?? []);
      })
      .filter((item) => item['type'] === 'event')
      .map(({ municipality, eventId }) => ({ municipality, eventId }));
  }

  const lambdaContext = { awsRequestId: 'test-request' };
  const streamRecord = ({ municipality, eventId }: { municipality: string; eventId: string }) => ({
    eventName: 'INSERT' as const,
    dynamodb: {
      SequenceNumber: `seq-${eventId}`,
      NewImage: { type: { S: 'event' }, municipality: { S: municipality }, eventId: { S: eventId } },
    },
  });

  return {
    store,
    storeOf,
    keys,
    /** What the lifecycle works with. */
    leaving,
    /** The objects in the bucket, by their keys. */
    objects: memory.objects,
    captured,
    hints,
    posts,
    /** The municipalities that the clock was asked to look at. */
    woken,
    /** The clients that the token issuer knows, with the scopes that each may ask for. */
    issuedClients: scopesOf,
    identity: issuer.identity,
    certificates,
    requestsOf,
    roundTripsOf,
    cutOff,
    killedAt,
    /** Runs while no hint can be sent. */
    withoutQueue: async <Result>(run: () => Promise<Result>): Promise<Result> => {
      isQueueDown = true;
      try {
        return await run();
      } finally {
        isQueueDown = false;
      }
    },
    operator,
    call: {
      tenant: (path: string, method: string, claims: Record<string, string> | undefined, options?: Send) =>
        call(tenant, path, method, claims, options),
    },
    admin: (path: string, method: string, claims: Record<string, string> | undefined, options?: Send) =>
      call(admin, path, method, claims, options),
    caller,
    /** Another process of tenant-api over the same table, with `{}` as it is deployed: gives a client as that one serves it. */
    anotherProcess: (quota: Pick<QuotaDeps, 'quotaPerMinute'> = { quotaPerMinute }) => {
      const api = startTenantApi(quota);
      return ({ code, clientId, scopes }: Caller) => caller(code, clientId, scopes, api);
    },
    /** The client that a municipality was provisioned with. */
    administratorOf,
    freshMunicipality,
    ownClient,
    configure,
    freshPartner,
    nextCode: () => codes.shift() as string,
    now,
    advance: (seconds: number) => {
      time = new Date(time.getTime() + seconds * 1000);
    },
    receive: (with_: typeof receiver) => {
      receiver = with_;
    },
    /** Runs the relay over what was committed since the last time. */
    relay: async (records = takeStream()) => relay({ Records: records.map(streamRecord) } as never, lambdaContext),
    takeStream,
    /** Runs the deliver function over one hint. */
    deliver: async (hint: object) =>
      deliver({ Records: [{ messageId: 'm', body: JSON.stringify(hint) }] } as never, lambdaContext),
    /**
     * Hands every hint that waits to the deliver function, in the lane that takes them all; those that it sends itself stay
     * for the next call.
     */
    deliverAll: async () => {
      for (const { delayS: _, ...hint } of hints.splice(0)) {
        const body = JSON.stringify({ ...hint, isSlow: true });
        await deliver({ Records: [{ messageId: 'm', body }] } as never, lambdaContext);
      }
    },
    clock: async () => clock({}, lambdaContext),
    /** The municipalities that rounds did not reach. */
    handedOn,
    handOn,
    /** Looks after the municipalities, as every minute. */
    lifecycle: async () => lifecycle({}, lambdaContext),
  };
}

export type Livline = Awaited<ReturnType<typeof startLivline>>;
