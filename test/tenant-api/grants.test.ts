import { beforeAll, describe, expect, it } from 'vitest';
import { accessApi } from '#functions/access-api/app.ts';
import { PRESETS, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { contentOf, restore } from '#test/support/content.ts';
import { FAMILY, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline, TOKEN_URL } from '#test/support/livline.ts';
import { atEveryCall } from '#test/support/mortal.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { expectProblem, withoutInstance, writesIn } from '#test/support/problems.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

let livline: Livline;
let own: Caller;
beforeAll(async () => {
  livline = await startLivline();
  own = await livline.freshMunicipality();
});

/** A partner's client that has no access anywhere yet. */
const stranger = async (id: string): Promise<string> => (await livline.freshPartner(id, []))(own.code).clientId;
/** Another client of a municipality's own. */
const another = (by: Caller, rights: object): Promise<Caller> => livline.ownClient(by, rights);
const grant = (clientId: string, rights: object, by = own) => by.put(`/grants/${clientId}`, rights);
const revoke = (clientId: string, by = own) => by.send('DELETE', `/grants/${clientId}`);
const SCOPES = { scopes: ['families:read', 'families:write'] };

describe('a municipality', () => {
  it('lets a partner’s client in by scope, which works at once, and does what it was granted alone', async () => {
    const clientId = await stranger('starter');
    const partner = livline.caller(own.code, clientId);
    expectProblem(await partner.get('/families'), 404, 'not_found');
    const granted = await grant(clientId, SCOPES);
    expect(granted).toMatchObject({
      status: 200,
      body: {
        clientId,
        name: 'platform',
        owner: { kind: 'partner', id: 'starter' },
        ...SCOPES,
        grantedAt: livline.now().toISOString(),
        grantedBy: own.clientId,
      },
    });
    expect((await own.get(`/grants/${clientId}`)).body).toEqual(granted.body);
    expect((await makeFamily(partner)).source).toBe('starter');
    expectProblem(await partner.get('/calls'), 403, 'forbidden');
  });

  it('takes it back, once: the partner is refused within a minute', async () => {
    const clientId = await stranger('loser');
    await grant(clientId, SCOPES);
    const partner = livline.caller(own.code, clientId);
    expect((await partner.get('/families')).status).toBe(200);
    expect((await revoke(clientId)).status).toBe(204);
    livline.advance(60);
    expectProblem(await partner.get('/families'), 404, 'not_found');
    expectProblem(await revoke(clientId), 404, 'not_found');
    expectProblem(await own.get(`/grants/${clientId}`), 404, 'not_found');
  });

  it.each(Object.entries(PRESETS))('grants the role %s, with the scopes that it needs', async (preset, scopes) => {
    const clientId = await stranger(`role-${preset}`);
    expect(await grant(clientId, { preset, rows: 'all' })).toMatchObject({ status: 200, body: { preset, scopes } });
    // Scopes one by one are no role's any more.
    const { body } = await grant(clientId, SCOPES);
    expect(body).not.toHaveProperty('preset');
    expect(body.scopes).toEqual(SCOPES.scopes);
  });

  it('lets a partner’s client reach the partner’s own rows, unless it says all', async () => {
    const clientId = await stranger('rows');
    for (const body of [{ preset: 'partner' }, SCOPES, { ...SCOPES, rows: 'own' }]) {
      expect((await grant(clientId, body)).body.rows).toBe('own');
    }
    expect((await grant(clientId, { ...SCOPES, rows: 'all' })).body.rows).toBe('all');
    expect((await own.get(`/grants/${clientId}`)).body.rows).toBe('all');
  });

  it('cannot keep a client of its own from any of its rows', async () => {
    const mine = await another(own, { preset: 'manager' });
    expect((await own.get(`/grants/${mine.clientId}`)).body.rows).toBe('all');
    const refused = await grant(mine.clientId, { preset: 'manager', rows: 'own' });
    expectProblem(refused, 422, 'validation_failed', '/rows');
  });

  it.each(['audit:read', 'grants:read', 'privacy:read', 'privacy:write'])(
    'gives %s, which concerns every row, only with all rows',
    async (scope) => {
      const clientId = await stranger(`whole-${scope.replace(':', '-')}`);
      const refused = await grant(clientId, { scopes: [scope] });
      expectProblem(refused, 422, 'validation_failed', '/rows');
      expect((await grant(clientId, { scopes: [scope], rows: 'all' })).status).toBe(200);
    },
  );

  it('sees who has access, when it was last used, and nothing of others', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const at = await livline.freshPartner('seen', [one.code, other.code], ['families:read']);
    const mine = await another(one, { preset: 'integration' });
    await at(one.code).get('/families');
    const day = livline.now().toISOString().slice(0, 10);
    const { body } = await one.get('/grants');
    expect(body.items).toHaveLength(3);
    const byClient = new Map(body.items.map((item: { clientId: string }) => [item.clientId, item]));
    expect(byClient.get(at(one.code).clientId)).toMatchObject({ name: 'platform', lastUsedOn: day });
    expect(byClient.get(mine.clientId)).toMatchObject({ name: 'DUBU', preset: 'integration' });
    expect(byClient.get(mine.clientId)).not.toHaveProperty('lastUsedOn');
    expect(byClient.get(one.clientId)).toMatchObject({ name: 'Administrator', scopes: [...TENANT_SCOPES] });
    expect(JSON.stringify(body)).not.toContain(other.code);
    const pages = [(await one.get('/grants', { limit: '2' })).body];
    pages.push((await one.get('/grants', { limit: '2', cursor: pages[0].nextCursor })).body);
    expect(pages.flatMap(({ items }) => items)).toEqual(body.items);
    expectProblem(await other.get('/grants', { cursor: pages[0].nextCursor }), 422, 'invalid_cursor');
  });

  it('changes what is granted, and writes nothing where that is what it was', async () => {
    const clientId = await stranger('same');
    await grant(clientId, { scopes: ['families:read'] });
    for (const rights of [SCOPES, { scopes: [...SCOPES.scopes, ...SCOPES.scopes].reverse() }]) {
      const requests = await livline.requestsOf(() => grant(clientId, rights));
      expect(writesIn(requests)).toHaveLength(rights === SCOPES ? 1 : 0);
    }
  });

  it('no longer sees a client that the operator revoked', async () => {
    const clientId = await stranger('revoked');
    await grant(clientId, SCOPES);
    await livline.operator('DELETE', `/clients/${clientId}`);
    expectProblem(await own.get(`/grants/${clientId}`), 404, 'not_found');
    const { items } = (await own.get('/grants')).body;
    expect(items.map((item: { clientId: string }) => item.clientId)).not.toContain(clientId);
  });

  it.each([
    ['neither scopes nor a preset', {}, '/scopes'],
    ['both', { ...SCOPES, preset: 'partner' }, '/scopes'],
    ['a scope that does not exist', { scopes: ['families:delete'] }, '/scopes/0'],
    ['a scope of the operators', { scopes: ['admin:write'] }, '/scopes/0'],
    ['no scope at all', { scopes: [] }, '/scopes'],
    ['something else', { ...SCOPES, until: '2027-01-01' }, '/until'],
  ])('grants nothing where it sends %s', async (_, rights, pointer) => {
    const clientId = await stranger('odd');
    const requests = await livline.requestsOf(async () => {
      expectProblem(await grant(clientId, rights), 422, 'validation_failed', pointer);
    });
    expect(writesIn(requests)).toEqual([]);
  });
});

describe('a client that nobody has, one that is revoked and another municipality’s own', () => {
  it('are the same to a municipality: it can neither read, grant nor revoke them', async () => {
    const other = await livline.freshMunicipality();
    const gone = await stranger('gone');
    await livline.operator('DELETE', `/clients/${gone}`);
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', SCOPES],
      ['DELETE', undefined],
    ] as const) {
      const ask = async (id: string) => own.send(method, `/grants/${id}`, body && { body });
      const unknown = await ask('client-999999');
      expectProblem(unknown, 404, 'not_found');
      for (const id of [other.clientId, gone, '%23', 'a'.repeat(3_000)]) {
        expect(withoutInstance(await ask(id)), `${method} ${id}`).toEqual(withoutInstance(unknown));
      }
    }
    expect((await other.get('/families')).status).toBe(200);
    expectProblem(await other.at(own.code).get('/families'), 404, 'not_found');
  });
});

describe('a client grants no more than it may do itself', () => {
  it('by scopes or by a role, also to itself and to one that has less', async () => {
    const narrow = await another(own, { scopes: ['families:read', 'grants:read', 'grants:write'] });
    const partner = await stranger('greedy');
    const before = await contentOf(livline.store);
    for (const [target, scopes] of [
      [partner, SCOPES.scopes],
      [narrow.clientId, [...SCOPES.scopes, 'grants:write']],
    ] as const) {
      const refused = await grant(target, { scopes }, narrow);
      expectProblem(refused, 403, 'forbidden');
      expect(refused.body.detail).toContain('families:write');
    }
    expectProblem(await grant(partner, { preset: 'dpo' }, narrow), 403, 'forbidden');
    const uses = (rows: typeof before) => rows.filter(({ type }) => type !== 'use');
    expect(uses(await contentOf(livline.store))).toEqual(uses(before));
    expect((await grant(partner, { scopes: ['families:read'] }, narrow)).status).toBe(200);
  });

  it('with a token that holds less, no more than the token', async () => {
    const partner = await stranger('token');
    expectProblem(await grant(partner, SCOPES, own.withScopes('grants:write', 'families:read')), 403, 'forbidden');
    expectProblem(await grant(partner, SCOPES, own.withScopes('grants:read', ...SCOPES.scopes)), 403, 'forbidden');
    expect((await grant(partner, SCOPES, own.withScopes('grants:write', ...SCOPES.scopes))).status).toBe(200);
  });
});

describe('nobody is locked out', () => {
  it('by taking grants:write from the client that asks, or its access', async () => {
    const requests = await livline.requestsOf(async () => {
      expectProblem(await grant(own.clientId, { preset: 'manager' }), 422, 'validation_failed', '/scopes');
      expectProblem(await revoke(own.clientId), 422, 'validation_failed', '/path/clientId');
    });
    expect(writesIn(requests)).toEqual([]);
    const municipality = await livline.freshMunicipality();
    const least = { scopes: ['grants:read', 'grants:write'] };
    expect((await grant(municipality.clientId, least, municipality)).status).toBe(200);
    livline.advance(60);
    expectProblem(await municipality.get('/families'), 403, 'forbidden');
    expect((await municipality.get('/grants')).status).toBe(200);
  });

  it('by a partner that says who has access: it cannot', async () => {
    const clientId = await stranger('governor');
    const rights = { scopes: ['families:read', 'grants:write'] };
    expectProblem(await grant(clientId, rights), 422, 'validation_failed', '/scopes');
  });

  it('as one client of its own may do less, or nothing, by another’s word', async () => {
    const second = await another(own, { scopes: [...TENANT_SCOPES] });
    expect((await grant(second.clientId, { preset: 'manager' })).status).toBe(200);
    livline.advance(60);
    expectProblem(await second.post('/families', FAMILY), 403, 'forbidden');
    expect((await revoke(second.clientId)).status).toBe(204);
    livline.advance(60);
    expectProblem(await second.get('/families'), 404, 'not_found');
    expect((await grant(second.clientId, { preset: 'manager' })).status).toBe(200);
  });
});

describe('the municipality’s history', () => {
  it('tells who let whom in, changed it and took it back, and no name', async () => {
    const municipality = await livline.freshMunicipality();
    const clientId = await stranger('told');
    await grant(clientId, SCOPES, municipality);
    await grant(clientId, { preset: 'partner' }, municipality);
    await grant(clientId, { preset: 'partner' }, municipality);
    await revoke(clientId, municipality);
    await grant(clientId, SCOPES, municipality);
    await livline.relay();
    const { items } = (await municipality.get('/events')).body;
    const about = items.filter(({ subject }: { subject: string }) => subject === clientId);
    const told = (name: string, action: string) => ({
      type: `dk.livline.access.${name}`,
      data: {
        objectType: 'grant',
        objectId: clientId,
        action,
        actor: { kind: 'client', id: municipality.clientId },
        href: `v1/municipalities/${municipality.code}/grants/${clientId}`,
        changed: ['scopes', 'rows'],
      },
    });
    expect(about).toMatchObject([
      told('granted', 'created'),
      told('granted', 'updated'),
      told('revoked', 'deleted'),
      told('granted', 'created'),
    ]);
    expect(JSON.stringify(about)).not.toContain('platform');
  });

  it('has each change of a grant, wherever the process dies', async () => {
    const clientId = await stranger('mortal');
    const before = await contentOf(livline.store);
    const outcomes: string[] = [];
    const calls = await atEveryCall(async (life) => {
      await restore(livline.store, before);
      const api = accessApi({
        store: life.store(livline.storeOf('access-api')),
        now: livline.now,
        quotaPerMinute: PLENTY,
        identity: livline.identity,
        tokenUrl: TOKEN_URL,
        wakeClock: async () => undefined,
      });
      const path = `/v1/municipalities/${own.code}/grants/${clientId}`;
      const scope = TENANT_SCOPES.map((name) => `${RESOURCE_SERVER}/${name}`).join(' ');
      await api(proxyEvent({ method: 'PUT', path, claims: { client_id: own.clientId, scope }, body: SCOPES }));
      await life.over();
      const rows = await contentOf(livline.store);
      const granted = rows.some(({ pk, sk }) => pk === `M#${own.code}#G` && sk === clientId);
      const told = rows.some(
        ({ type, name, objectId }) => type === 'event' && name === 'access.granted' && objectId === clientId,
      );
      outcomes.push(`${granted} ${told}`);
    });
    // The context, the lease of the quota, the grant with the holders and the client, the transaction.
    expect(calls).toBe(5);
    expect(outcomes).toEqual([...Array(5).fill('false false'), 'true true', 'true true']);
  });

  it('has one event for each that is committed, when several grant at once', async () => {
    const clientId = await stranger('crowd');
    const wanted = ['families:read', 'helpline:read', 'plans:read'];
    const replies = await Promise.all(wanted.map((scope) => grant(clientId, { scopes: [scope] })));
    const done = replies.filter(({ status }) => status === 200);
    expect(replies.filter(({ status }) => status !== 200).map(({ status }) => status)).toEqual(
      Array(wanted.length - done.length).fill(409),
    );
    await livline.relay();
    const rows = await contentOf(livline.store);
    const told = rows.filter(({ type, objectId }) => type === 'event' && objectId === clientId);
    expect(told).toHaveLength(done.length);
  });
});
