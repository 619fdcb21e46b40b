import { beforeEach, describe, expect, it } from 'vitest';
import { rowsOf } from '#test/support/content.ts';
import { anotherClient, createFamily, subscribe } from '#test/support/endpoints.ts';
import { makeChild } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
let partner: Caller;
let pipeline: Pipeline;
beforeEach(async () => {
  livline ??= await startLivline();
  at = await livline.freshMunicipality();
  partner = (await livline.freshPartner(`p${at.code}`, [at.code]))(at.code);
  livline.takeStream();
  pipeline = startPipeline(livline, at.code);
});

const SCOPES = ['families:read', 'families:write', 'events:read', 'webhooks:read', 'webhooks:write'];
const url = 'https://sag.example.dk/livline';

/** Grants the partner's client these scopes and rows, and lets every process look at the grant again. */
async function grant(scopes: readonly string[], rows: 'own' | 'all'): Promise<void> {
  const { status } = await at.put(`/grants/${partner.clientId}`, { scopes, rows });
  expect(status).toBe(200);
  livline.advance(60);
}
async function revoke(): Promise<void> {
  expect((await at.send('DELETE', `/grants/${partner.clientId}`)).status).toBe(204);
  livline.advance(60);
}
/** Relays and delivers what was committed, and gives the subjects of the families' events that were posted since. */
async function posted(): Promise<string[]> {
  pipeline.received.length = 0;
  await pipeline.relayFresh();
  await pipeline.drain();
  return subjects();
}
const subjects = () =>
  pipeline.received
    .map(({ body }) => JSON.parse(body))
    .filter(({ type }) => /\.(?:family|child)\./.test(type))
    .map(({ subject }) => subject);
const deliveriesOf = async (id: string, status: string) =>
  (await at.get(`/webhook-endpoints/${id}/deliveries`, { status })).body.items;

describe('an endpoint', () => {
  it('is made and changed with events:read beside webhooks:write', async () => {
    const hooks = at.withScopes('webhooks:read', 'webhooks:write', 'families:read');
    expectProblem(await hooks.post('/webhook-endpoints', { url }), 403, 'forbidden');
    const by = at.withScopes('webhooks:read', 'webhooks:write', 'events:read', 'families:read', 'families:write');
    const { status, body } = await by.post('/webhook-endpoints', { url });
    expect([status, body.owner]).toEqual([
      201,
      { clientId: at.clientId, scopes: ['families:read', 'webhooks:read', 'events:read'], rows: 'all' },
    ]);
    expectProblem(await hooks.patch(`/webhook-endpoints/${body.id}`, { disabled: true }, 1), 403, 'forbidden');
  });

  it('is posted only events about objects whose type its owner could read when it made it', async () => {
    const by = at.withScopes('webhooks:write', 'events:read', 'families:read');
    await subscribe(livline, by, 'narrow', { types: [] });
    const family = await createFamily(at);
    await makeChild(at);
    expect(await posted()).toEqual([family]);
    expect(pipeline.received).toHaveLength(1);
  });

  it('is posted what its owner may read now: a scope that was taken from the grant is missed within 60 seconds', async () => {
    await grant([...SCOPES, 'children:read'], 'all');
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['family.*', 'child.*'] });
    await grant(SCOPES, 'all');
    const family = await createFamily(at);
    await makeChild(at);
    expect(await posted()).toEqual([family]);
    expect(await deliveriesOf(endpoint.id, 'held')).toEqual([]);
  });

  it('of an owner that sees only its own rows is posted only events about those', async () => {
    await grant(SCOPES, 'own');
    await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await createFamily(at);
    const own = await createFamily(partner);
    expect(await posted()).toEqual([own]);
    await grant(SCOPES, 'all');
    await createFamily(at);
    expect(await posted(), 'made with own rows, it never sees more').toEqual([]);
  });

  it('is judged again right before posting: what its owner may not read any more is cancelled', async () => {
    await grant(SCOPES, 'all');
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await createFamily(at);
    await pipeline.relayFresh();
    await grant(SCOPES, 'own');
    await pipeline.drain();
    expect(pipeline.received).toEqual([]);
    expect(await deliveriesOf(endpoint.id, 'cancelled')).toHaveLength(1);
  });
});

describe('an endpoint whose owner’s grant was revoked', () => {
  it('is posted nothing after 60 seconds, what waits is held, and goes on by itself when the grant is back', async () => {
    await grant(SCOPES, 'all');
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    const first = await createFamily(at);
    await pipeline.relayFresh();
    await revoke();
    await pipeline.drain();
    expect(pipeline.received, 'made before, and judged again').toEqual([]);
    const second = await createFamily(at);
    expect(await posted()).toEqual([]);
    expect(await deliveriesOf(endpoint.id, 'held')).toMatchObject([{ heldFor: 'grant' }, { heldFor: 'grant' }]);
    livline.advance(60);
    await pipeline.clock();
    await pipeline.drain();
    expect(subjects(), 'the clock finds no grant').toEqual([]);

    await grant(SCOPES, 'all');
    await pipeline.clock();
    await pipeline.drain();
    expect(subjects().sort()).toEqual([first, second].sort());
    expect(await deliveriesOf(endpoint.id, 'held')).toEqual([]);
    livline.advance(180);
    await pipeline.clock();
    expect(await rowsOf(livline.store, at.code, 'grant-watch')).toEqual([]);
  });

  it('goes on as soon as the grant is back, without waiting for a round of the clock', async () => {
    await grant(SCOPES, 'all');
    await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await revoke();
    const id = await createFamily(at);
    expect(await posted()).toEqual([]);
    livline.woken.length = 0;
    await at.put(`/grants/${partner.clientId}`, { scopes: SCOPES, rows: 'all' });
    expect(livline.woken).toEqual([at.code]);
    livline.advance(5);
    await pipeline.turn();
    await pipeline.drain();
    expect(subjects()).toEqual([id]);
  });

  it('goes on as soon as a grant is confirmed that an operator’s credential had suspended', async () => {
    await grant(SCOPES, 'all');
    await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await livline.operator('POST', `/clients/${partner.clientId}/credentials`);
    livline.advance(60);
    const id = await createFamily(at);
    expect(await posted()).toEqual([]);
    livline.woken.length = 0;
    const { status } = await at.post(`/grants/${partner.clientId}/confirm`, { operatorCredentials: 1 });
    expect([status, livline.woken]).toEqual([200, [at.code]]);
    livline.advance(5);
    await pipeline.turn();
    await pipeline.drain();
    expect(subjects()).toEqual([id]);
  });

  it('keeps the order of an ordered endpoint: what was held is delivered before what comes after it', async () => {
    await grant(SCOPES, 'all');
    await subscribe(livline, partner, 'partner', { types: ['family.*'], ordered: true });
    await revoke();
    const id = await createFamily(at);
    expect(await posted()).toEqual([]);
    await grant(SCOPES, 'all');
    await at.patch(`/families/${id}`, { capacity: 3 }, 1);
    expect(await posted(), 'the one before is still held').toEqual([]);
    await pipeline.clock();
    await pipeline.drain();
    await pipeline.untilQuiet();
    expect(pipeline.received.map(({ body }) => JSON.parse(body).type)).toEqual([
      'dk.livline.family.created',
      'dk.livline.family.updated',
    ]);
  });

  it('is adopted by the municipality, keeps its secret, and is posted what the municipality may read', async () => {
    await grant(SCOPES, 'all');
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await revoke();
    const family = await createFamily(at);
    expect(await posted()).toEqual([]);
    const path = `/webhook-endpoints/${endpoint.id}`;
    const match = { 'if-match': '"1"' };
    expectProblem(await at.patch(path, { disabled: true }, 1), 403, 'forbidden');
    for (const scopes of [
      ['webhooks:write', 'events:read'],
      ['grants:write', 'webhooks:write'],
    ])
      expectProblem(await at.withScopes(...scopes).post(`${path}/adopt`, undefined, match), 403, 'forbidden');
    const { status, body } = await at.post(`${path}/adopt`, undefined, match);
    expect([status, body]).toMatchObject([
      200,
      { source: 'municipal', owner: { clientId: at.clientId }, secretVersion: 1 },
    ]);
    livline.advance(60);
    await pipeline.clock();
    await pipeline.drain();
    expect(subjects()).toEqual([family]);
    await grant(SCOPES, 'own');
    expectProblem(await partner.get(path), 404, 'not_found');
    expect((await partner.get('/webhook-endpoints')).body.items).toEqual([]);
  });

  it('is deleted by the municipality, and what was held for it is cancelled', async () => {
    await grant(SCOPES, 'all');
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['family.*'] });
    await revoke();
    await createFamily(at);
    expect(await posted()).toEqual([]);
    expect((await at.remove(`/webhook-endpoints/${endpoint.id}`, 1)).status).toBe(204);
    livline.advance(60);
    await pipeline.clock();
    await pipeline.drain();
    const deliveries = (await rowsOf(livline.store, at.code, 'delivery')).map(({ view }) => view);
    expect(deliveries).toMatchObject([{ endpointId: endpoint.id, status: 'cancelled' }]);
  });
});

describe('an endpoint among others', () => {
  it('is seen by its owner’s organisation and the municipality, and changed by the former alone', async () => {
    await grant(SCOPES, 'all');
    const ours = await subscribe(livline, at);
    const theirs = await subscribe(livline, partner, 'partner');
    const path = `/webhook-endpoints/${ours.id}`;
    const match = { 'if-match': '"1"' };
    expectProblem(await partner.get(path), 404, 'not_found');
    expectProblem(await partner.get(`${path}/deliveries`), 404, 'not_found');
    expectProblem(await partner.post(`${path}/rotate-secret`, {}, match), 404, 'not_found');
    expect((await partner.get('/webhook-endpoints')).body.items.map(({ id }: { id: string }) => id)).toEqual([
      theirs.id,
    ]);
    const foreign = `/webhook-endpoints/${theirs.id}`;
    expect((await at.get(foreign)).status).toBe(200);
    livline.posts.length = 0;
    for (const [action, body, headers] of [
      ['rotate-secret', {}, match],
      ['test', undefined, {}],
      ['enable', {}, {}],
      ['recover', { since: '2026-01-01T00:00:00Z' }, {}],
    ] as const)
      expectProblem(await at.post(`${foreign}/${action}`, body, headers), 403, 'forbidden');
    expect(livline.posts).toEqual([]);
    expect((await partner.post(`${foreign}/test`, undefined)).status).toBe(200);
  });

  it('is turned elsewhere by another client of its organisation only if that may read what is posted to it', async () => {
    const endpoint = await subscribe(livline, at);
    const path = `/webhook-endpoints/${endpoint.id}`;
    const narrow = await anotherClient(livline, at, ['webhooks:read', 'webhooks:write', 'events:read']);
    expectProblem(await narrow.patch(path, { url: 'https://other.example.dk/' }, 1), 403, 'forbidden');
    const wide = await anotherClient(livline, at, at.scopes);
    expect((await wide.patch(path, { url: 'https://other.example.dk/' }, 1)).status).toBe(200);
  });
});
