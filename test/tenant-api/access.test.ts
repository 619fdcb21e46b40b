import { beforeAll, describe, expect, it } from 'vitest';
import { TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { setStatus } from '#test/support/endpoints.ts';
import { FAMILY, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a client', () => {
  it('without a token is unauthenticated', async () => {
    const { code } = await livline.freshMunicipality();
    const reply = await livline.call.tenant(`/v1/municipalities/${code}/families`, 'GET', undefined);
    expectProblem(reply, 401, 'unauthenticated');
  });

  it('that nobody knows cannot tell a municipality from one that does not exist', async () => {
    const { code } = await livline.freshMunicipality();
    const stranger = livline.caller(code, 'stranger');
    const replies = [await stranger.get('/families'), await stranger.at('9999').get('/families')];
    for (const reply of replies) expectProblem(reply, 404, 'not_found');
    const [one, other] = replies.map((reply) => JSON.stringify(withoutInstance(reply)).replaceAll(/\d{4}/g, '…'));
    expect(one).toBe(other);
  });

  it('is refused before its body is even looked at', async () => {
    const { code } = await livline.freshMunicipality();
    const reply = await livline.caller(code, 'stranger').send('POST', '/families', { raw: '{' });
    expectProblem(reply, 404, 'not_found');
  });

  it.each(['630', '00630', 'abcd', '٠٦٣٠', '0630%20', '%30630x'])('finds no municipality at %j', async (code) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.at(code).get('/families'), 404, 'not_found');
  });
});

describe('a scope', () => {
  const operations = recordOperations().map(({ id, method, path, scope }) => ({ id, method, path, scope }));

  let caller: Caller;
  beforeAll(async () => {
    caller = await livline.freshMunicipality();
  });

  it.each(operations)('$scope is needed for $id, and no other will do', async ({ method, path, scope }) => {
    const at = path
      .replace('/v1/municipalities/{code}', '')
      .replace('{source}', 'municipal')
      .replaceAll(/\{\w+\}/g, '01930000-0000-7000-8000-000000000001');
    const others = caller.withScopes(...TENANT_SCOPES.filter((other) => other !== scope));
    const requests = await livline.requestsOf(async () => {
      const refused = await others.send(method, at, { body: {} });
      expectProblem(refused, 403, 'forbidden');
      expect(refused.body.detail).toContain(scope);
    });
    expect(writesIn(requests)).toEqual([]);
    const { body } = await caller.withScopes(scope).send(method, at, { body: {} });
    expect(body?.detail ?? '').not.toContain(scope);
  });

  it('of the token counts only where the grant has it too', async () => {
    const { code } = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('reader', [code], ['families:read']))(code);
    expect((await carelink.get('/families')).status).toBe(200);
    expectProblem(await carelink.post('/families', FAMILY), 403, 'forbidden');
    expectProblem(await carelink.get('/calls'), 403, 'forbidden');
  });

  it('of another resource server is none of ours', async () => {
    const { code, clientId } = await livline.freshMunicipality();
    const claims = { client_id: clientId, scope: 'other/families:read families:read openid' };
    const reply = await livline.call.tenant(`/v1/municipalities/${code}/families`, 'GET', claims);
    expectProblem(reply, 403, 'forbidden');
  });
});

describe('a partner', () => {
  it('works in the municipality that granted it, and is refused in another', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const at = await livline.freshPartner('carelink', [one.code]);
    expect((await makeFamily(at(one.code))).source).toBe('carelink');
    for (const reply of [await at(other.code).get('/families'), await at(other.code).post('/families', FAMILY)]) {
      expectProblem(reply, 404, 'not_found');
    }
    expect((await other.get('/families')).body.items).toEqual([]);
  });

  it('is refused within a minute after its grant was taken back', async () => {
    const { code } = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('leaver', [code]))(code);
    expect((await carelink.get('/families')).status).toBe(200);
    const revoked = await livline.administratorOf(code).send('DELETE', `/grants/${carelink.clientId}`);
    expect(revoked.status).toBe(204);
    livline.advance(60);
    expectProblem(await carelink.get('/families'), 404, 'not_found');
  });

  it('has less within a minute after its grant was made smaller', async () => {
    const { code } = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('less', [code]))(code);
    expect((await carelink.post('/families', FAMILY)).status).toBe(201);
    const body = { scopes: ['families:read'] };
    await livline.administratorOf(code).put(`/grants/${carelink.clientId}`, body);
    livline.advance(60);
    expectProblem(await carelink.post('/families', FAMILY), 403, 'forbidden');
    expect((await carelink.get('/families')).status).toBe(200);
  });

  it('works at once where it is granted access anew', async () => {
    const { code } = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('newcomer', []))(code);
    expectProblem(await carelink.get('/families'), 404, 'not_found');
    const body = { scopes: ['families:read'] };
    await livline.administratorOf(code).put(`/grants/${carelink.clientId}`, body);
    expect((await carelink.get('/families')).status).toBe(200);
  });
});

describe('a municipality that is suspended', () => {
  it('is refused within a minute, partners too, and has everything again once it is active', async () => {
    const caller = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('witness', [caller.code]))(caller.code);
    await makeFamily(caller);
    await makeFamily(carelink);
    await setStatus(livline, caller.code, 'suspended');
    livline.advance(60);
    for (const by of [caller, carelink]) {
      expectProblem(await by.get('/families'), 404, 'not_found');
      expectProblem(await by.post('/families', FAMILY), 404, 'not_found');
    }
    await setStatus(livline, caller.code, 'live');
    expect((await caller.get('/families')).body.items).toHaveLength(2);
  });
});
