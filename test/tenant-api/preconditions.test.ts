import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHILD, FAMILY, makeCall, makeConsultant, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const external = () => `/families/external/municipal/${randomUUID()}`;

describe('PUT by an external id', () => {
  it('with If-None-Match: * creates a record, and overwrites none', async () => {
    const path = external();
    expect((await at.put(path, FAMILY, { 'if-none-match': '*' })).status).toBe(201);
    const requests = await livline.requestsOf(async () => {
      const reply = await at.put(path, { ...FAMILY, capacity: 5 }, { 'if-none-match': '*' });
      expectProblem(reply, 412, 'precondition_failed');
      expect(reply.headers['etag']).toBe('"1"');
    });
    expect(writesIn(requests)).toEqual([]);
    expect((await at.get(path)).body.version).toBe(1);
  });

  it('of two that create the same record at once lets one through', async () => {
    const path = external();
    const replies = await Promise.all(
      [1, 2, 3].map((capacity) => at.put(path, { ...FAMILY, capacity }, { 'if-none-match': '*' })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 412, 412]);
  });

  it('with If-Match: * replaces a record, and creates none', async () => {
    const path = external();
    const missing = await at.put(path, FAMILY, { 'if-match': '*' });
    expectProblem(missing, 412, 'precondition_failed');
    expect(missing.headers['etag']).toBeUndefined();
    await at.put(path, FAMILY);
    expect((await at.put(path, { ...FAMILY, capacity: 5 }, { 'if-match': '*' })).status).toBe(200);
  });
});

describe('a request to what has no ETag', () => {
  it('is refused where a condition names one, or asks that nothing be there', async () => {
    const send = (headers: Record<string, string>) => at.post('/families', FAMILY, headers);
    const requests = await livline.requestsOf(async () => {
      expectProblem(await send({ 'if-match': '"1"' }), 412, 'precondition_failed');
      expectProblem(await send({ 'if-none-match': '*' }), 412, 'precondition_failed');
      expectProblem(await send({ 'if-match': '1' }), 400, 'malformed_request');
      expectProblem(await send({ 'if-none-match': '1' }), 400, 'malformed_request');
    });
    expect(writesIn(requests)).toEqual([]);
    expect((await send({ 'if-match': '*', 'if-none-match': '"1"' })).status).toBe(201);
  });

  it('grants access for the first time alone, where If-None-Match: * says so', async () => {
    const by = await livline.freshMunicipality();
    const { clientId } = (await livline.freshPartner('foerste', []))(by.code);
    const grant = (headers: Record<string, string>) =>
      by.put(`/grants/${clientId}`, { scopes: ['families:read'] }, headers);
    expectProblem(await grant({ 'if-match': '*' }), 412, 'precondition_failed');
    expect((await grant({ 'if-none-match': '*' })).status).toBe(200);
    expectProblem(await grant({ 'if-none-match': '*' }), 412, 'precondition_failed');
    expect((await grant({ 'if-match': '*' })).status).toBe(200);
  });
});

describe('GET and HEAD', () => {
  it('evaluate If-Match before If-None-Match', async () => {
    const { id } = await makeFamily(at);
    const get = (method: string, headers: Record<string, string>) => at.send(method, `/families/${id}`, { headers });
    for (const method of ['GET', 'HEAD']) {
      const stale = await get(method, { 'if-match': '"2"', 'if-none-match': '"1"' });
      expect([stale.status, stale.headers['etag']]).toEqual([412, '"1"']);
      expect((await get(method, { 'if-match': '"1"' })).status).toBe(200);
      expect((await get(method, { 'if-match': '*', 'if-none-match': 'W/"1"' })).status).toBe(304);
      expect((await get(method, { 'if-match': 'W/"1"' })).status).toBe(412);
      expect((await get(method, { 'if-none-match': '1' })).status).toBe(400);
    }
  });

  it('ignore conditions on times, since nothing has one', async () => {
    const { id } = await makeFamily(at);
    const headers = { 'if-unmodified-since': 'Sat, 01 Jan 2000 00:00:00 GMT', 'if-modified-since': 'never' };
    expect((await at.send('GET', `/families/${id}`, { headers })).status).toBe(200);
  });
});

describe('a PATCH with an Idempotency-Key', () => {
  it('gets its first answer again after that was lost, although its If-Match is stale by its own success', async () => {
    const { id } = await makeFamily(at);
    const change = (body: object, key = 'patch-1') =>
      at.send('PATCH', `/families/${id}`, { body, headers: { 'if-match': '"1"', 'idempotency-key': key } });
    const first = await change({ capacity: 5 });
    expect([first.status, first.body.version]).toEqual([200, 2]);
    const again = await change({ capacity: 5 });
    expect([again.status, again.body, again.headers['etag']]).toEqual([200, first.body, '"2"']);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expectProblem(await change({ capacity: 4 }), 422, 'idempotency_key_reused');
    expectProblem(await change({ capacity: 4 }, 'patch-2'), 412, 'precondition_failed');
    expect((await at.get(`/families/${id}`)).body.version).toBe(2);
  });

  it('that comes twice at once has one effect', async () => {
    const { id } = await makeFamily(at);
    const headers = { 'if-match': '"1"', 'idempotency-key': 'patch-3' };
    const replies = await Promise.all(
      Array.from({ length: 4 }, () => at.send('PATCH', `/families/${id}`, { body: { capacity: 5 }, headers })),
    );
    expect(new Set(replies.map(({ status, body }) => `${status} ${body.version}`))).toEqual(new Set(['200 2']));
  });
});

describe('one request in two spellings', () => {
  it('is the same under an Idempotency-Key: order of members, blanks, escapes and Unicode form do not count', async () => {
    const by = await livline.freshMunicipality();
    const spellings = [
      '{"alias":"Gr\u00e5","kind":"almen","capacity":2}',
      '{ "capacity" : 2e0, "kind":"\\u0061lmen",\n "alias":"Gr\\u00e5" }',
      '{"kind":"almen","capacity":2.0,"alias":"Gra\u030a"}',
    ];
    const replies = [];
    for (const raw of spellings)
      replies.push(await by.send('POST', '/families', { raw, headers: { 'idempotency-key': 'k' } }));
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    const other = { raw: '{"alias":"Gr\u00e5","kind":"almen","capacity":3}', headers: { 'idempotency-key': 'k' } };
    expectProblem(await by.send('POST', '/families', other), 422, 'idempotency_key_reused');
  });

  it('finds a record by its id in any case, and answers in lower case', async () => {
    const family = await makeFamily(at);
    const capitals = family.id.toUpperCase();
    expect((await at.get(`/families/${capitals}`)).body.id).toBe(family.id);
    expect((await at.patch(`/families/${capitals}`, { capacity: 4 }, 1)).status).toBe(200);
    const call = await makeCall(at, { familyId: capitals });
    expect(call.familyId).toBe(family.id);
    const { items } = (await at.get('/calls', { familyId: capitals })).body;
    expect(items.map(({ id }: { id: string }) => id)).toEqual([call.id]);
    // Reading the log is entered in it too.
    await at.get('/access-log', { subject: family.id });
    expect((await at.get('/access-log', { subject: capitals })).body.items).toHaveLength(1);
  });

  it('is one id of another system’s too where a field takes UUIDs alone', async () => {
    const fkOrgUuid = '5f0f2ea0-7a5b-4d3c-9d1e-0c6a7b8c9d0e';
    expect((await makeConsultant(at, { fkOrgUuid: fkOrgUuid.toUpperCase() })).fkOrgUuid).toBe(fkOrgUuid);
  });

  it('is one external id and one length, however å was typed', async () => {
    const [composed, decomposed] = ['b\u00e5d-1', 'ba\u030ad-1'];
    const path = (id: string) => `/children/external/municipal/${encodeURIComponent(id)}`;
    const first = await at.put(path(composed), { ...CHILD, externalId: decomposed });
    expect([first.status, first.body.externalId]).toEqual([201, composed]);
    expect((await at.get(path(decomposed))).body.id).toBe(first.body.id);
    expect((await at.put(path(decomposed), CHILD)).status).toBe(200);
    // 200 letters of å are 400 characters when each is typed as two.
    expect((await at.post('/families', { ...FAMILY, alias: 'a\u030a'.repeat(200) })).body.alias).toBe(
      '\u00e5'.repeat(200),
    );
  });

  it('leaves the spelling of another system’s ids alone', async () => {
    const id = '0193ABCD-0000-7000-8000-00000000ABCD';
    const { status, body } = await at.put(`/families/external/municipal/${id}`, FAMILY);
    expect([status, body.externalId]).toEqual([201, id]);
    expect((await at.get(`/families/external/municipal/${id.toLowerCase()}`)).status).toBe(404);
  });
});

describe('what a caller got wrong', () => {
  it('is refused where it is no UTF-8, since the gateway has lost the bytes by then', async () => {
    const raw = JSON.stringify({ ...FAMILY, alias: 'Br\ufffdndby' });
    expectProblem(await at.send('POST', '/families', { raw }), 400, 'malformed_request');
  });

  it('is served where it only spells a path otherwise', async () => {
    const code = `%3${at.code.slice(0, 1)}${at.code.slice(1)}`;
    expect((await at.at(code).get('/families')).status).toBe(200);
  });
});

describe('headers', () => {
  const LASTING = {
    'cache-control': 'no-store',
    'strict-transport-security': 'max-age=63072000',
    'x-content-type-options': 'nosniff',
  };

  it('keep every answer out of caches, of guesses at its type, and of plain HTTP', async () => {
    const { id } = await makeFamily(at);
    for (const reply of [
      await at.get('/families'),
      await at.get(`/families/${id}`),
      await at.get('/nothing'),
      await at.withScopes().get('/families'),
      await at.post('/families', {}),
      await livline.operator('GET', '/partners'),
    ])
      expect(reply.headers).toMatchObject(LASTING);
  });

  it('name the scope that is missing as a token does (RFC 6750)', async () => {
    const reply = await at.withScopes('families:read').post('/families', FAMILY);
    expectProblem(reply, 403, 'forbidden');
    expect(reply.headers['www-authenticate']).toBe('Bearer error="insufficient_scope", scope="livline/families:write"');
    expect(reply.body.detail).toBe('This operation needs the scope livline/families:write.');
  });

  it('say with 415 what a PATCH takes (RFC 5789)', async () => {
    const { id } = await makeFamily(at);
    const headers = { 'if-match': '"1"', 'content-type': 'text/plain' };
    const reply = await at.send('PATCH', `/families/${id}`, { raw: 'capacity=5', headers });
    expectProblem(reply, 415, 'unsupported_media_type');
    expect(reply.headers['accept-patch']).toBe('application/merge-patch+json, application/json');
  });
});
