import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type LocalProduct, startProduct } from '#infra/local/product.ts';

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

let product: LocalProduct;

beforeAll(async () => {
  product = await startProduct({ port: 0, basePath: '/livline', allowLocalWebhooks: true });
});

afterAll(() => product.stop());

async function tokenOf({ clientId, clientSecret }: Credentials): Promise<string> {
  const response = await fetch(product.tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function call(credentials: Credentials, method: string, path: string, body?: unknown) {
  const response = await fetch(product.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${await tokenOf(credentials)}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

it('carries a change from the front door to a receiver on this machine', async () => {
  expect((await fetch(`${product.apiUrl}/health`)).status).toBe(200);
  const provisioned = await call(product.operator, 'POST', '/v1/admin/municipalities', { code: '0766' });
  expect(provisioned.status).toBe(201);
  const client = provisioned.body['client'] as Credentials;

  const received: unknown[] = [];
  const receiver = createServer((request, response) => {
    received.push(request.headers['webhook-id']);
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  try {
    const municipality = '/v1/municipalities/0766';
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const endpoint = await call(client, 'POST', `${municipality}/webhook-endpoints`, { url, types: ['theme.*'] });
    expect(endpoint.status).toBe(201);
    const theme = { year: 2026, quarter: 4, code: 'mentalisation', titleDa: 'Mentalisering' };
    const created = await call(client, 'POST', `${municipality}/themes`, theme);
    expect(created).toMatchObject({ status: 201 });
    await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 5000 });
    expect((await call(client, 'GET', '/v1/municipalities/0101/themes')).status).toBe(404);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});

it('gives links that can be followed as they are, wherever the API lies', async () => {
  const answer = await fetch(`${product.apiUrl}/v1/admin/partners`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await tokenOf(product.operator)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'carelink', name: 'Carelink' }),
  });
  expect(answer.status).toBe(201);
  const made = new URL(answer.headers.get('location') ?? '', answer.url).href;
  expect(made).toBe(`${product.apiUrl}/v1/admin/partners/carelink`);

  const refused = await fetch(`${product.apiUrl}/v1/municipalities/0630/families`);
  const { type } = (await refused.json()) as { type: string };
  const explained = await fetch(new URL(type, refused.url));
  expect([explained.status, await explained.json()]).toEqual([
    200,
    expect.objectContaining({ code: 'unauthenticated' }),
  ]);
  expect((await fetch(`${product.apiUrl}/docs`)).status).toBe(200);
  expect((await fetch(new URL('/health', product.apiUrl))).status).toBe(404);
});

it('changes a client over from one credential to another, and then revokes it', async () => {
  const { operator } = product;
  const provisioned = await call(operator, 'POST', '/v1/admin/municipalities', { code: '0630' });
  const first = provisioned.body['client'] as Credentials;
  const at = `/v1/admin/clients/${first.clientId}`;
  const added = await call(operator, 'POST', `${at}/credentials`);
  const second = added.body['credential'] as Credentials;
  expect((await call(operator, 'POST', `${at}/credentials`)).status).toBe(409);
  for (const credentials of [first, second]) {
    expect((await call(credentials, 'GET', '/v1/municipalities/0630/themes')).status).toBe(200);
  }
  const { body } = await call(operator, 'GET', at);
  expect(body['lastUsedOn']).toMatch(/^\d{4}-\d\d-\d\d$/);
  const [{ id } = { id: '' }] = body['credentials'] as { id: string }[];
  const remove = async (path: string) =>
    fetch(product.apiUrl + path, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${await tokenOf(operator)}` },
    });
  expect((await remove(`${at}/credentials/${id}`)).status).toBe(204);
  expect([await tokenOf(first), await tokenOf(second)]).toEqual([undefined, expect.any(String)]);
  expect((await remove(at)).status).toBe(204);
  expect(await tokenOf(second)).toBeUndefined();
  expect((await call(operator, 'GET', at)).body).toMatchObject({ credentials: [], grants: [] });
});
