import { beforeAll, describe, expect, it, vi } from 'vitest';
import { adminApi } from '#functions/admin-api/app.ts';
import { timeClaim } from '#infra/local/proxy-event.ts';
import { RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { contentOf, restore } from '#test/support/content.ts';
import { type Caller, type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const clientAt = (clientId: string) => `/clients/${clientId}`;
const read = async (clientId: string) => (await livline.operator('GET', clientAt(clientId))).body;
const addTo = (clientId: string) => livline.operator('POST', `${clientAt(clientId)}/credentials`);
const end = (clientId: string, credentialId: string) =>
  livline.operator('DELETE', `${clientAt(clientId)}/credentials/${credentialId}`);
const revoke = (clientId: string) => livline.operator('DELETE', clientAt(clientId));
const idsOf = async (clientId: string): Promise<string[]> =>
  (await read(clientId)).credentials.map(({ id }: { id: string }) => id);

/** A request with a token that was got at a certain time. */
const asking = ({ code, clientId }: Caller, claims: Record<string, string>) =>
  livline.call.tenant(`/v1/municipalities/${code}/families`, 'GET', {
    client_id: clientId,
    scope: TENANT_SCOPES.map((scope) => `${RESOURCE_SERVER}/${scope}`).join(' '),
    ...claims,
  });
const askingWith = (by: Caller, issued: Date) => asking(by, { iat: timeClaim(issued) });

describe('a client', () => {
  it('has one credential at first, and two while one replaces the other', async () => {
    const { clientId } = await livline.freshMunicipality();
    const [first, ...none] = (await read(clientId)).credentials;
    expect([first.createdAt, none]).toEqual([livline.now().toISOString(), []]);
    livline.advance(60);
    const { status, headers, body } = await addTo(clientId);
    const { id, createdAt, clientSecret } = body.credential;
    expect({ status, location: headers['location'], createdAt }).toEqual({
      status: 201,
      location: `/v1/admin/clients/${clientId}/credentials/${id}`,
      createdAt: livline.now().toISOString(),
    });
    const shown = await read(clientId);
    expect(shown.credentials).toEqual([first, { id, createdAt, seenByOperator: true }]);
    expect(JSON.stringify(shown)).not.toContain(clientSecret);
    expect((await end(clientId, first.id)).status).toBe(204);
    expect(await idsOf(clientId)).toEqual([id]);
  });

  it('has no third credential, also when several ask at once', async () => {
    const { clientId } = await livline.freshMunicipality();
    const replies = await Promise.all([addTo(clientId), addTo(clientId), addTo(clientId)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expectProblem(await addTo(clientId), 409, 'conflict');
    expect(await idsOf(clientId)).toHaveLength(2);
  });

  it('keeps its last credential, also when both are ended at once', async () => {
    const { clientId } = await livline.freshMunicipality();
    const [only = ''] = await idsOf(clientId);
    expectProblem(await end(clientId, only), 409, 'conflict');
    await addTo(clientId);
    const replies = await Promise.all((await idsOf(clientId)).map((id) => end(clientId, id)));
    expect(replies.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect(await idsOf(clientId)).toHaveLength(1);
  });

  it.each(['unknown', 'client-1--1', '%23', 'a'.repeat(3_000)])('has no credential %j to end', async (credentialId) => {
    const own = await livline.freshMunicipality();
    expectProblem(await end(own.clientId, credentialId), 404, 'not_found');
    expect((await own.get('/families')).status).toBe(200);
  });

  it.each(['nobody', 'a%23G', '%00', 'a'.repeat(3_000)])('called %j does not exist', async (clientId) => {
    for (const reply of [await addTo(clientId), await end(clientId, 'x'), await revoke(clientId)]) {
      expectProblem(reply, 404, 'not_found');
    }
  });
});

describe('ending a credential', () => {
  it('refuses, within a minute, every token from before it, and takes those got afterwards', async () => {
    const own = await livline.freshMunicipality();
    await addTo(own.clientId);
    const before = livline.now();
    expect((await askingWith(own, before)).status).toBe(200);
    livline.advance(90.5);
    const [first = ''] = await idsOf(own.clientId);
    await end(own.clientId, first);
    const sameSecond = livline.now();
    livline.advance(60);
    for (const issued of [before, sameSecond]) expectProblem(await askingWith(own, issued), 401, 'unauthenticated');
    expect((await askingWith(own, new Date(sameSecond.getTime() + 1_000))).status).toBe(200);
    expect((await own.get('/families')).status).toBe(200);
  });

  it('refuses a token that does not say when it was issued', async () => {
    const own = await livline.freshMunicipality();
    await addTo(own.clientId);
    expect((await asking(own, {})).status).toBe(200);
    const [first = ''] = await idsOf(own.clientId);
    await end(own.clientId, first);
    livline.advance(60);
    for (const claims of [{}, { iat: '' }, { iat: 'yesterday' }]) {
      expectProblem(await asking(own, claims), 401, 'unauthenticated');
    }
    const seconds = Math.floor(livline.now().getTime() / 1000);
    expect((await asking(own, { iat: String(seconds) })).status).toBe(200);
    expectProblem(await asking(own, { iat: String(seconds - 3_600) }), 401, 'unauthenticated');
  });

  it('that dies anywhere is made good by asking again: the secret is gone, and what it gave is refused', async () => {
    const { code } = await livline.freshMunicipality();
    const again: number[] = [];
    const calls = await atEveryCall(async (life) => {
      const client = await livline.ownClient(livline.administratorOf(code), { preset: 'integration' });
      await addTo(client.clientId);
      const [first = '', second] = await idsOf(client.clientId);
      const issued = livline.now();
      livline.advance(60);
      const api = adminApi({
        ...OPERATORS,
        store: life.store(livline.store),
        keys: livline.keys,
        certificates: livline.certificates,
        identity: {
          ...livline.identity,
          listSecrets: life.guard(livline.identity.listSecrets),
          deleteSecret: life.guard(livline.identity.deleteSecret),
        },
        now: livline.now,
      });
      const path = `/v1/admin/clients/${client.clientId}/credentials/${first}`;
      await api(proxyEvent({ method: 'DELETE', path, claims: AS_OPERATOR }));
      await life.over();
      const lives = (await idsOf(client.clientId)).includes(first);
      if (!lives) expectProblem(await askingWith(client, issued), 401, 'unauthenticated');

      again.push((await end(client.clientId, first)).status);
      expect(await idsOf(client.clientId)).toEqual([second]);
      expectProblem(await askingWith(client, issued), 401, 'unauthenticated');
      livline.advance(60);
      expect((await client.get('/families')).status).toBe(200);
    });
    // The operators, the client, its secrets, the notice, its tokens refused, the secret ended, the tokens of the last instant refused.
    expect(calls).toBe(7);
    expect(again).toEqual([204, 204, 204, 204, 204, 204, 204, 404, 404]);
  });
});

const OPERATORS = { tokenUrl: 'https://token.test/oauth2/token', operatorClientId: OPERATOR, recoveryDelayS: 259_200 };
const AS_OPERATOR = { client_id: OPERATOR, scope: 'livline/admin:read livline/admin:write' };

describe('a client that is revoked', () => {
  it('is refused everywhere within a minute, like one that nobody knows, and is known for who it was', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const at = await livline.freshPartner('leaver', [one.code, other.code]);
    const { clientId } = at(one.code);
    for (const { code } of [one, other]) expect((await at(code).get('/families')).status).toBe(200);
    const revokedAt = livline.now().toISOString();
    expect((await revoke(clientId)).status).toBe(204);
    livline.advance(60);
    for (const { code } of [one, other]) {
      const refused = await at(code).get('/families');
      expectProblem(refused, 404, 'not_found');
      expect(withoutInstance(refused)).toEqual(withoutInstance(await livline.caller(code, 'nobody').get('/families')));
    }
    expect(livline.issuedClients.has(clientId)).toBe(false);
    expect(await read(clientId)).toMatchObject({
      clientId,
      name: 'platform',
      owner: { kind: 'partner', id: 'leaver' },
      revokedAt,
      revokedBy: OPERATOR,
      credentials: [],
      grants: [],
    });
  });

  it('gets no credential and no grant, from nobody, and stays revoked', async () => {
    const own = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('gone', [own.code]))(own.code);
    expect((await revoke(carelink.clientId)).status).toBe(204);
    const first = await read(carelink.clientId);
    livline.advance(60);
    expect((await revoke(carelink.clientId)).status).toBe(204);
    expect(await read(carelink.clientId)).toEqual(first);
    expectProblem(await addTo(carelink.clientId), 409, 'conflict');
    expectProblem(await end(carelink.clientId, 'any'), 409, 'conflict');
    const refused = await own.put(`/grants/${carelink.clientId}`, { preset: 'partner' });
    expectProblem(refused, 404, 'not_found');
    expect(withoutInstance(refused)).toEqual(withoutInstance(await own.put('/grants/nobody', { preset: 'partner' })));
  });

  it('is refused even where its revocation died half-way, and asking again does the rest', async () => {
    const own = await livline.freshMunicipality();
    const partner = (await livline.freshPartner('half', [own.code]))(own.code);
    const before = await contentOf(livline.store);
    const refusals: number[] = [];
    const calls = await atEveryCall(async (life) => {
      await restore(livline.store, before);
      livline.advance(60);
      const api = adminApi({
        ...OPERATORS,
        store: life.store(livline.store),
        keys: livline.keys,
        certificates: livline.certificates,
        identity: { ...livline.identity, deleteClient: life.guard(async () => undefined) },
        now: livline.now,
      });
      const path = `/v1/admin/clients/${partner.clientId}`;
      await api(proxyEvent({ method: 'DELETE', path, claims: AS_OPERATOR }));
      await life.over();
      const { status } = await partner.get('/families');
      refusals.push(status);
      expect(status === 404).toBe((await read(partner.clientId)).revokedAt !== undefined);
    });
    // The operators, the client, the grants as they are, the row that says it is revoked, the issuer, and the grant that goes.
    expect(calls).toBe(6);
    expect(refusals).toEqual([200, 200, 200, 200, 404, 404, 404, 404]);
    expect((await revoke(partner.clientId)).status).toBe(204);
    expect((await own.get(`/grants/${partner.clientId}`)).status).toBe(404);
  });
});

describe('the day of a client’s last use', () => {
  it('is shown from its first request on, and is a local date', async () => {
    const own = await livline.freshMunicipality();
    expect(await read(own.clientId)).not.toHaveProperty('lastUsedOn');
    await own.get('/families');
    expect((await read(own.clientId)).lastUsedOn).toBe(dayOf(livline.now()));
    const late = new Date(`${livline.now().toISOString().slice(0, 10)}T23:30:00Z`);
    livline.advance((late.getTime() - livline.now().getTime()) / 1000);
    await own.get('/families');
    const next = new Date(late.getTime() + 3_600_000);
    expect((await read(own.clientId)).lastUsedOn).toBe(dayOf(next));
  });

  it('is written once a day, whatever the client does', async () => {
    const own = await livline.freshMunicipality();
    const noted = await livline.requestsOf(async () => {
      for (let minute = 0; minute < 3; minute += 1) {
        await own.get('/families');
        livline.advance(60);
      }
    });
    const key = `U#${own.clientId}`;
    expect(noted.filter(({ command, input }) => command === 'PutItem' && input.Item.pk === key)).toHaveLength(1);
  });

  it('is not that of a request that was not let in', async () => {
    const own = await livline.freshMunicipality();
    const other = await livline.freshMunicipality();
    expectProblem(await own.at(other.code).get('/families'), 404, 'not_found');
    expect(await read(own.clientId)).not.toHaveProperty('lastUsedOn');
  });

  it('that cannot be written refuses no request', async () => {
    const own = await livline.freshMunicipality();
    const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      const reply = await livline.cutOff('sending', 'PutItem', () => own.get('/families'));
      expect(reply.status).toBe(200);
      expect(output.mock.calls.join()).toContain('use of a client not noted');
    } finally {
      output.mockRestore();
    }
    expect(await read(own.clientId)).not.toHaveProperty('lastUsedOn');
  });
});

/** The date of an instant in winter, in Denmark. */
const dayOf = (at: Date): string => new Date(at.getTime() + 3_600_000).toISOString().slice(0, 10);
