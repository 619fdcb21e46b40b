import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { handler } from '#functions/public-api/index.ts';
import { OPENAPI_FILE } from '#infra/openapi.ts';
import { PROBLEMS } from '#shared/errors.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

const TOKEN_URL = 'https://token.test/oauth2/token';
beforeAll(() => {
  vi.stubEnv('TOKEN_URL', TOKEN_URL);
});

const send = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
  handler(proxyEvent({ method, path, claims: undefined, headers }));

test('/health says that the service lives, and nobody keeps the answer', async () => {
  const { statusCode, headers, body } = await send('/health');
  expect({ statusCode, body }).toEqual({ statusCode: 200, body: '{"status":"ok"}' });
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
});

test('/openapi.json is the document', async () => {
  const { statusCode, headers, body } = await send('/openapi.json');
  expect(statusCode).toBe(200);
  expect(headers?.['content-type']).toBe('application/json');
  expect(JSON.parse(body)).toMatchObject({ openapi: '3.1.0', info: { title: 'Livline' } });
});

describe('/openapi.json as it is served', () => {
  const at = (host: string, more: Record<string, string> = {}) => send('/openapi.json', 'GET', { host, ...more });

  test('says where this API and its token issuer are', async () => {
    const contract = JSON.parse((await at('api.livline.example')).body);
    expect(contract.servers).toMatchObject([{ url: 'https://api.livline.example' }]);
    expect(contract.components.securitySchemes.oauth2.flows.clientCredentials.tokenUrl).toBe(TOKEN_URL);
    expect(JSON.parse((await at('127.0.0.1:3000', { 'x-forwarded-proto': 'http' })).body).servers[0].url).toBe(
      'http://127.0.0.1:3000',
    );
    expect((await at('attacker.example/"><script>')).body).not.toContain('attacker');
  });

  test('has a weak ETag of its text, compressed or not, by which a caller is spared what it has', async () => {
    const first = await at('api.livline.example');
    const etag = String(first.headers?.['etag']);
    expect(etag).toMatch(/^W\/"[\w-]{20,}"$/);
    expect((await at('other.livline.example')).headers?.['etag']).not.toBe(etag);
    const again = await at('api.livline.example', { 'if-none-match': etag });
    expect([again.statusCode, again.body, again.headers?.['etag']]).toEqual([304, '', etag]);
    expect((await at('api.livline.example', { 'if-none-match': etag.slice(2) })).statusCode).toBe(304);
    expect((await at('api.livline.example', { 'if-match': etag })).statusCode).toBe(412);
    expect((await at('api.livline.example', { 'if-none-match': '"other"' })).statusCode).toBe(200);
    expect((await at('api.livline.example', { 'if-none-match': 'other' })).statusCode).toBe(400);
  });

  test('has no default that makes generated types ask for a field, and no closed set in an answer', () => {
    const contract = JSON.parse(readFileSync(OPENAPI_FILE, 'utf8'));
    const { schemas } = contract.components;
    const found: string[] = [];
    const walk = (value: unknown, place: string, isAnswer: boolean): void => {
      if (typeof value !== 'object' || value === null) return;
      if ('default' in value && 'type' in value) found.push(`${place} has a default`);
      if (isAnswer && 'enum' in value) found.push(`${place} is closed`);
      for (const [name, inner] of Object.entries(value)) walk(inner, `${place}/${name}`, isAnswer);
    };
    const SENT = /Input|Patch|StatusChange|Request|InboundMessage/;
    for (const [name, schema] of Object.entries(schemas)) walk(schema, name, !SENT.test(name));
    walk(contract.paths, 'paths', false);
    expect(found).toEqual([]);
  });
});

describe('/docs', () => {
  test('lets the browser ask nobody but us', async () => {
    const { statusCode, headers, body } = await send('/docs');
    expect(statusCode).toBe(200);
    expect(headers?.['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(headers?.['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    expect(body).not.toMatch(/https?:\/\/|"\/\//);
  });

  test('is made of files that we serve, wherever the API lies', async () => {
    const { body } = await send('/docs');
    const files = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string);
    const served = files.filter((file) => !file.startsWith('data:'));
    expect(served.toSorted()).toEqual([
      'docs/start.js',
      'docs/swagger-ui-bundle.js',
      'docs/swagger-ui.css',
      'openapi.json',
    ]);
    for (const file of served) {
      const { pathname } = new URL(file, 'https://api.test/docs');
      const { statusCode, body: content } = await send(pathname);
      expect(statusCode, file).toBe(200);
      expect(content.length, file).toBeGreaterThan(100);
      // Below a stage's prefix the same names lead to the same files.
      expect(new URL(file, 'https://api.test/api/docs').pathname).toBe(`/api${pathname}`);
    }
  });

  test('has each file with its type', async () => {
    expect((await send('/docs/swagger-ui.css')).headers?.['content-type']).toBe('text/css; charset=utf-8');
    const script = await send('/docs/swagger-ui-bundle.js');
    expect(script.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
  });

  test('starts on our document and asks no validator', async () => {
    const { body } = await send('/docs/start.js');
    expect(body).toContain("url: 'openapi.json'");
    expect(body).toContain('validatorUrl: null');
    expect(body).not.toMatch(/https?:/);
  });

  test.each(['package.json', 'index.html', '..%2Fapp.ts', '../app.ts', 'constructor', '__proto__', 'toString', ''])(
    'has no file %j',
    async (file) => {
      expect((await send(`/docs/${file}`)).statusCode).toBe(404);
    },
  );
});

describe('/problems', () => {
  test('lists the closed set', async () => {
    const { problems } = JSON.parse((await send('/problems')).body);
    expect(problems.map(({ code }: { code: string }) => code)).toEqual(Object.keys(PROBLEMS));
  });

  test.each(Object.entries(PROBLEMS))('explains %s', async (code, { status, title, advice }) => {
    const { statusCode, body } = await send(`/problems/${code}`);
    expect(statusCode).toBe(200);
    expect(JSON.parse(body)).toEqual({ type: `/problems/${code}`, code, status, title, advice });
  });

  test.each(['nothing', 'constructor', '__proto__', 'not_found/more'])('knows no %s', async (code) => {
    expect((await send(`/problems/${code}`)).statusCode).toBe(404);
  });
});

describe('elsewhere', () => {
  test.each(['/', '/v2', '/health/', '/health/more', '/doc', '/docs/a/b', '//docs', '/%2e%2e/health'])(
    '%s is a problem',
    async (path) => {
      const event = proxyEvent({ method: 'GET', path, claims: undefined });
      const { statusCode, headers, body } = await handler(event);
      expect(statusCode).toBe(404);
      expect(headers).toMatchObject({
        'content-type': 'application/problem+json',
        'x-request-id': event.requestContext.requestId,
        'cache-control': 'no-store',
      });
      expect(JSON.parse(body)).toEqual({
        type: '/problems/not_found',
        title: 'Not found',
        status: 404,
        detail: 'There is nothing at this path.',
        instance: `urn:uuid:${event.requestContext.requestId}`,
      });
    },
  );
});

describe('methods', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    const { statusCode, headers, body } = await send('/health', method);
    expect(statusCode).toBe(405);
    expect(headers?.['allow']).toBe('GET, HEAD');
    expect(JSON.parse(body)).toMatchObject({ type: '/problems/method_not_allowed', status: 405 });
  });

  test('POST to no path is 404', async () => {
    expect((await send('/nowhere', 'POST')).statusCode).toBe(404);
  });

  test.each(['/health', '/docs', '/nowhere'])('HEAD of %s is GET without the body', async (path) => {
    const [head, get] = await Promise.all([send(path, 'HEAD'), send(path)]);
    expect(head.body).toBe('');
    expect(head.statusCode).toBe(get.statusCode);
    expect(head.headers?.['content-type']).toBe(get.headers?.['content-type']);
  });
});
