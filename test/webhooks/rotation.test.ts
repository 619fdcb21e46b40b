import { beforeAll, describe, expect, it } from 'vitest';
import { verifyWebhook, WebhookRefused } from '#shared/webhooks/verify.ts';
import { contentOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { verified } from '#test/support/receiver.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const HOUR = 3_600;
const rotate = (id: string, version: number, body: object = {}, headers: Record<string, string> = {}) =>
  at.post(`/webhook-endpoints/${id}/rotate-secret`, body, { 'if-match': `"${version}"`, ...headers });

/** The signatures of a ping that is sent now, of which the receiver's own library accepts those of these secrets. */
async function pinged(id: string) {
  livline.posts.length = 0;
  await at.post(`/webhook-endpoints/${id}/test`, undefined);
  const [ping] = livline.posts;
  if (!ping) throw new Error('Nothing was posted');
  const { headers, body } = ping;
  const accepts = (key: string): boolean => {
    try {
      verifyWebhook(key, headers, body, { now: livline.now().getTime() });
      if (key.startsWith('whsec_')) verified(key, ping, livline.now());
      return true;
    } catch (error) {
      if (error instanceof WebhookRefused) return false;
      throw error;
    }
  };
  return { signatures: headers['webhook-signature']?.split(' ') ?? [], accepts };
}

describe('the rotation of a secret', () => {
  it('shows a new secret once, and both sign until the overlap ends after 24 hours', async () => {
    const endpoint = await subscribe(livline, at);
    const { status, headers, body } = await rotate(endpoint.id, 1);
    expect(status).toBe(200);
    const until = new Date(livline.now().getTime() + 24 * HOUR * 1000).toISOString();
    expect(body).toMatchObject({ id: endpoint.id, version: 2, secretVersion: 2, overlapUntil: until });
    expect(headers['etag']).toBe('"2"');
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.secret).not.toBe(endpoint.secret);
    const { secret, ...view } = body;
    expect((await at.get(`/webhook-endpoints/${endpoint.id}`)).body).toEqual(view);

    livline.advance(24 * HOUR - 1);
    const during = await pinged(endpoint.id);
    expect(during.signatures.map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1']);
    expect([during.accepts(secret), during.accepts(endpoint.secret)]).toEqual([true, true]);
    livline.advance(1);
    const after = await pinged(endpoint.id);
    expect(after.signatures).toHaveLength(1);
    expect([after.accepts(secret), after.accepts(endpoint.secret)]).toEqual([true, false]);
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 2);
  });

  it('with an overlap of 0 leaves the new one alone at once, of 168 both for a week', async () => {
    const endpoint = await subscribe(livline, at);
    const { body: sharp } = await rotate(endpoint.id, 1, { overlapHours: 0 });
    expect(sharp).not.toHaveProperty('overlapUntil');
    const now = await pinged(endpoint.id);
    expect(now.signatures).toHaveLength(1);
    expect([now.accepts(sharp.secret), now.accepts(endpoint.secret)]).toEqual([true, false]);
    const { body: long } = await rotate(endpoint.id, 2, { overlapHours: 168 });
    livline.advance(168 * HOUR - 1);
    expect((await pinged(endpoint.id)).signatures).toHaveLength(2);
    livline.advance(1);
    expect((await pinged(endpoint.id)).accepts(long.secret)).toBe(true);
    expect((await pinged(endpoint.id)).signatures).toHaveLength(1);
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 3);
  });

  it('is refused while the overlap lasts, unless it is forced, which ends the oldest at once', async () => {
    const endpoint = await subscribe(livline, at);
    const { body: second } = await rotate(endpoint.id, 1, { overlapHours: 1 });
    livline.advance(HOUR - 1);
    for (const body of [{}, { overlapHours: 0 }, { force: false }])
      expectProblem(await rotate(endpoint.id, 2, body), 409, 'conflict');
    const { status, body: third } = await rotate(endpoint.id, 2, { force: true });
    expect([status, third.secretVersion]).toEqual([200, 3]);
    const ping = await pinged(endpoint.id);
    expect([third, second, endpoint].map(({ secret }) => ping.accepts(secret))).toEqual([true, true, false]);
    livline.advance(24 * HOUR);
    expect((await rotate(endpoint.id, 3)).status).toBe(200);
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 4);
  });

  it('answers the same Idempotency-Key with the same view, and shows no secret again', async () => {
    const created = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' }, { 'idempotency-key': 'c' });
    const { id } = created.body;
    const ask = () => rotate(id, 1, {}, { 'idempotency-key': 'r-1' });
    const first = await ask();
    expect(first.body.secret).toMatch(/^whsec_/);
    const repeated = await ask();
    const { secret: _, ...view } = first.body;
    expect(repeated.body).toEqual(view);
    expect(repeated.headers['idempotency-replayed']).toBe('true');
    expectProblem(await rotate(id, 1, { force: true }, { 'idempotency-key': 'r-1' }), 422, 'idempotency_key_reused');
    expect((await at.get(`/webhook-endpoints/${id}`)).body.version).toBe(2);
    const again = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' }, { 'idempotency-key': 'c' });
    expect(again.body).toMatchObject({ id, secretVersion: 1 });
    expect(again.body).not.toHaveProperty('secret');
    await at.remove(`/webhook-endpoints/${id}`, 2);
  });

  it('at the same instant by two is one rotation', async () => {
    const endpoint = await subscribe(livline, at);
    const both = await Promise.all([rotate(endpoint.id, 1), rotate(endpoint.id, 1)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    const [done] = both.filter(({ status }) => status === 200);
    expect((await pinged(endpoint.id)).accepts(done?.body.secret)).toBe(true);
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 2);
  });

  it.each([
    [{ overlapHours: 169 }, '/overlapHours'],
    [{ overlapHours: -1 }, '/overlapHours'],
    [{ overlapHours: 1.5 }, '/overlapHours'],
    [{ overlapHours: '24' }, '/overlapHours'],
    [{ force: 'yes' }, '/force'],
    [{ secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }, '/secret'],
  ])('refuses %j', async (body, pointer) => {
    const { body: endpoint } = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' });
    expectProblem(await rotate(endpoint.id, 1, body), 422, 'validation_failed', pointer);
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 1);
  });

  it('needs If-Match and the scope to write, and an endpoint of this municipality', async () => {
    const { id } = (await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' })).body;
    const path = `/webhook-endpoints/${id}/rotate-secret`;
    const other = await livline.freshMunicipality();
    const match = { 'if-match': '"1"' };
    expectProblem(await at.post(path, {}), 428, 'precondition_required');
    expectProblem(await rotate(id, 2), 412, 'precondition_failed');
    expectProblem(await at.withScopes('webhooks:read').post(path, {}, match), 403, 'forbidden');
    expectProblem(await other.post(path, {}, match), 404, 'not_found');
    await at.remove(`/webhook-endpoints/${id}`, 1);
  });

  it('leaves no secret in an event, a list, the history or, in clear, any row', async () => {
    const { body: endpoint } = await at.post('/webhook-endpoints', {
      url: 'https://sag.example.dk/',
      signatures: ['v1', 'v1a'],
    });
    const { body: rotated } = await rotate(endpoint.id, 1, {}, { 'idempotency-key': 'quiet' });
    await livline.relay();
    const replies: Reply[] = [
      await at.get('/events', { limit: '200' }),
      await at.get('/webhook-endpoints'),
      await at.get(`/webhook-endpoints/${endpoint.id}`),
      await at.get(`/webhook-endpoints/${endpoint.id}/history`),
      await at.get('/webhook-keys'),
      await at.patch(`/webhook-endpoints/${endpoint.id}`, { description: 'Ny' }, 2),
    ];
    const secrets = [endpoint.secret, rotated.secret, 'whsk_'];
    for (const { status, text } of replies) {
      expect(status).toBe(200);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    for (const secret of secrets) {
      expect(JSON.stringify(await contentOf(livline.store))).not.toContain(secret);
    }
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 3);
  });

  it('holds for deliveries on their way: an attempt is signed by what is live when it is made', async () => {
    const own = await livline.freshMunicipality();
    const endpoint = await subscribe(livline, own);
    livline.takeStream();
    await createFamily(own);
    const pipeline = startPipeline(livline, own.code);
    await pipeline.relayFresh();
    pipeline.answer(() => ({ status: 500, durationMs: 1 }));
    await pipeline.drain();
    const rotation = { body: { overlapHours: 0 }, headers: { 'if-match': '"1"' } };
    const { body: rotated } = await own.send('POST', `/webhook-endpoints/${endpoint.id}/rotate-secret`, rotation);
    livline.advance(5);
    await pipeline.drain();
    const [first, second] = pipeline.received;
    if (!first || !second) throw new Error('Two attempts were due');
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.body).toBe(first.body);
    expect(verifyWebhook(endpoint.secret, first.headers, first.body, { now: first.at }).id).toBeTruthy();
    expect(verifyWebhook(rotated.secret, second.headers, second.body, { now: second.at }).id).toBeTruthy();
    expect(() => verifyWebhook(endpoint.secret, second.headers, second.body, { now: second.at })).toThrow();
  });
});
