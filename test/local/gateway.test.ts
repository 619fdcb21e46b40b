import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { type CryptoKey, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from '#infra/local/gateway.ts';
import { type Installation, openInstallation } from '#infra/local/installation.ts';
import { createIssuer, type Issuer } from '#infra/local/issuer.ts';
import { StartupProblem } from '#infra/local/startup-problem.ts';
import { createUserPool } from '#infra/local/user-pool.ts';

const SCOPES = ['livline/families:read', 'livline/admin:read'];

let gateway: Gateway;
let installation: Installation;
let issuer: Issuer;
let seen: { event: APIGatewayProxyEvent; context: Context } | undefined;
let result: APIGatewayProxyResult | Error = { statusCode: 200, body: '' };

beforeAll(async () => {
  gateway = await startGateway(0);
  installation = await openInstallation(['livline/admin:read']);
  issuer = createIssuer(gateway.url, SCOPES, installation);
  const handler = async (event: APIGatewayProxyEvent, context: Context) => {
    seen = { event, context };
    if (result instanceof Error) throw result;
    return result;
  };
  gateway.open({
    handlers: {
      tenantApi: handler,
      accessApi: handler,
      archiveApi: handler,
      adminApi: handler,
      publicApi: handler,
      inbox: handler,
    },
    issuer,
    services: { '/cognito': createUserPool(SCOPES, installation) },
  });
});

afterAll(() => gateway.stop());

it('is healthy only once all is ready, and waits with all else', async () => {
  result = { statusCode: 200, body: '' };
  const health = await ask('/health');
  expect([health.status, health.headers.get('retry-after')]).toEqual([503, '5']);
  expect((await ask('/openapi.json')).status).toBe(200);
  gateway.ready();
  expect((await ask('/health')).status).toBe(200);
});

/** A token as the issuer makes it, but for what is changed. */
async function token(changes: JWTPayload = {}, key?: CryptoKey): Promise<string> {
  const [signingKey] = installation.signingKeys;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer.url,
    aud: 'livline',
    iat: now,
    exp: now + 3600,
    client_id: 'a-client',
    scope: 'livline/families:read',
    token_use: 'access',
    ...changes,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: String(signingKey?.kid) })
    .sign(key ?? (await importJWK(signingKey ?? {}, 'RS256')));
}

async function ask(path: string, { bearer, ...init }: RequestInit & { bearer?: string } = {}): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string>), ...(bearer && { authorization: `Bearer ${bearer}` }) };
  return fetch(gateway.url + path, { ...init, headers });
}

describe('the event', () => {
  it('is the one that a REST API makes', async () => {
    result = { statusCode: 200, body: '{}' };
    const response = await ask('/v1/municipalities/0630/families/a%2Fb%20c?limit=2&q=%C3%A6+x&q=y%26z&empty=', {
      method: 'PATCH',
      bearer: await token(),
      headers: { 'Content-Type': 'application/merge-patch+json', 'X-Odd': 'one' },
      body: '{"alias":"Bæk"}',
    });
    expect(response.status).toBe(200);
    expect(seen?.event).toMatchObject({
      resource: '/v1/municipalities/{code}/{proxy+}',
      path: '/v1/municipalities/0630/families/a%2Fb%20c',
      httpMethod: 'PATCH',
      queryStringParameters: { limit: '2', q: 'y&z', empty: '' },
      multiValueQueryStringParameters: { limit: ['2'], q: ['æ x', 'y&z'], empty: [''] },
      pathParameters: { code: '0630', proxy: 'families/a%2Fb%20c' },
      stageVariables: null,
      body: '{"alias":"Bæk"}',
      isBase64Encoded: false,
      requestContext: {
        authorizer: { claims: { client_id: 'a-client', scope: 'livline/families:read', token_use: 'access' } },
        httpMethod: 'PATCH',
        identity: { sourceIp: '127.0.0.1' },
        path: '/v1/municipalities/0630/families/a%2Fb%20c',
        resourcePath: '/v1/municipalities/{code}/{proxy+}',
        stage: 'api',
      },
    });
    expect(seen?.event.requestContext.authorizer?.['claims'].exp).toMatch(
      /^\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}$/,
    );
    expect(seen?.event.multiValueHeaders['X-Odd'] ?? seen?.event.multiValueHeaders['x-odd']).toEqual(['one']);
    expect(seen?.event.headers['X-Forwarded-Proto']).toBe('http');
    expect(seen?.context).toMatchObject({ functionName: 'tenant-api', tenantId: '0630' });
  });

  it('has null for what is empty, and no claims where nobody is asked for a token', async () => {
    await ask('/health');
    expect(seen?.event).toMatchObject({
      resource: '/{proxy+}',
      pathParameters: { proxy: 'health' },
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      body: null,
    });
    expect(seen?.event.requestContext.authorizer).toBeUndefined();
    expect(seen?.context.functionName).toBe('public-api');
  });

  it('goes to inbox without a token where it is posted to one, and there alone', async () => {
    const path = '/v1/municipalities/0630/inbox/01930000-0000-7000-8000-000000000033';
    expect((await ask(path, { method: 'POST', body: '{"a": "æ" }' })).status).toBe(200);
    expect(seen?.event).toMatchObject({
      resource: '/v1/municipalities/{code}/inbox/{id}',
      body: '{"a": "æ" }',
      isBase64Encoded: false,
    });
    expect(seen?.event.requestContext.authorizer).toBeUndefined();
    expect(seen?.context.functionName).toBe('inbox');
    for (const [method, elsewhere] of [
      ['GET', path],
      ['POST', `${path}/status`],
      ['GET', '/v1/municipalities/0630/inbox'],
      ['POST', '/v1/municipalities/0630/families/1'],
    ] as const) {
      expect((await ask(elsewhere, { method })).status, `${method} ${elsewhere}`).toBe(401);
    }
  });

  it('goes to admin-api with an admin scope', async () => {
    const response = await ask('/v1/admin/municipalities/', { bearer: await token({ scope: 'livline/admin:read' }) });
    expect(response.status).toBe(200);
    expect(seen?.context.functionName).toBe('admin-api');
    expect(seen?.event).toMatchObject({
      path: '/v1/admin/municipalities/',
      pathParameters: { proxy: 'municipalities' },
    });
  });
});

describe('without a valid token', () => {
  const path = '/v1/municipalities/0630/families';
  const past = Math.floor(Date.now() / 1000) - 10;
  const cases: [string, () => Promise<string | undefined>][] = [
    ['none', async () => undefined],
    ['garbage', async () => 'no.token.at-all'],
    ['expired', () => token({ iat: past - 3600, exp: past })],
    ['for another audience', () => token({ aud: 'elsewhere' })],
    ['from another issuer', () => token({ iss: 'http://elsewhere' })],
    ['signed by another key', async () => token({}, (await generateKeyPair('RS256')).privateKey)],
    ['not an access token', () => token({ token_use: 'id' })],
    ['without a scope of Livline', () => token({ scope: 'elsewhere/families:read' })],
    ['unsigned', async () => `${btoa('{"alg":"none"}')}.${(await token()).split('.')[1]}.`],
  ];
  it.each(cases)('%s: 401', async (_, make) => {
    seen = undefined;
    const bearer = await make();
    const response = await ask(path, bearer === undefined ? {} : { bearer });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/unauthenticated',
      title: 'Unauthenticated',
      status: 401,
      detail: expect.any(String),
      instance: `urn:uuid:${response.headers.get('x-request-id')}`,
    });
    expect(seen).toBeUndefined();
  });
});

describe('a path that the deployed firewall stops', () => {
  it.each(['/v1/municipalities/0999/families', '/v1/municipalities/630/families', '/.env'])(
    '%s is 404 before anybody looks at a token',
    async (path) => {
      seen = undefined;
      for (const bearer of [undefined, await token()]) {
        const response = await ask(path, bearer === undefined ? {} : { bearer });
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ type: '/problems/not_found' });
      }
      expect(seen).toBeUndefined();
    },
  );
});

describe('the answer', () => {
  it('is what the function returned', async () => {
    result = {
      statusCode: 201,
      headers: { Location: '/v1/x', ETag: '"1"', 'content-type': 'text/css' },
      multiValueHeaders: { 'X-Two': ['a', 'b'] },
      body: Buffer.from('bæ').toString('base64'),
      isBase64Encoded: true,
    };
    const response = await ask('/docs/x.css');
    expect(response.status).toBe(201);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      location: '/v1/x',
      etag: '"1"',
      'content-type': 'text/css',
      'x-two': 'a, b',
    });
    expect(await response.text()).toBe('bæ');
  });

  it('has no body on HEAD, 204 and 304', async () => {
    result = { statusCode: 200, body: 'long' };
    const head = await ask('/health', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '4', '']);
    for (const statusCode of [204, 304]) {
      result = { statusCode, body: '' };
      expect((await ask('/health')).status).toBe(statusCode);
    }
  });

  it('says nothing but the request id when the function fails', async () => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    result = new Error('the value of a record');
    const response = await ask('/health');
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain('record');
    expect(JSON.parse(text)).toMatchObject({ type: '/problems/internal_error', instance: expect.any(String) });
    expect(stderr).toHaveBeenCalledOnce();
    expect(stderr.mock.calls[0]?.[0]).not.toContain('record');
    stderr.mockRestore();
  });

  it('is 413 above 10 MB and 400 for a path that cannot be decoded', async () => {
    const bearer = await token();
    const path = '/v1/municipalities/0630/families';
    const large = await ask(path, { method: 'POST', bearer, body: 'x'.repeat(10 * 1024 * 1024 + 1) });
    expect(large.status).toBe(413);
    expect((await ask(`${path}/%zz`, { bearer })).status).toBe(400);
  });
});

it('names a port that is taken', async () => {
  const port = Number(new URL(gateway.url).port);
  const second = startGateway(port);
  await expect(second).rejects.toThrow(StartupProblem);
  await expect(second).rejects.toThrow(new RegExp(`Port ${port} .*PORT=`));
});
