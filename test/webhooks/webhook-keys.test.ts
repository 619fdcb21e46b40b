import { createPublicKey, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyWebhook } from '#shared/webhooks/verify.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { requestLine } from '#test/support/request-line.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const url = 'https://sag.example.dk/livline';
const create = async (at: Caller, fields: object = {}) =>
  (await at.post('/webhook-endpoints', { url, ...fields })).body;
const keysOf = async (at: Caller) => (await at.get('/webhook-keys')).body.keys;
const ping = async (at: Caller, id: string) => {
  livline.posts.length = 0;
  await at.post(`/webhook-endpoints/${id}/test`, undefined);
  const [post] = livline.posts;
  if (!post) throw new Error('Nothing was posted');
  return post;
};
const kinds = (signature = '') => signature.split(' ').map((each) => each.split(',')[0]);
const now = () => ({ now: livline.now().getTime() });

describe('the signatures of an endpoint', () => {
  it('are v1 unless it asks for v1a beside it or instead', async () => {
    const at = await livline.freshMunicipality();
    expect((await create(at)).signatures).toEqual(['v1']);
    for (const signatures of [['v1'], ['v1a'], ['v1', 'v1a']]) {
      const endpoint = await create(at, { signatures });
      expect(endpoint.signatures).toEqual(signatures);
      expect(kinds((await ping(at, endpoint.id)).headers['webhook-signature'])).toEqual(signatures);
    }
    for (const [signatures, pointer] of [
      [[], '/signatures'],
      [['v1', 'v1'], '/signatures'],
      [['v2'], '/signatures/0'],
    ] as const)
      expectProblem(await at.post('/webhook-endpoints', { url, signatures }), 422, 'validation_failed', pointer);
  });

  it('may change: v1a brings a key pair, and without it there is none, nor a public key', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await create(at);
    expect(await keysOf(at)).toEqual([]);
    await at.patch(`/webhook-endpoints/${id}`, { signatures: ['v1', 'v1a'] }, 1);
    const [key] = await keysOf(at);
    const post = await ping(at, id);
    expect(verifyWebhook(key.whpk, post.headers, post.body, now()).id).toBe(post.headers['webhook-id']);
    await at.patch(`/webhook-endpoints/${id}`, { description: 'Same key' }, 2);
    expect(await keysOf(at)).toEqual([key]);
    await at.patch(`/webhook-endpoints/${id}`, { signatures: ['v1'] }, 3);
    expect(await keysOf(at)).toEqual([]);
    expect(kinds((await ping(at, id)).headers['webhook-signature'])).toEqual(['v1']);
  });
});

describe('/webhook-keys', () => {
  it('has the public key of each endpoint with v1a, as a JSON Web Key and as Standard Webhooks writes it', async () => {
    const at = await livline.freshMunicipality();
    await create(at);
    const first = await create(at, { signatures: ['v1a'] });
    livline.advance(1);
    const second = await create(at, { signatures: ['v1', 'v1a'] });
    const reply = await at.get('/webhook-keys');
    expect(reply.status).toBe(200);
    expect(reply.body.keys.map(({ kid }: { kid: string }) => kid)).toEqual([first.id, second.id]);
    for (const key of reply.body.keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'whpk', 'x']);
      expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
      expect(key.whpk).toBe(`whpk_${Buffer.from(key.x, 'base64url').toString('base64')}`);
      const { headers, body } = await ping(at, key.kid);
      const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
      const [signature = ''] = headers['webhook-signature']?.split(' ').filter((each) => each.startsWith('v1a,')) ?? [];
      const publicKey = createPublicKey({ key, format: 'jwk' });
      expect(verify(null, signed, publicKey, Buffer.from(signature.slice(4), 'base64'))).toBe(true);
    }
    await at.remove(`/webhook-endpoints/${first.id}`, 1);
    expect((await keysOf(at)).map(({ kid }: { kid: string }) => kid)).toEqual([second.id]);
  });

  it('has both keys of an endpoint while a rotation overlaps, each of which is enough, and then the new one', async () => {
    const at = await livline.freshMunicipality();
    const endpoint = await create(at, { signatures: ['v1', 'v1a'] });
    const [before] = await keysOf(at);
    const match = (version: number) => ({ 'if-match': `"${version}"` });
    const path = `/webhook-endpoints/${endpoint.id}/rotate-secret`;
    const { body: rotated } = await at.post(path, { overlapHours: 1 }, match(1));
    const [young, old, ...others] = await keysOf(at);
    expect(others).toEqual([]);
    expect(old).toEqual({ ...before, until: rotated.overlapUntil });
    expect([young.kid, young.until]).toEqual([endpoint.id, undefined]);
    expect(young.whpk).not.toBe(old.whpk);
    const post = await ping(at, endpoint.id);
    expect(kinds(post.headers['webhook-signature'])).toEqual(['v1', 'v1a', 'v1', 'v1a']);
    for (const key of [rotated.secret, endpoint.secret, young.whpk, old.whpk])
      expect(verifyWebhook(key, post.headers, post.body, now()).id).toBe(post.headers['webhook-id']);

    livline.advance(3_600);
    expect(await keysOf(at)).toEqual([young]);
    const later = await ping(at, endpoint.id);
    expect(() => verifyWebhook(old.whpk, later.headers, later.body, now())).toThrow('No signature is good');
    await at.post(path, { overlapHours: 0 }, match(2));
    const [newest, ...rest] = await keysOf(at);
    expect([rest, newest.whpk === young.whpk]).toEqual([[], false]);
  });

  it('is one row, for the scope that reads webhooks, and knows no other municipality', async () => {
    const at = await livline.freshMunicipality();
    const other = await livline.freshMunicipality();
    await create(at, { signatures: ['v1a'] });
    expect(await keysOf(other)).toEqual([]);
    expectProblem(await at.withScopes('webhooks:write', 'events:read').get('/webhook-keys'), 403, 'forbidden');
    const reader = at.withScopes('webhooks:read');
    await keysOf(reader);
    const requests = await livline.requestsOf(() => keysOf(reader));
    expect(requests.map((request) => requestLine(request, at.code, {}))).toEqual(['GetItem B#webhook-keys']);
  });
});

describe('a delivery to an endpoint with v1a', () => {
  it('is signed with its key, over the bytes that are sent', async () => {
    const at = await livline.freshMunicipality();
    await create(at, { signatures: ['v1a'] });
    livline.takeStream();
    livline.advance(1);
    await createFamily(at, 'Familien på Ærø');
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    const [post] = pipeline.received;
    const [key] = await keysOf(at);
    expect(verifyWebhook(key.whpk, post?.headers ?? {}, post?.body ?? '', now()).id).toBe(
      JSON.parse(post?.body ?? '').id,
    );
  });
});
