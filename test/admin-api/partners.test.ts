import { beforeAll, describe, expect, it } from 'vitest';
import { PRESETS, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const create = (body: unknown) => livline.operator('POST', '/partners', { body });
const ungrant = (clientId: string, code: string) => livline.operator('DELETE', `/clients/${clientId}/grants/${code}`);
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
  it('is granted nothing by an operator, who can take back what the municipality granted', async () => {
    const municipality = await livline.freshMunicipality();
    const clientId = await freshClient('starter');
    const grant = `/clients/${clientId}/grants/${municipality.code}`;
    expectProblem(await livline.operator('PUT', grant, { body: SCOPES }), 405, 'method_not_allowed');
    expectProblem(await ungrant(clientId, municipality.code), 404, 'not_found');
    const client = livline.caller(municipality.code, clientId);
    expectProblem(await client.get('/families'), 404, 'not_found');
    await municipality.put(`/grants/${clientId}`, SCOPES);
    expect((await client.get('/families')).status).toBe(200);
    expect((await ungrant(clientId, municipality.code)).status).toBe(204);
    livline.advance(60);
    expectProblem(await client.get('/families'), 404, 'not_found');
  });

  it('shows its owner and its grants, one for each municipality', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const clientId = await freshClient('granted');
    for (const by of [other, one]) await by.put(`/grants/${clientId}`, SCOPES);
    await one.put(`/grants/${clientId}`, { scopes: ['families:read', 'families:read'] });
    const { body } = await livline.operator('GET', `/clients/${clientId}`);
    expect(body).toMatchObject({ clientId, name: 'platform', owner: { kind: 'partner', id: 'granted' } });
    expect(body.grants).toMatchObject([
      { municipality: one.code, scopes: ['families:read'], grantedBy: one.clientId },
      { municipality: other.code, scopes: SCOPES.scopes, grantedBy: other.clientId },
    ]);
  });

  it.each(['nobody', 'a%23G', '%00', 'a'.repeat(3_000)])(
    'called %j, which does not exist, is not found',
    async (clientId) => {
      const { code } = await livline.freshMunicipality();
      expectProblem(await livline.operator('GET', `/clients/${clientId}`), 404, 'not_found');
      expectProblem(await ungrant(clientId, code), 404, 'not_found');
    },
  );
});

describe('another client of a municipality', () => {
  it('is made by the municipality alone: no operator makes one, and none grants', async () => {
    const own = await livline.freshMunicipality();
    const body = { name: 'DUBU', ...SCOPES };
    expectProblem(await livline.operator('POST', `/municipalities/${own.code}/clients`, { body }), 404, 'not_found');
    const grant = `/clients/${own.clientId}/grants/${own.code}`;
    expectProblem(await livline.operator('PUT', grant, { body: SCOPES }), 405, 'method_not_allowed');
  });

  it('may do what it was made for, as the municipality', async () => {
    const own = await livline.freshMunicipality();
    const { status, headers, body } = await own.post('/clients', { name: 'DUBU æøå #1', ...SCOPES });
    const { clientId, clientSecret, tokenUrl } = body.client;
    expect({ status, location: headers['location'] }).toEqual({
      status: 201,
      location: `/v1/municipalities/${own.code}/clients/${clientId}`,
    });
    expect([clientSecret, tokenUrl]).toEqual([expect.any(String), 'https://token.test/oauth2/token']);
    // The grant alone says what it may do, so a wider one works without another client.
    expect(livline.issuedClients.get(clientId)).toEqual(TENANT_SCOPES);
    const client = livline.caller(own.code, clientId);
    expect(await makeFamily(client)).toMatchObject({ source: 'municipal', createdBy: clientId });
    expectProblem(await client.get('/events'), 403, 'forbidden');
  });

  it('loses its grant by an operator once', async () => {
    const own = await livline.freshMunicipality();
    const { clientId } = await livline.ownClient(own, SCOPES);
    expect((await ungrant(clientId, own.code)).status).toBe(204);
    expectProblem(await ungrant(clientId, own.code), 404, 'not_found');
    expectProblem(await livline.caller(own.code, clientId).get('/families'), 404, 'not_found');
  });

  it.each(Object.entries(PRESETS))('made for the role %s may do what that needs', async (preset, scopes) => {
    const own = await livline.freshMunicipality();
    const { clientId } = await livline.ownClient(own, { preset });
    const { body } = await livline.operator('GET', `/clients/${clientId}`);
    expect(body.grants).toMatchObject([{ municipality: own.code, preset, scopes }]);
  });

  it('is not made without saying what it may do', async () => {
    const own = await livline.freshMunicipality();
    const before = livline.issuedClients.size;
    for (const body of [{ name: 'Alt' }, { name: 'Alt', ...SCOPES, preset: 'manager' }]) {
      expectProblem(await own.post('/clients', body), 422, 'validation_failed', '/scopes');
    }
    expect(livline.issuedClients.size).toBe(before);
  });
});
