import { beforeAll, describe, expect, it } from 'vitest';
import { TENANT_SCOPES } from '#shared/tenancy/scopes.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const create = (body: unknown) => livline.operator('POST', '/partners', { body });
const grant = (clientId: string, code: string, body: unknown) =>
  livline.operator('PUT', `/clients/${clientId}/grants/${code}`, { body });
const SCOPES = { scopes: ['families:read', 'families:write'] };

/** A client of the partner, which is registered unless it is; the client is granted nothing yet. */
async function freshClient(id: string): Promise<string> {
  await create({ id, name: id });
  return (await livline.operator('POST', `/partners/${id}/clients`, { body: { name: 'platform' } })).body.client
    .clientId;
}

describe('a partner', () => {
  it('is registered, found and listed', async () => {
    const partner = { id: 'carelink', name: 'Carelink', cvr: '29189587' };
    const created = await create(partner);
    expect(created.status).toBe(201);
    expect(created.headers['location']).toBe('/v1/admin/partners/carelink');
    expect(created.body).toEqual({ ...partner, createdAt: '2026-11-20T09:00:00.000Z', createdBy: OPERATOR });
    await create({ id: 'bakkevej', name: 'Bakkevej' });
    expect((await livline.operator('GET', '/partners/carelink')).body).toEqual(created.body);
    const { items } = (await livline.operator('GET', '/partners')).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual(['bakkevej', 'carelink']);
  });

  it('is registered once', async () => {
    expect((await create({ id: 'twice', name: 'A' })).status).toBe(201);
    expectProblem(await create({ id: 'twice', name: 'B' }), 409, 'already_exists');
    expect((await livline.operator('GET', '/partners/twice')).body.name).toBe('A');
  });

  it.each(['municipal', 'livline', 'Carelink', 'a', '1a', 'a#b', 'a b', 'å', 'a'.repeat(41), ''])(
    'cannot be called %j',
    async (id) => {
      expectProblem(await create({ id, name: 'A' }), 422, 'validation_failed', '/id');
    },
  );

  it.each(['nobody', 'NOBODY', '%23', 'a'.repeat(3_000)])(
    'called %j, which does not exist, is not found',
    async (id) => {
      expectProblem(await livline.operator('GET', `/partners/${id}`), 404, 'not_found');
      const body = { name: 'platform' };
      const clients = livline.issuedClients.size;
      expectProblem(await livline.operator('POST', `/partners/${id}/clients`, { body }), 404, 'not_found');
      expect(livline.issuedClients.size).toBe(clients);
    },
  );
});

describe('a partner’s client', () => {
  it('can do nothing before it is granted something, and then just that', async () => {
    const { code } = await livline.freshMunicipality();
    const clientId = await freshClient('starter');
    const client = livline.caller(code, clientId);
    expectProblem(await client.get('/families'), 404, 'not_found');
    const granted = await grant(clientId, code, SCOPES);
    expect(granted).toMatchObject({
      status: 200,
      body: { clientId, municipality: code, ...SCOPES, grantedAt: '2026-11-20T09:00:00.000Z', grantedBy: OPERATOR },
    });
    expect((await makeFamily(client)).source).toBe('starter');
    expectProblem(await client.get('/calls'), 403, 'forbidden');
  });

  it('shows its owner and its grants, one for each municipality', async () => {
    const [one, other] = [livline.nextCode(), livline.nextCode()];
    for (const code of [one, other]) await livline.operator('POST', '/municipalities', { body: { code } });
    const clientId = await freshClient('granted');
    await grant(clientId, one, SCOPES);
    await grant(clientId, other, SCOPES);
    await grant(clientId, one, { scopes: ['families:read', 'families:read'] });
    const { body } = await livline.operator('GET', `/clients/${clientId}`);
    expect(body).toMatchObject({ clientId, name: 'platform', owner: { kind: 'partner', id: 'granted' } });
    expect(body.grants).toMatchObject([
      { municipality: one, scopes: ['families:read'] },
      { municipality: other, scopes: SCOPES.scopes },
    ]);
  });

  it('loses a grant once', async () => {
    const { code } = await livline.freshMunicipality();
    const clientId = await freshClient('loser');
    await grant(clientId, code, SCOPES);
    const take = () => livline.operator('DELETE', `/clients/${clientId}/grants/${code}`);
    expect((await take()).status).toBe(204);
    expectProblem(await take(), 404, 'not_found');
    expect((await livline.operator('GET', `/clients/${clientId}`)).body.grants).toEqual([]);
  });

  it.each([
    ['a scope that does not exist', { scopes: ['families:delete'] }, '/scopes/0'],
    ['a scope of the operators', { scopes: ['admin:write'] }, '/scopes/0'],
    ['no scope at all', { scopes: [] }, '/scopes'],
    ['something else', { scopes: ['families:read'], until: '2027-01-01' }, '/until'],
  ])('is not granted %s', async (_, body, pointer) => {
    const { code, clientId } = await livline.freshMunicipality();
    const requests = await livline.requestsOf(async () => {
      expectProblem(await grant(clientId, code, body), 422, 'validation_failed', pointer);
    });
    expect(writesIn(requests)).toEqual([]);
  });

  it.each(['0860', '9999', '630', '%23', 'a'.repeat(3_000)])(
    'is granted nothing in %j, which is not provisioned',
    async (code) => {
      const clientId = await freshClient('early');
      expectProblem(await grant(clientId, code, SCOPES), 422, 'validation_failed', '/path/code');
      expectProblem(await livline.operator('DELETE', `/clients/${clientId}/grants/${code}`), 404, 'not_found');
    },
  );

  it.each(['nobody', 'a%23G', '%00', 'a'.repeat(3_000)])(
    'called %j, which does not exist, is not found',
    async (clientId) => {
      const { code } = await livline.freshMunicipality();
      expectProblem(await livline.operator('GET', `/clients/${clientId}`), 404, 'not_found');
      expectProblem(await grant(clientId, code, SCOPES), 404, 'not_found');
      expectProblem(await livline.operator('DELETE', `/clients/${clientId}/grants/${code}`), 404, 'not_found');
    },
  );
});

describe('another client of a municipality', () => {
  it("is granted nothing in another municipality: only partners' clients work in several", async () => {
    const [own, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    expectProblem(await grant(own.clientId, other.code, SCOPES), 422, 'validation_failed', '/path/code');
    expect((await own.at(other.code).get('/families')).status).toBe(404);
    expect((await grant(own.clientId, own.code, SCOPES)).status).toBe(200);
  });

  const more = (code: string, body: unknown) => livline.operator('POST', `/municipalities/${code}/clients`, { body });

  it('may do what it was made for, as the municipality', async () => {
    const { code } = await livline.freshMunicipality();
    const { status, headers, body } = await more(code, { name: 'DUBU æøå #1', ...SCOPES });
    const { clientId, clientSecret, tokenUrl } = body.client;
    expect({ status, location: headers['location'] }).toEqual({
      status: 201,
      location: `/v1/admin/clients/${clientId}`,
    });
    expect([clientSecret, tokenUrl]).toEqual([expect.any(String), 'https://token.test/oauth2/token']);
    expect(livline.issuedClients.get(clientId)).toEqual(SCOPES.scopes);
    const client = livline.caller(code, clientId);
    expect(await makeFamily(client)).toMatchObject({ source: 'municipal', createdBy: clientId });
    expectProblem(await client.get('/events'), 403, 'forbidden');
  });

  it('may do everything where nothing else is said', async () => {
    const { code } = await livline.freshMunicipality();
    const { body } = await more(code, { name: 'Alt' });
    expect(livline.issuedClients.get(body.client.clientId)).toEqual(TENANT_SCOPES);
  });
});
