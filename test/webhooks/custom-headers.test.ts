import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { verified } from '#test/support/receiver.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const url = 'https://sag.example.dk/livline';
const create = (headers: unknown) => at.post('/webhook-endpoints', { url, headers });

describe('headers of an endpoint', () => {
  it('go with every webhook and every ping alike, beside our own', async () => {
    const headers = { 'X-Api-Key': 'k-123', Authorization: 'Bearer abc.def', 'x-system': 'DUBU\t 4 (Vejle)' };
    const own = await livline.freshMunicipality();
    const { body: endpoint } = await own.post('/webhook-endpoints', { url, headers });
    livline.takeStream();
    livline.posts.length = 0;
    await own.post(`/webhook-endpoints/${endpoint.id}/test`, undefined);
    livline.advance(1);
    await createFamily(own);
    const pipeline = startPipeline(livline, own.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    const [ping, delivery] = [...livline.posts, ...pipeline.received];
    if (!ping || !delivery) throw new Error('A ping and a delivery were due');
    expect(delivery.headers).toMatchObject(headers);
    expect(Object.keys(ping.headers)).toEqual(Object.keys(delivery.headers));
    expect(Object.keys(ping.headers).sort()).toEqual(
      [
        ...Object.keys(headers),
        'content-type',
        'user-agent',
        'webhook-id',
        'webhook-signature',
        'webhook-timestamp',
      ].sort(),
    );
    expect(verified(endpoint.secret, delivery, livline.now())).toMatchObject({ specversion: '1.0' });
  });

  it('are shown by their names alone, and kept sealed', async () => {
    const { status, body, text } = await create({ 'X-Api-Key': 'HEMMELIG-1', 'X-Also': 'HEMMELIG-2' });
    expect(status).toBe(201);
    expect(body).not.toHaveProperty('headers');
    expect(body.headerNames).toEqual(['X-Also', 'X-Api-Key']);
    const path = `/webhook-endpoints/${body.id}`;
    await livline.relay();
    const shown = [
      text,
      ...(
        await Promise.all([
          at.get(path),
          at.get('/webhook-endpoints'),
          at.get('/events', { limit: '200' }),
          at.get(`${path}/history`),
          at.post(`${path}/test`, undefined),
          at.patch(path, { description: 'Ny' }, 1),
        ])
      ).map((reply) => reply.text),
    ];
    for (const each of shown) expect(each).not.toContain('HEMMELIG');
    expect(JSON.stringify(await contentOf(livline.store))).not.toContain('HEMMELIG');
  });

  it('are changed one by one: what a patch does not name stays, and null takes away', async () => {
    const { body } = await create({ 'X-A': '1', 'X-B': '2' });
    const path = `/webhook-endpoints/${body.id}`;
    const sent = async () => {
      livline.posts.length = 0;
      await at.post(`${path}/test`, undefined);
      return Object.fromEntries(Object.entries(livline.posts[0]?.headers ?? {}).filter(([name]) => /^x-/i.test(name)));
    };
    expect((await at.patch(path, { headers: { 'X-B': '3', 'X-C': '4' } }, 1)).body.headerNames).toEqual([
      'X-A',
      'X-B',
      'X-C',
    ]);
    expect(await sent()).toEqual({ 'X-A': '1', 'X-B': '3', 'X-C': '4' });
    expect((await at.patch(path, { headers: { 'X-A': null } }, 2)).body.headerNames).toEqual(['X-B', 'X-C']);
    expect((await at.patch(path, { headers: null }, 3)).body.headerNames).toEqual([]);
    expect(await sent()).toEqual({});
  });

  it('are at most twenty', async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, 'v']));
    expect((await create(many(20))).status).toBe(201);
    expectProblem(await create(many(21)), 422, 'validation_failed', '/headers');
  });

  it.each([
    'Host',
    'connection',
    'Keep-Alive',
    'Proxy-Authorization',
    'proxy-connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'UPGRADE',
    'Expect',
    'Content-Type',
    'content-length',
    'Content-Encoding',
    'webhook-id',
    'Webhook-Signature',
    'webhook-anything',
    'User-Agent',
  ])('may not be %s', async (name) => {
    expectProblem(await create({ [name]: 'value' }), 422, 'validation_failed', `/headers/${name}`);
  });

  it.each([
    ['X-A\r\nX-B', 'v'],
    ['X A', 'v'],
    ['X-A:', 'v'],
    ['X-Æ', 'v'],
    ['', 'v'],
    ['x'.repeat(101), 'v'],
    ['X-A', 'v\r\nX-B: w'],
    ['X-A', 'v\nw'],
    ['X-A', 'v\u0000'],
    ['X-A', 'v\u007f'],
    ['X-A', ' v'],
    ['X-A', 'v '],
    ['X-A', ''],
    ['X-A', 'blåbær'],
    ['X-A', 'v\u2028w'],
    ['X-A', 'v'.repeat(2_001)],
    ['X-A', 7],
  ])('cannot smuggle in anything: %j: %j is refused', async (name, value) => {
    const { status, body, text } = await create({ 'X-Good': 'v', [name]: value });
    expect([status, body.type]).toEqual([422, '/problems/validation_failed']);
    expect(body.errors[0].pointer.startsWith('/headers')).toBe(true);
    expect(text).not.toContain('X-B: w');
  });

  it('cannot be the same twice in other letters, nor reach into objects', async () => {
    expectProblem(await create({ 'X-Key': '1', 'x-key': '2' }), 422, 'validation_failed', '/headers/x-key');
    const { errors } = (await create({ 'X Key': '1' })).body;
    expect(errors).toEqual([
      { pointer: '/headers/X Key', code: 'invalid_value', detail: 'This is not the name of a header.' },
    ]);
    const raw = `{"url": "${url}", "headers": {"__proto__": "v", "constructor": "w"}}`;
    const { status, body } = await at.send('POST', '/webhook-endpoints', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
    // `constructor` is a header name like any other; `__proto__` is one that zod leaves out.
    expect([status, body.headerNames]).toEqual([201, ['constructor']]);
  });
});
