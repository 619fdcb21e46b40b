import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Client, type Installation, openInstallation } from '#infra/local/installation.ts';
import { createIssuer, type Issuer } from '#infra/local/issuer.ts';
import { StartupProblem } from '#infra/local/startup-problem.ts';

const SCOPES = ['livline/families:read', 'livline/families:write', 'livline/admin:write'];

let server: Server;
let installation: Installation;
let issuer: Issuer;
let client: Client;

const secretOf = ({ secrets: [first] }: Client): string => String(first?.value);

beforeAll(async () => {
  const notices = [vi.spyOn(console, 'info'), vi.spyOn(console, 'warn'), vi.spyOn(process.stderr, 'write')];
  installation = await openInstallation(['livline/admin:write']);
  client = installation.add({ name: 'test', scopes: ['livline/families:read', 'livline/families:write'] });
  server = createServer((request, response) => issuer.handle(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  issuer = createIssuer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, SCOPES, installation);
  for (const notice of notices) {
    expect(notice).not.toHaveBeenCalled();
    notice.mockRestore();
  }
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(form: Record<string, string>, basic?: string) {
  const response = await fetch(issuer.tokenUrl, {
    method: 'POST',
    headers: basic === undefined ? {} : { authorization: `Basic ${btoa(basic)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

it('gives a JWT that says all the gateway needs, verified by the published keys', async () => {
  const { status, body } = await ask({}, `${client.clientId}:${secretOf(client)}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
  const discovery = await fetch(`${issuer.url}/.well-known/openid-configuration`);
  const metadata = (await discovery.json()) as Record<string, string>;
  expect(metadata).toMatchObject({ issuer: issuer.url, token_endpoint: issuer.tokenUrl });
  const keys = createRemoteJWKSet(new URL(String(metadata['jwks_uri'])));
  const { payload, protectedHeader } = await jwtVerify(String(body['access_token']), keys);
  expect(protectedHeader.alg).toBe('RS256');
  expect(payload).toMatchObject({
    iss: issuer.url,
    aud: 'livline',
    client_id: client.clientId,
    token_use: 'access',
    scope: 'livline/families:read livline/families:write',
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
});

it('takes the secret in the body too, and gives no more scopes than asked for', async () => {
  const credentials = { client_id: client.clientId, client_secret: secretOf(client) };
  const { status, body } = await ask({ ...credentials, scope: 'livline/families:read' });
  expect([status, body['scope']]).toEqual([200, 'livline/families:read']);
});

it('refuses a wrong secret, an unknown client, a scope too many and any other grant', async () => {
  const basic = `${client.clientId}:${secretOf(client)}`;
  expect(await ask({}, `${client.clientId}:wrong`)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  expect(await ask({}, 'nobody:wrong')).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  const tooMuch = await ask({ scope: 'livline/families:read livline/admin:write' }, basic);
  expect(tooMuch).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
  const password = await ask({ grant_type: 'password' }, basic);
  expect(password).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } });
});

it('takes either of two secrets, and none that is ended or of another client', async () => {
  const fresh = installation.add({ name: 'rotating', scopes: ['livline/families:read'] });
  const found = () => installation.find(fresh.clientId) as Client;
  const status = async (secret: string) => (await ask({}, `${fresh.clientId}:${secret}`)).status;
  const [first] = fresh.secrets;
  const second = installation.addSecret(found());
  expect([await status(String(first?.value)), await status(second.value)]).toEqual([200, 200]);
  installation.removeSecret(found(), String(first?.id));
  expect([await status(String(first?.value)), await status(second.value)]).toEqual([401, 200]);
  expect(await status(secretOf(client))).toBe(401);
});

it('keeps clients and keys in a file of its owner alone, and says so when it cannot read it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livline-issuer-'));
  const path = join(folder, 'installation.json');
  try {
    const first = await openInstallation(['livline/admin:write'], folder);
    const { clientId } = first.add({ name: 'kept', scopes: ['livline/families:read'] });
    const second = await openInstallation(['livline/admin:write'], folder);
    expect(second.find(clientId)).toEqual(first.find(clientId));
    expect([second.operator, second.signingKeys, second.accessKeyId]).toEqual([
      first.operator,
      first.signingKeys,
      first.accessKeyId,
    ]);
    expect(statSync(path).mode & 0o077).toBe(0);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -20));
    await expect(openInstallation([], folder)).rejects.toThrow(StartupProblem);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
