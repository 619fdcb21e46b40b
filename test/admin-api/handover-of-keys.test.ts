import { beforeAll, describe, expect, it } from 'vitest';
import { PRESETS, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { replaceSeen, setStatus } from '#test/support/endpoints.ts';
import { type Caller, type Livline, OPERATOR, RECOVERY_DELAY_S, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const goLive = (code: string) =>
  livline.operator('POST', `/municipalities/${code}/status`, { body: { status: 'live' } });
const credentialsOf = async (by: Caller, clientId = by.clientId): Promise<{ id: string; seenByOperator?: true }[]> =>
  (await by.get(`/clients/${clientId}`)).body.credentials;
const addInside = (by: Caller, clientId = by.clientId) => by.send('POST', `/clients/${clientId}/credentials`);
/** The events of a municipality about its access, once the lifecycle has told what operators did. */
async function toldIn(by: Caller) {
  await livline.lifecycle();
  await livline.relay();
  const { items } = (await by.get('/events', { types: 'access.*', limit: '200' })).body;
  return items.map(({ type, data }: { type: string; data: { actor: { id: string } } }) => [
    type.replace('dk.livline.access.', ''),
    data.actor.id,
  ]);
}

describe('a credential that an operator has seen', () => {
  it('works in test and is marked, and going live is refused until it is replaced from inside', async () => {
    const own = await livline.freshMunicipality();
    expect(await credentialsOf(own)).toMatchObject([{ seenByOperator: true }]);
    const refused = await goLive(own.code);
    expectProblem(refused, 409, 'credentials_seen');
    expect(refused.body.detail).toContain(own.clientId);
    const { body } = await addInside(own);
    expect((await goLive(own.code)).status).toBe(200);
    livline.advance(61);
    expect(await credentialsOf(own)).toEqual([{ id: body.credential.id, createdAt: expect.any(String) }]);
  });

  it('ends when the municipality goes live, with the tokens that it gave', async () => {
    const own = await livline.freshMunicipality();
    await addInside(own);
    const claims = { client_id: own.clientId, scope: 'livline/families:read', iat: '1795000000' };
    const path = `/v1/municipalities/${own.code}/families`;
    expect((await livline.call.tenant(path, 'GET', claims)).status).toBe(200);
    await goLive(own.code);
    livline.advance(61);
    expectProblem(await livline.call.tenant(path, 'GET', claims), 401, 'unauthenticated');
    expect((await own.get('/families')).status).toBe(200);
  });

  it('of a client without access is refused in a live municipality also when it is granted there later', async () => {
    const own = await livline.freshMunicipality();
    const other = await livline.ownClient(own, { scopes: [...TENANT_SCOPES] });
    await livline.operator('DELETE', `/clients/${own.clientId}/grants/${own.code}`);
    expect((await goLive(own.code)).status).toBe(200);
    livline.advance(61);
    expect((await other.put(`/grants/${own.clientId}`, { preset: 'manager' })).status).toBe(200);
    expectProblem(await own.get('/families'), 404, 'not_found');
  });

  it('is added by an operator in test alone, and is told', async () => {
    const own = await livline.freshMunicipality();
    await replaceSeen(livline, own.code);
    const add = () => livline.operator('POST', `/clients/${own.clientId}/credentials`);
    expect((await add()).status).toBe(201);
    expect((await credentialsOf(own)).filter(({ seenByOperator }) => seenByOperator)).toHaveLength(1);
    expect(await toldIn(own)).toContainEqual(['credential_added', OPERATOR]);
    expect((await goLive(own.code)).status).toBe(200);
    livline.advance(61);
    expect(await credentialsOf(own)).toHaveLength(1);
    expectProblem(await add(), 409, 'conflict');
    expect(await credentialsOf(own)).toHaveLength(1);
  });

  it('is not left to a live municipality by an operator who adds it as it goes live', async () => {
    const own = await livline.freshMunicipality();
    await replaceSeen(livline, own.code);
    await Promise.all([livline.operator('POST', `/clients/${own.clientId}/credentials`), goLive(own.code)]);
    await goLive(own.code);
    livline.advance(61);
    expect((await credentialsOf(own)).filter(({ seenByOperator }) => seenByOperator)).toEqual([]);
    expect((await own.get('/families')).status).toBe(200);
  });
});

describe('a credential that an operator adds to a partner’s client', () => {
  it('suspends its grants everywhere until each municipality confirms, and each is told', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const at = await livline.freshPartner('suspended', [one.code, other.code], ['families:read']);
    const { clientId } = at(one.code);
    expect((await at(one.code).get('/families')).status).toBe(200);
    await livline.operator('POST', `/clients/${clientId}/credentials`);
    livline.advance(61);
    for (const by of [one, other]) {
      expectProblem(await at(by.code).get('/families'), 404, 'not_found');
      expect((await by.get(`/grants/${clientId}`)).body.suspendedAt).toBeDefined();
      expect(await toldIn(by)).toContainEqual(['suspended', OPERATOR]);
    }
    expect((await one.post(`/grants/${clientId}/confirm`, { operatorCredentials: 1 })).status).toBe(200);
    expect((await at(one.code).get('/families')).status).toBe(200);
    expectProblem(await at(other.code).get('/families'), 404, 'not_found');
    expect(await toldIn(one)).toContainEqual(['confirmed', one.clientId]);
  });

  it('stays suspended where the municipality confirms no credential that it has not been told of', async () => {
    const own = await livline.freshMunicipality();
    const partner = (await livline.freshPartner('counted', [own.code], ['families:read']))(own.code);
    const path = `/grants/${partner.clientId}`;
    const confirm = (operatorCredentials: number) => own.post(`${path}/confirm`, { operatorCredentials });
    const add = () => livline.operator('POST', `/clients/${partner.clientId}/credentials`);
    const first = (await add()).body.credential.id;
    expect((await own.get(path)).body.operatorCredentials).toBe(1);
    // An operator ends the one that was told, and adds another.
    await livline.operator('DELETE', `/clients/${partner.clientId}/credentials/${first}`);
    await add();
    expectProblem(await confirm(1), 409, 'conflict');
    livline.advance(61);
    expectProblem(await partner.get('/families'), 404, 'not_found');
    expect((await own.get(path)).body.operatorCredentials).toBe(2);
    const confirmed = await confirm(2);
    expect([confirmed.status, confirmed.body.operatorCredentials]).toEqual([200, undefined]);
    expect((await partner.get('/families')).status).toBe(200);
  });

  it('is not confirmed by a change of what the client may do', async () => {
    const own = await livline.freshMunicipality();
    const partner = (await livline.freshPartner('changed', [own.code], ['families:read']))(own.code);
    await livline.operator('POST', `/clients/${partner.clientId}/credentials`);
    for (const scopes of [['families:read'], ['families:read', 'children:read']]) {
      expect((await own.put(`/grants/${partner.clientId}`, { scopes })).body.operatorCredentials).toBe(1);
    }
    livline.advance(61);
    expectProblem(await partner.get('/families'), 404, 'not_found');
  });
});

describe('the last client that holds grants:write', () => {
  it('is neither stripped nor revoked, and of two that revoke each other at once one stays', async () => {
    const first = await livline.freshMunicipality();
    const second = await livline.ownClient(first, { scopes: [...TENANT_SCOPES] });
    const replies = await Promise.all([
      first.send('DELETE', `/clients/${second.clientId}`),
      second.send('DELETE', `/clients/${first.clientId}`),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([204, 409]);
    const left = replies[0]?.status === 204 ? first : second;
    livline.advance(61);
    const third = await livline.ownClient(left, { preset: 'dpo' });
    const helper = await livline.ownClient(left, { scopes: [...TENANT_SCOPES] });
    await left.put(`/grants/${helper.clientId}`, { preset: 'manager' });
    expectProblem(await left.send('DELETE', `/clients/${left.clientId}`), 422, 'validation_failed', '/path/clientId');
    expect((await left.send('DELETE', `/clients/${third.clientId}`)).status).toBe(204);
  });

  it('stays also where another one’s token still says that it may revoke it', async () => {
    const first = await livline.freshMunicipality();
    const second = await livline.ownClient(first, { scopes: [...TENANT_SCOPES] });
    await second.get('/grants');
    await first.put(`/grants/${second.clientId}`, { preset: 'manager' });
    // Its access is remembered for a minute.
    expectProblem(await second.send('DELETE', `/grants/${first.clientId}`), 409, 'conflict');
    expectProblem(await second.put(`/grants/${first.clientId}`, { preset: 'manager' }), 409, 'conflict');
    expectProblem(await second.send('DELETE', `/clients/${first.clientId}`), 409, 'conflict');
  });

  it('is revoked by an operator, who can always revoke, and the event says that it was the last', async () => {
    const own = await livline.freshMunicipality();
    const reader = await livline.ownClient(own, { preset: 'dpo' });
    expect((await livline.operator('DELETE', `/clients/${own.clientId}`)).status).toBe(204);
    await livline.lifecycle();
    await livline.relay();
    const { items } = (await reader.get('/events', { types: 'access.client_revoked' })).body;
    expect(items).toMatchObject([{ subject: own.clientId, data: { lastHolder: true, actor: { id: OPERATOR } } }]);
  });
});

describe('a client that is made from inside', () => {
  it('has no more rights than its maker, and no more than a maker may take can it be revoked by', async () => {
    const own = await livline.freshMunicipality();
    const narrow = await livline.ownClient(own, { scopes: ['grants:read', 'grants:write', 'families:read'] });
    expectProblem(await narrow.post('/clients', { name: 'x', preset: 'dpo' }), 403, 'forbidden');
    const wide = await livline.ownClient(own, { scopes: PRESETS.dpo });
    expectProblem(await narrow.send('DELETE', `/clients/${wide.clientId}`), 403, 'forbidden');
    expectProblem(await narrow.send('DELETE', `/grants/${wide.clientId}`), 403, 'forbidden');
    expectProblem(await addInside(narrow, wide.clientId), 403, 'forbidden');
    expect((await livline.ownClient(narrow, { scopes: ['families:read'] })).clientId).toBeDefined();
  });

  it('is made once by a repeated request, whose answer does not show the secret again', async () => {
    const own = await livline.freshMunicipality();
    const make = (name: string) => own.post('/clients', { name, preset: 'integration' }, { 'idempotency-key': 'k' });
    const first = await make('DUBU');
    const clients = livline.issuedClients.size;
    const second = await make('DUBU');
    expect(second.body).toEqual({ client: { clientId: first.body.client.clientId } });
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(livline.issuedClients.size).toBe(clients);
    expectProblem(await make('Another'), 422, 'idempotency_key_reused');
  });

  it('is another municipality’s to nobody: it is not found there, nor is a partner’s', async () => {
    const [own, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const partner = (await livline.freshPartner('foreign', [own.code]))(own.code);
    for (const clientId of [other.clientId, partner.clientId, 'nobody']) {
      expectProblem(await own.get(`/clients/${clientId}`), 404, 'not_found');
      expectProblem(await addInside(own, clientId), 404, 'not_found');
      expectProblem(await own.send('DELETE', `/clients/${clientId}`), 404, 'not_found');
    }
    expect((await other.get('/families')).status).toBe(200);
  });

  it('is told in the history, with each of its credentials and its end', async () => {
    const own = await livline.freshMunicipality();
    const client = await livline.ownClient(own, { preset: 'integration' });
    const { body } = await addInside(own, client.clientId);
    await own.send('DELETE', `/clients/${client.clientId}/credentials/${body.credential.id}`);
    await own.send('DELETE', `/clients/${client.clientId}`);
    expect((await toldIn(own)).map(([name]: [string]) => name).sort()).toEqual(
      ['client_created', 'client_revoked', 'credential_added', 'credential_ended'].sort(),
    );
  });
});

describe('the recovery of a live municipality', () => {
  const recovery = (code: string) => `/municipalities/${code}/recovery`;
  const request = (code: string) => livline.operator('POST', recovery(code), { body: { reason: 'credentials_lost' } });
  const use = (code: string) => livline.operator('POST', `${recovery(code)}/credentials`);
  async function live(): Promise<Caller> {
    const own = await livline.freshMunicipality();
    await setStatus(livline, own.code, 'live');
    return own;
  }

  it('is told at once, takes effect after 72 hours, and gives a credential that is good for a day', async () => {
    const own = await live();
    expectProblem(await use(own.code), 409, 'conflict');
    expect((await request(own.code)).status).toBe(202);
    expect(await toldIn(own)).toContainEqual(['recovery_requested', OPERATOR]);
    livline.advance(RECOVERY_DELAY_S - 1);
    expectProblem(await use(own.code), 409, 'conflict');
    livline.advance(1);
    const { status, body } = await use(own.code);
    expect(status).toBe(201);
    expectProblem(await use(own.code), 409, 'conflict');
    const recovered = livline.caller(own.code, body.client.clientId);
    expect((await recovered.get('/families')).status).toBe(200);
    livline.advance(86_400);
    expectProblem(await recovered.get('/families'), 404, 'not_found');
  });

  it('goes on past the day once its credential was replaced from inside', async () => {
    const own = await live();
    await request(own.code);
    livline.advance(RECOVERY_DELAY_S);
    const { body } = await use(own.code);
    const recovered = livline.caller(own.code, body.client.clientId);
    const [seen] = await credentialsOf(recovered);
    await addInside(recovered);
    await recovered.send('DELETE', `/clients/${recovered.clientId}/credentials/${seen?.id}`);
    livline.advance(86_400);
    expect((await recovered.get('/families')).status).toBe(200);
    expect((await recovered.send('DELETE', `/clients/${own.clientId}`)).status).toBe(204);
  });

  it('is cancelled by a client that holds grants:write, and is there for live municipalities only', async () => {
    const own = await live();
    await request(own.code);
    expect((await own.get('/recovery')).body).toMatchObject({ reason: 'credentials_lost', requestedBy: OPERATOR });
    expect((await own.send('DELETE', '/recovery')).status).toBe(204);
    livline.advance(RECOVERY_DELAY_S);
    expectProblem(await use(own.code), 409, 'conflict');
    expect(await toldIn(own)).toContainEqual(['recovery_cancelled', own.clientId]);
    expectProblem(await request((await livline.freshMunicipality()).code), 409, 'conflict');
  });
});

describe('operators', () => {
  const as = (clientId: string, iat?: number) =>
    livline.admin('/v1/admin/municipalities', 'GET', {
      client_id: clientId,
      scope: 'livline/admin:read',
      ...(iat !== undefined && { iat: String(iat) }),
    });

  it('are several, each with its own rotation, and the last one cannot be removed', async () => {
    const { body } = await livline.operator('POST', '/operators', { body: { name: 'Vagthavende' } });
    const { clientId } = body.client;
    livline.advance(61);
    expect((await as(clientId)).status).toBe(200);
    const [first] = (await livline.operator('GET', `/operators/${clientId}`)).body.credentials;
    await livline.operator('POST', `/operators/${clientId}/credentials`);
    const before = Math.floor(livline.now().getTime() / 1000);
    await livline.operator('DELETE', `/operators/${clientId}/credentials/${first.id}`);
    livline.advance(61);
    expectProblem(await as(clientId, before), 401, 'unauthenticated');
    expect((await as(clientId, before + 61)).status).toBe(200);
    expect((await livline.operator('DELETE', `/operators/${clientId}`)).status).toBe(204);
    livline.advance(61);
    expectProblem(await as(clientId, before + 122), 403, 'forbidden');
    expectProblem(await livline.operator('DELETE', `/operators/${OPERATOR}`), 409, 'conflict');
  });
});
