import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { verified } from '#test/support/receiver.ts';
import { expectSealed } from '#test/support/sealed.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const input = { url: 'https://sag.example.dk/livline', description: 'DUBU', types: ['family.*'] };

describe('/webhook-endpoints', () => {
  it('creates, gets, lists, changes and deletes an endpoint', async () => {
    const created = await at.post('/webhook-endpoints', input);
    expect(created.status).toBe(201);
    const { secret, ...view } = created.body;
    const path = `/webhook-endpoints/${view.id}`;
    expect(view).toMatchObject({ ...input, disabled: false, version: 1, municipality: at.code });
    expect(created.headers).toMatchObject({ etag: '"1"', location: `/v1/municipalities/${at.code}${path}` });
    expect((await at.get(path)).body).toEqual(view);
    expect((await at.get('/webhook-endpoints')).body.items).toEqual([view]);

    const changed = await at.patch(path, { types: ['dk.livline.call.*', 'call.received'], description: null }, 1);
    expect(changed.body).toMatchObject({ version: 2, types: ['call.*', 'call.received'] });
    expect(changed.body).not.toHaveProperty('description');
    expect((await at.patch(path, { disabled: true }, 1)).status).toBe(412);

    expect((await at.remove(path, 2)).status).toBe(204);
    expect((await at.get(path)).status).toBe(404);
    expect((await at.get('/webhook-endpoints')).body.items).toEqual([]);
  });

  it('shows a secret of 32 bytes in the answer that made it, and nowhere else, not even to the same Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'endpoint-1' };
    const { body: created } = await at.post('/webhook-endpoints', input, key);
    const { id, secret } = created;
    expect(Buffer.from(/^whsec_(.*)$/.exec(secret)?.[1] ?? '', 'base64')).toHaveLength(32);
    const { secret: _, ...view } = created;
    expect((await at.post('/webhook-endpoints', input, key)).body).toEqual(view);

    await createFamily(at);
    await livline.relay();
    const answers = [
      await at.get(`/webhook-endpoints/${id}`),
      await at.get('/webhook-endpoints'),
      await at.patch(`/webhook-endpoints/${id}`, { description: 'Other' }, 1),
      await at.post(`/webhook-endpoints/${id}/test`, undefined),
      await at.get('/events'),
    ];
    for (const { status, text, headers } of answers) {
      expect(status).toBe(200);
      expect(text + JSON.stringify(headers)).not.toContain(secret.slice('whsec_'.length));
    }
    const rows = await contentOf(livline.store);
    expect(JSON.stringify(rows)).not.toContain(secret.slice('whsec_'.length));
    const own = rows.find((row) => row['pk'].endsWith(`#R#${id}`) && row['sk'] === 'A');
    expectSealed(own?.['sensitive'], ['secret']);
    await at.remove(`/webhook-endpoints/${id}`, 2);
    const repeated = await at.post('/webhook-endpoints', input, key);
    expect([repeated.status, repeated.body]).toEqual([201, view]);
  });

  it('keeps its secret when it is changed, and takes none from the caller', async () => {
    const { body: endpoint } = await at.post('/webhook-endpoints', input);
    await at.patch(`/webhook-endpoints/${endpoint.id}`, { url: 'https://other.example.dk/' }, 1);
    livline.takeStream();
    livline.advance(1);
    await createFamily(at);
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    const [post] = pipeline.received;
    expect(post?.url).toBe('https://other.example.dk/');
    if (post) expect(verified(endpoint.secret, post, livline.now())).toMatchObject({ specversion: '1.0' });

    const own = { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
    const refused = [
      await at.post('/webhook-endpoints', { ...input, ...own }),
      await at.patch(`/webhook-endpoints/${endpoint.id}`, own, 2),
    ];
    for (const { status, body } of refused) {
      expect([status, body.errors[0]]).toMatchObject([422, { pointer: '/secret', code: 'read_only' }]);
    }
    await at.remove(`/webhook-endpoints/${endpoint.id}`, 2);
  });

  it('exists for its own municipality and for the scopes of webhooks alone', async () => {
    const other = await livline.freshMunicipality();
    const { id } = (await at.post('/webhook-endpoints', input)).body;
    const path = `/webhook-endpoints/${id}`;
    const reading = at.withScopes('webhooks:read');
    const statuses = async (who: Caller) => [
      (await who.get(path)).status,
      (await who.patch(path, { disabled: true }, 1)).status,
      (await who.post(`${path}/test`, undefined)).status,
      (await who.remove(path, 1)).status,
    ];
    expect(await statuses(other)).toEqual([404, 404, 404, 404]);
    expect(await statuses(reading)).toEqual([200, 403, 403, 403]);
    expect((await reading.post('/webhook-endpoints', input)).status).toBe(403);
    expect(await statuses(at.withScopes('families:read', 'events:read'))).toEqual([403, 403, 403, 403]);
    await at.remove(path, 1);
  });

  it('are at most fifty in a municipality', async () => {
    const full = await livline.freshMunicipality();
    const create = () => full.post('/webhook-endpoints', input);
    let last = await create();
    for (let count = 1; count < 50; count += 1) last = await create();
    expect(last.status).toBe(201);
    expect((await create()).body).toMatchObject({ status: 409, type: '/problems/conflict' });
    await full.remove(`/webhook-endpoints/${last.body.id}`, 1);
    expect((await create()).status).toBe(201);
    expect((await create()).status).toBe(409);
  });

  it.each([['family'], ['family.created '], ['*.created'], ['dk.livline.'], [''], ['family.*.*'], ['Family.*']])(
    'refuse %j as a type of event',
    async (type) => {
      const { status, body } = await at.post('/webhook-endpoints', { ...input, types: ['call.*', type] });
      expect(status).toBe(422);
      expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/types/1']);
    },
  );
});

describe('the test of an endpoint', () => {
  it('posts a signed ping at once and shows the answer, and leaves nothing behind', async () => {
    const { body: endpoint } = await at.post('/webhook-endpoints', input);
    const before = await contentOf(livline.store);
    livline.posts.length = 0;
    livline.receive(() => ({ status: 200, durationMs: 12, body: 'Pong', address: '192.0.2.7' }));
    const { status, body } = await at.post(`/webhook-endpoints/${endpoint.id}/test`, undefined);
    expect(status).toBe(200);
    const [ping, ...others] = livline.posts;
    if (!ping) throw new Error('Nothing was posted');
    expect(others).toEqual([]);
    expect(ping.url).toBe(endpoint.url);
    const event = verified(endpoint.secret, ping, livline.now());
    expect(event).toMatchObject({ type: 'dk.livline.webhook-endpoint.ping', subject: endpoint.id, id: body.eventId });
    expect(() =>
      verified(endpoint.secret, { ...ping, body: ping.body.replace('ping', 'pong') }, livline.now()),
    ).toThrow();
    expect(body).toEqual({
      delivered: true,
      eventId: ping.headers['webhook-id'],
      status: 200,
      durationMs: 12,
      body: 'Pong',
    });
    expect(await contentOf(livline.store)).toEqual(before);
  });

  it.each([
    [
      { status: 302, durationMs: 1, body: '' },
      { delivered: false, status: 302 },
    ],
    [
      { status: 500, durationMs: 1, body: 'Broken' },
      { delivered: false, status: 500, body: 'Broken' },
    ],
    [
      { error: 'CONNECT_REFUSED' as const, durationMs: 1 },
      { delivered: false, error: 'CONNECT_REFUSED' },
    ],
  ])('says so when it fails: %j', async (result, shown) => {
    const { body: endpoint } = await at.post('/webhook-endpoints', input);
    livline.receive(() => result);
    const { status, body } = await at.post(`/webhook-endpoints/${endpoint.id}/test`, undefined);
    expect(status).toBe(200);
    expect(body).toMatchObject(shown);
  });
});
