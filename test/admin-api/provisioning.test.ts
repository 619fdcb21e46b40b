import { beforeAll, describe, expect, it } from 'vitest';
import { TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const provision = (body: unknown) => livline.operator('POST', '/municipalities', { body });
const claims = (clientId: string, scope: string) => ({ client_id: clientId, scope, token_use: 'access' });

describe('provisioning a municipality', () => {
  it('takes its facts from the register and hands over the first credentials, once', async () => {
    const { status, headers, body } = await provision({ code: '0630' });
    expect({ status, location: headers['location'] }).toEqual({
      status: 201,
      location: '/v1/admin/municipalities/0630',
    });
    const municipality = {
      code: '0630',
      name: 'Vejle',
      officialName: 'Vejle Kommune',
      cvr: '29189900',
      region: '1083',
      regionName: 'Region Syddanmark',
      status: 'test',
      provisionedAt: '2026-11-20T09:00:00.000Z',
      provisionedBy: OPERATOR,
    };
    expect(body).toEqual({
      municipality,
      client: {
        clientId: expect.any(String),
        clientSecret: expect.any(String),
        tokenUrl: 'https://token.test/oauth2/token',
      },
    });
    expect((await livline.operator('GET', '/municipalities/0630')).body).toEqual(municipality);
    const client = await livline.operator('GET', `/clients/${body.client.clientId}`);
    expect(client.body.grants).toMatchObject([{ municipality: '0630', scopes: TENANT_SCOPES }]);
    expect(JSON.stringify(client.body)).not.toContain(body.client.clientSecret);
    expect(livline.issuedClients.get(body.client.clientId)).toEqual(TENANT_SCOPES);
  });

  it('gives a client that works at once, with every scope, in its own municipality', async () => {
    const code = livline.nextCode();
    const { body } = await provision({ code });
    const administrator = livline.caller(code, body.client.clientId);
    expect((await makeFamily(administrator)).municipality).toBe(code);
    for (const path of ['/families', '/institutions', '/consultants', '/helplines', '/themes', '/events']) {
      expect((await administrator.get(path)).status).toBe(200);
    }
    expectProblem(await administrator.at('0630').get('/families'), 404, 'not_found');
  });

  it('is the first thing in the municipality’s feed', async () => {
    livline.takeStream();
    const caller = await livline.freshMunicipality();
    await livline.relay();
    const { body } = await caller.get('/events');
    expect(body.items).toMatchObject([
      {
        type: 'dk.livline.municipality.provisioned',
        subject: caller.code,
        sequence: '000000000001',
        data: { action: 'created', actor: { kind: 'operator', id: OPERATOR } },
      },
    ]);
  });

  it('takes 766 for 0766', async () => {
    expect((await provision({ code: '766' })).body.municipality).toMatchObject({ code: '0766', name: 'Hedensted' });
  });

  it('happens once: the same code again is refused, however it is spelt', async () => {
    const code = livline.nextCode();
    await provision({ code });
    const clients = livline.issuedClients.size;
    for (const again of [code, code.replace(/^0/, '')]) {
      const requests = await livline.requestsOf(async () => {
        expectProblem(await provision({ code: again }), 409, 'already_exists');
      });
      expect(writesIn(requests)).toEqual([]);
    }
    expect(livline.issuedClients.size).toBe(clients);
  });

  it('asked for by four at the same instant happens once, and leaves one client', async () => {
    const code = livline.nextCode();
    const clients = livline.issuedClients.size;
    const replies = await Promise.all(Array.from({ length: 4 }, () => provision({ code })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(livline.issuedClients.size).toBe(clients + 1);
    const clientId = replies.find(({ status }) => status === 201)?.body.client.clientId;
    expect(livline.issuedClients.has(clientId)).toBe(true);
    expect((await livline.caller(code, clientId).get('/families')).status).toBe(200);
  });

  it.each([
    ['a code that does not exist', { code: '9999' }, '/code'],
    ['a code that is none', { code: 'Vejle' }, '/code'],
    ['a number', { code: 630 }, '/code'],
    ['no code', {}, '/code'],
    ['facts of its own', { code: '0751', name: 'Aarhus' }, '/name'],
  ])('with %s is refused, and no client is made', async (_, body, pointer) => {
    const clients = livline.issuedClients.size;
    expectProblem(await provision(body), 422, 'validation_failed', pointer);
    expect(livline.issuedClients.size).toBe(clients);
  });

  it('knows the regions of its day', async () => {
    const later = await startLivline();
    await later.operator('POST', '/municipalities', { body: { code: '0101' } });
    later.advance(42 * 86_400);
    const { body } = await later.operator('POST', '/municipalities', { body: { code: '0265' } });
    expect(body.municipality).toMatchObject({ name: 'Roskilde', regionName: 'Region Østdanmark' });
    expect(body.municipality.region).toBeUndefined();
    const { items } = (await later.operator('GET', '/municipalities')).body;
    expect(items.map(({ code, regionName }: { code: string; regionName: string }) => [code, regionName])).toEqual([
      ['0101', 'Region Hovedstaden'],
      ['0265', 'Region Østdanmark'],
    ]);
    expect(JSON.stringify(items)).not.toContain('cursorKey');
  });

  it.each(['9999', '0825', '630', 'x', '%23', 'a'.repeat(3_000)])(
    'was not done for %j, which is not found',
    async (code) => {
      expectProblem(await livline.operator('GET', `/municipalities/${code}`), 404, 'not_found');
    },
  );
});

describe('the operators’ side', () => {
  const ask = (method: string, who?: Record<string, string>) =>
    livline.admin('/v1/admin/municipalities', method, who, method === 'POST' ? { body: { code: '0849' } } : {});

  it('is closed to who has no token', async () => {
    expectProblem(await ask('GET'), 401, 'unauthenticated');
  });

  it('is closed to every client but the operator’s, whatever scope its token has', async () => {
    const { clientId } = await livline.freshMunicipality();
    for (const scope of ['livline/admin:read livline/admin:write', 'livline/families:write', '']) {
      for (const method of ['GET', 'POST']) expectProblem(await ask(method, claims(clientId, scope)), 403, 'forbidden');
    }
    expectProblem(await livline.operator('GET', '/municipalities/0849'), 404, 'not_found');
  });

  it('is open to the operator as far as the scope of its token goes', async () => {
    expect((await ask('GET', claims(OPERATOR, 'livline/admin:read'))).status).toBe(200);
    expectProblem(await ask('POST', claims(OPERATOR, 'livline/admin:read')), 403, 'forbidden');
    expectProblem(await ask('GET', claims(OPERATOR, 'livline/admin:write')), 403, 'forbidden');
    expectProblem(await ask('GET', claims(OPERATOR, 'admin:read other/admin:read')), 403, 'forbidden');
  });

  it('gives the operator no way into a municipality', async () => {
    const { code } = await livline.freshMunicipality();
    expectProblem(await livline.caller(code, OPERATOR).get('/families'), 404, 'not_found');
  });
});
