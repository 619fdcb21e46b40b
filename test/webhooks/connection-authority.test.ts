import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { MOST_OPEN } from '#shared/webhooks/inbox-messages.ts';
import { type Connected, sendSigned } from '#test/support/case-system.ts';
import { rowsOf } from '#test/support/content.ts';
import { anotherClient } from '#test/support/endpoints.ts';
import { makeChild, makeConnection, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
let partner: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  partner = (await livline.freshPartner('carelink', [at.code]))(at.code);
});

const CASE = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };
const linking = (objectId: string) => ({ type: 'case.linked', data: { objectId, caseRef: CASE } });
const moving = (childId: string) => ({
  type: 'child.responsibility_changed',
  data: { childId, responsibleMunicipality: '0630' },
});
/** Grants the partner's client these scopes and rows, and lets every process look at the grant again. */
async function grant(scopes: readonly string[], rows: 'own' | 'all'): Promise<void> {
  const { status, text } = await at.put(`/grants/${partner.clientId}`, { scopes, rows });
  expect([status, text]).toEqual([200, expect.any(String)]);
  trustEnds();
}
/** Takes the grant back, and lets every process look at it again. */
async function revoke(): Promise<void> {
  expect((await at.send('DELETE', `/grants/${partner.clientId}`)).status).toBe(204);
  trustEnds();
}
const partnerScopes = [
  'families:read',
  'families:write',
  'children:read',
  'children:write',
  'webhooks:read',
  'connections:write',
];
/** Long enough for every process to look at the grant again. */
const trustEnds = () => livline.advance(60);

describe('a connection', () => {
  it('is made and changed with the scope connections:write, and takes kinds within its maker’s scopes', async () => {
    const input = { name: 'DUBU', system: 'DUBU', kinds: ['case.linked'] };
    const hooks = at.withScopes('webhooks:read', 'webhooks:write', 'families:write');
    expectProblem(await hooks.post('/connections', input), 403, 'forbidden');
    const by = at.withScopes('webhooks:read', 'connections:write', 'families:write');
    const child = { ...input, kinds: ['child.responsibility_changed'] };
    expectProblem(await by.post('/connections', child), 403, 'forbidden');
    const { status, body } = await by.post('/connections', input);
    expect(status).toBe(201);
    expect(body.owner).toEqual({
      clientId: at.clientId,
      scopes: ['families:write', 'connections:write'],
      rows: 'all',
    });
    expectProblem(await by.patch(`/connections/${body.id}`, { kinds: child.kinds }, 1), 403, 'forbidden');
    expectProblem(await hooks.patch(`/connections/${body.id}`, { active: false }, 1), 403, 'forbidden');
    expectProblem(await at.post('/connections', { name: 'DUBU', system: 'DUBU' }), 422, 'validation_failed', '/kinds');
  });

  it('takes no kind of message that it does not name, and keeps nothing of it', async () => {
    const connection: Connected = await makeConnection(at, { kinds: ['case.linked'] });
    const child = await makeChild(at);
    const before = (await rowsOf(livline.store, at.code, 'inbox')).length;
    expectProblem(await sendSigned(at, connection, moving(child.id)), 403, 'forbidden');
    expect(await rowsOf(livline.store, at.code, 'inbox')).toHaveLength(before);
  });

  it('changes no record whose write scope its maker lacked: the message waits as if there were none', async () => {
    const by = at.withScopes('webhooks:read', 'connections:write', 'children:write');
    const connection: Connected = (await by.post('/connections', { name: 'B', system: 'B', kinds: ['case.linked'] }))
      .body;
    const family = await makeFamily(at);
    const child = await makeChild(at);
    expect((await sendSigned(at, connection, linking(family.id))).status).toBe(202);
    expect((await sendSigned(at, connection, linking(child.id))).status).toBe(202);
    expect((await at.get(`/families/${family.id}`)).body).not.toHaveProperty('caseRefs');
    expect((await at.get(`/children/${child.id}`)).body.caseRefs).toEqual([CASE]);
    const { items } = (await at.get('/inbox', { connectionId: connection.id })).body;
    expect(items.map(({ status }: { status: string }) => status).sort()).toEqual(['applied', 'unresolved']);
  });

  it('of a partner acts as that partner, on its own rows alone where its grant says so', async () => {
    await grant(partnerScopes, 'own');
    const connection: Connected = await makeConnection(partner, { kinds: ['case.linked'] });
    const theirs = await makeFamily(partner);
    const ours = await makeFamily(at);
    for (const { id } of [theirs, ours]) await sendSigned(at, connection, linking(id));
    expect((await at.get(`/families/${theirs.id}`)).body).toMatchObject({ caseRefs: [CASE], source: 'carelink' });
    expect((await at.get(`/families/${ours.id}`)).body).not.toHaveProperty('caseRefs');
    const { items } = (await partner.get('/inbox')).body;
    expect(items.map(({ source }: { source: string }) => source)).toEqual(['carelink', 'carelink']);
  });
});

describe('a connection whose owner’s grant was revoked', () => {
  it('is answered 401 within 60 seconds, changes nothing, and goes on when the grant is back', async () => {
    await grant(partnerScopes, 'all');
    const connection: Connected = await makeConnection(partner);
    const child = await makeChild(at);
    const family = await makeFamily(at);
    expect((await sendSigned(at, connection, linking(family.id))).status).toBe(202);
    await revoke();
    expectProblem(await sendSigned(at, connection, moving(child.id)), 401, 'unauthenticated');
    expect((await at.get(`/children/${child.id}`)).body.version).toBe(1);
    await grant(partnerScopes, 'all');
    expect((await sendSigned(at, connection, moving(child.id))).status).toBe(202);
    expect((await at.get(`/children/${child.id}`)).body).toMatchObject({ responsibleMunicipality: '0630' });
  });

  it('does no more than the grant that is left: a scope that was taken away is missed at once', async () => {
    await grant(partnerScopes, 'all');
    const connection: Connected = await makeConnection(partner);
    const child = await makeChild(at);
    await grant(['families:write', 'connections:write'], 'all');
    expect((await sendSigned(at, connection, moving(child.id))).status).toBe(202);
    expect((await at.get(`/children/${child.id}`)).body.version).toBe(1);
    await grant(['families:write', 'children:write'], 'all');
    expectProblem(await sendSigned(at, connection, moving(child.id)), 401, 'unauthenticated');
  });

  it('has a message that was kept before, and not applied, wait for a person', async () => {
    await grant(partnerScopes, 'all');
    const connection: Connected = await makeConnection(partner);
    const child = await makeChild(at);
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await livline.killedAt('sending', 'GetItem', () => sendSigned(at, connection, moving(child.id)), 2);
    vi.restoreAllMocks();
    const received = async () => (await at.get('/inbox', { connectionId: connection.id })).body.items;
    expect(await received()).toMatchObject([{ status: 'received' }]);
    await revoke();
    livline.advance(120);
    await livline.clock();
    expect(await received()).toMatchObject([{ status: 'unresolved' }]);
    expect((await at.get(`/children/${child.id}`)).body.version).toBe(1);
  });

  it('is adopted by the municipality, and then acts for the municipality', async () => {
    await grant(partnerScopes, 'all');
    const connection: Connected = await makeConnection(partner);
    const path = `/connections/${connection.id}`;
    await revoke();
    const match = { 'if-match': '"1"' };
    expectProblem(await at.patch(path, { name: 'Ny' }, 1), 403, 'forbidden');
    expectProblem(await at.withScopes('connections:write').post(`${path}/adopt`, undefined, match), 403, 'forbidden');
    const { status, body } = await at.post(`${path}/adopt`, undefined, match);
    expect([status, body]).toMatchObject([200, { source: 'municipal', owner: { clientId: at.clientId, rows: 'all' } }]);
    const family = await makeFamily(at);
    expect((await sendSigned(at, connection, linking(family.id))).status).toBe(202);
    expect((await at.get(`/families/${family.id}`)).body.caseRefs).toEqual([CASE]);
    await grant(partnerScopes, 'own');
    expectProblem(await partner.get(path), 404, 'not_found');
    const { items } = (await partner.get('/connections')).body;
    expect(items.map(({ id }: { id: string }) => id)).not.toContain(connection.id);
    expect((await at.remove(path, 2)).status).toBe(204);
  });
});

describe('a connection among others', () => {
  it('is seen by its owner’s organisation and the municipality, and changed by the former alone', async () => {
    await grant(partnerScopes, 'all');
    const ours: Connected = await makeConnection(at);
    const theirs: Connected = await makeConnection(partner);
    expectProblem(await partner.get(`/connections/${ours.id}`), 404, 'not_found');
    expectProblem(await partner.patch(`/connections/${ours.id}`, { active: false }, 1), 404, 'not_found');
    expect((await at.get(`/connections/${theirs.id}`)).status).toBe(200);
    const match = { 'if-match': '"1"' };
    expectProblem(await at.post(`/connections/${theirs.id}/rotate-secret`, {}, match), 403, 'forbidden');
    expect((await at.remove(`/connections/${theirs.id}`, 1)).status).toBe(204);
  });

  it('is changed by another client of its organisation only if that could do what it does', async () => {
    const connection: Connected = await makeConnection(at);
    const narrow = await anotherClient(livline, at, ['webhooks:read', 'connections:write', 'families:write']);
    const match = { 'if-match': '"1"' };
    const path = `/connections/${connection.id}`;
    expectProblem(await narrow.post(`${path}/rotate-secret`, {}, match), 403, 'forbidden');
    expectProblem(await narrow.patch(path, { name: 'Ny' }, 1), 403, 'forbidden');
    const wide = await anotherClient(livline, at, at.scopes);
    expect((await wide.patch(path, { name: 'Ny' }, 1)).status).toBe(200);
  });
});

describe('the secret of a connection', () => {
  it('rotates with an overlap, in which messages signed with either are taken', async () => {
    const connection: Connected = await makeConnection(at);
    const path = `/connections/${connection.id}`;
    const rotate = (version: number, body: object) =>
      at.post(`${path}/rotate-secret`, body, { 'if-match': `"${version}"` });
    const { status, body } = await rotate(1, { overlapHours: 2 });
    expect([status, body.secretVersion]).toEqual([200, 2]);
    expect(body.secret).not.toBe(connection.secret);
    expect((await at.get(path)).text).not.toContain(body.secret);
    const sent = async (secret: string) => (await sendSigned(at, { id: connection.id, secret }, { type: 'a' })).status;
    expect([await sent(body.secret), await sent(connection.secret)]).toEqual([202, 202]);
    expectProblem(await rotate(2, {}), 409, 'conflict');
    livline.advance(2 * 3_600);
    expect([await sent(body.secret), await sent(connection.secret)]).toEqual([202, 401]);
    const sharp = await rotate(2, { overlapHours: 0 });
    expect([await sent(sharp.body.secret), await sent(body.secret)]).toEqual([202, 401]);
  });

  it('is not shown again to the Idempotency-Key of its rotation', async () => {
    const connection: Connected = await makeConnection(at);
    const headers = { 'if-match': '"1"', 'idempotency-key': 'rotation' };
    const ask = () => at.post(`/connections/${connection.id}/rotate-secret`, {}, headers);
    const { secret: _, ...view } = (await ask()).body;
    expect((await ask()).body).toEqual(view);
  });
});

describe('messages that wait', () => {
  it('are bounded by their bytes: one more is answered 429 with Retry-After, until a person has decided on some', async () => {
    const connection: Connected = await makeConnection(at);
    const send = () => sendSigned(at, connection, { type: 'unheard.of', data: 'x'.repeat(100_000) });
    expect((await send()).status).toBe(202);
    await setTally(connection.id, 'bytes', MOST_OPEN.bytes - 150_000);
    expect((await send()).status).toBe(202);
    const refused = await send();
    expectProblem(refused, 429, 'too_many_requests');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const [first] = (await at.get('/inbox', { connectionId: connection.id })).body.items;
    await at.status(`/inbox/${first.id}`, first.version, { status: 'dismissed', reason: 'Ukendt' });
    expect((await send()).status).toBe(202);
    expect((await send()).status).toBe(429);
    expect((await sendSigned(at, await makeConnection(at), { type: 'a' })).status, 'another connection').toBe(202);
  });

  it('are bounded by their number, also where they come at once, and one that is applied does not count', async () => {
    const connection: Connected = await makeConnection(at);
    const family = await makeFamily(at);
    await sendSigned(at, connection, linking(family.id));
    const tallies = async () =>
      (await rowsOf(livline.store, at.code, 'tally')).filter(({ pk }) => String(pk).includes(connection.id));
    expect(await tallies()).toMatchObject([{ open: 0, bytes: 0 }]);
    await setTally(connection.id, 'open', MOST_OPEN.open - 2);
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => sendSigned(at, connection, { type: 'unheard.of' })),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(2);
    expect(await tallies()).toMatchObject([{ open: MOST_OPEN.open }]);
  });
});

/** Says what the messages of a connection that wait come to. */
const setTally = (connectionId: string, amount: 'open' | 'bytes', to: number) =>
  livline.store.client.send(
    new UpdateCommand({
      TableName: livline.store.tableName,
      Key: { pk: `T#${at.code}#B#inbox#${connectionId}`, sk: 'A' },
      UpdateExpression: 'SET #amount = :to',
      ExpressionAttributeNames: { '#amount': amount },
      ExpressionAttributeValues: { ':to': to },
    }),
  );
