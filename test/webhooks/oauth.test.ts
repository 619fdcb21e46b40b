import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Laboratory, PostRequest } from '#shared/webhooks/egress.ts';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { type Chaos, HOST, resolver, startChaos } from '#test/support/chaos.ts';
import { drippedHead, hang, json, resetBeforeHead, status } from '#test/support/chaos-answers.ts';

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos();
  return chaos.stop;
});
afterEach(() => {
  chaos.arrivals.length = 0;
});

const oauth = { tokenUrl: `https://${HOST}/token`, clientId: 'livline', clientSecret: 'hemmelig:ø&1', scope: 'a b' };
const request = (over: object = {}): PostRequest => ({
  url: `https://${HOST}/hook`,
  headers: { 'webhook-id': 'evt_1' },
  body: '{}',
  oauth,
  ...over,
});

const answer = (given: object = {}) =>
  json({ access_token: 'token-1', token_type: 'Bearer', expires_in: 300, ...given });

/** A sender with a clock of its own; the receiver gives a token at /token and takes whatever comes elsewhere. */
function sender(token = answer(), laboratory: Laboratory = {}) {
  let time = Date.parse('2026-11-20T09:00:00Z');
  chaos.answerEach(({ path }) => (path === '/token' ? token : status(204)));
  return {
    post: withReceiverTokens(chaos.post(laboratory), () => new Date(time)),
    advance: (seconds: number) => {
      time += seconds * 1000;
    },
  };
}
const paths = () => chaos.arrivals.map(({ path }) => path);

describe('a token for a receiver', () => {
  it('is got with client credentials and sent as Bearer, over any Authorization that was there', async () => {
    const { post } = sender();
    const headers = { 'webhook-id': 'evt_1', Authorization: 'other' };
    expect(await post(request({ headers }))).toMatchObject({ status: 204 });
    const [asked, delivered] = chaos.arrivals;
    expect(asked).toMatchObject({
      method: 'POST',
      path: '/token',
      body: 'grant_type=client_credentials&scope=a+b',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    });
    const [scheme, credentials = ''] = String(asked?.headers.authorization).split(' ');
    expect([scheme, Buffer.from(credentials, 'base64').toString()]).toEqual(['Basic', 'livline:hemmelig%3A%C3%B8%261']);
    expect(delivered).toMatchObject({
      path: '/hook',
      headers: { authorization: 'Bearer token-1', 'webhook-id': 'evt_1' },
    });
  });

  it('is not asked for where an endpoint has no use for it', async () => {
    const { post } = sender();
    await post(request({ oauth: undefined }));
    expect(paths()).toEqual(['/hook']);
    expect(chaos.arrivals[0]?.headers).not.toHaveProperty('authorization');
  });

  it('is used until shortly before it expires', async () => {
    const { post, advance } = sender();
    await post(request());
    advance(269);
    await post(request());
    expect(paths()).toEqual(['/token', '/hook', '/hook']);
    advance(1);
    await post(request());
    expect(paths()).toEqual(['/token', '/hook', '/hook', '/token', '/hook']);
  });

  it.each([
    ['is used for a minute where it does not say how long it is valid', { expires_in: undefined }, 60],
    ['is used for an hour at most', { expires_in: 1e9 }, 3_600],
    ['may say its life as text', { expires_in: '130' }, 100],
    ['is used once where it is about to expire', { expires_in: 5 }, 0],
  ])('%s', async (_, given, seconds) => {
    const { post, advance } = sender(answer(given));
    await post(request());
    if (seconds > 0) {
      advance(seconds - 1);
      await post(request());
      expect(paths()).toEqual(['/token', '/hook', '/hook']);
      advance(1);
    }
    await post(request());
    expect(paths().slice(-2)).toEqual(['/token', '/hook']);
  });

  it('is fetched once for all that need it at the same time', async () => {
    const { post } = sender();
    await Promise.all(Array.from({ length: 10 }, () => post(request())));
    expect(paths().filter((path) => path === '/token')).toHaveLength(1);
    expect(paths().filter((path) => path === '/hook')).toHaveLength(10);
  });

  it('belongs to its credentials: another secret, scope or certificate gets its own', async () => {
    const { post } = sender();
    await post(request());
    await post(request({ oauth: { ...oauth, clientSecret: 'new' } }));
    await post(request({ oauth: { ...oauth, scope: 'c' } }));
    expect(paths().filter((path) => path === '/token')).toHaveLength(3);
  });

  it('that the receiver answers with 401 is not used again', async () => {
    const { post } = sender();
    chaos.answerEach(({ path }) => (path === '/token' ? answer() : status(401)));
    expect(await post(request())).toMatchObject({ status: 401 });
    expect(await post(request())).toMatchObject({ status: 401 });
    expect(paths()).toEqual(['/token', '/hook', '/token', '/hook']);
  });

  it('of more than 4 KB is read whole', async () => {
    const access_token = 'x'.repeat(10_000);
    const { post } = sender(answer({ access_token }));
    expect(await post(request())).toMatchObject({ status: 204 });
    expect(chaos.arrivals[1]?.headers.authorization).toBe(`Bearer ${access_token}`);
  });

  it('are kept for 500 credentials at most', async () => {
    const posts: string[] = [];
    const post = withReceiverTokens(
      async ({ url }) => {
        posts.push(url);
        return { status: 200, durationMs: 1, body: '{"access_token":"t"}' };
      },
      () => new Date(0),
    );
    const asClient = (clientId: string) => post(request({ oauth: { ...oauth, clientId } }));
    for (let client = 0; client <= 500; client += 1) await asClient(`client-${client}`);
    posts.length = 0;
    await asClient('client-500');
    expect(posts).toEqual([`https://${HOST}/hook`]);
    await asClient('client-0');
    expect(posts).toEqual([`https://${HOST}/hook`, oauth.tokenUrl, `https://${HOST}/hook`]);
  });
});

describe('without a token', () => {
  const failed = { error: 'TOKEN', durationMs: expect.any(Number) };

  it.each([
    ['refuses the client', json({ error: 'invalid_client', error_description: 'INTERNAL' }, 401)],
    ['redirects', status(302, { location: `https://${HOST}/elsewhere` })],
    ['breaks', status(500, {}, 'INTERNAL')],
    ['answers no JSON', status(200, {}, 'INTERNAL')],
    ['answers no object', json('INTERNAL')],
    ['answers no token', json({ token: 'INTERNAL' })],
    ['answers a token of another type', answer({ token_type: 'MAC' })],
    ['answers a token that is no header', answer({ access_token: 'a\r\nb: c' })],
    ['answers an empty token', answer({ access_token: '' })],
    ['resets', resetBeforeHead],
    ['hangs', hang],
    ['drips', drippedHead],
  ])('because the token URL %s, nothing is posted and nothing of its answer shown', async (_, behaviour) => {
    const { post } = sender(behaviour, behaviour === hang || behaviour === drippedHead ? { totalMs: 1_000 } : {});
    expect(await post(request())).toEqual(failed);
    expect(paths()).toEqual(['/token']);
  });

  it('because the token URL leads to a private address, it gets no byte', async () => {
    const { post } = sender(answer(), { resolve: resolver(['10.0.0.1']).resolve });
    chaos.counts.connections = 0;
    expect(await post(request())).toEqual(failed);
    expect(chaos.counts.connections).toBe(0);
  });

  it('because the text of the token URL is refused, nothing is looked up', async () => {
    const { asked, resolve } = resolver(['1.1.1.1']);
    const { post } = sender(answer(), { resolve });
    expect(await post(request({ oauth: { ...oauth, tokenUrl: 'https://169.254.169.254/' } }))).toEqual(failed);
    expect(asked).toEqual([]);
  });

  it('the next attempt asks again', async () => {
    const { post } = sender(status(503));
    expect(await post(request())).toEqual(failed);
    chaos.answerEach(({ path }) => (path === '/token' ? answer() : status(204)));
    expect(await post(request())).toMatchObject({ status: 204 });
  });

  it('an attempt has the time of one all the same: the POST gets what the token left', async () => {
    const limits: (number | undefined)[] = [];
    const post = withReceiverTokens(
      async ({ url, withinMs }) => {
        limits.push(withinMs);
        if (url === oauth.tokenUrl) await new Promise((later) => setTimeout(later, 20));
        return { status: 200, durationMs: 1, body: '{"access_token":"t"}' };
      },
      () => new Date(0),
    );
    await post(request());
    expect(limits[0]).toBe(8_000);
    expect(limits[1]).toBeLessThan(20_000);
    expect(limits[1]).toBeGreaterThan(12_000);
  });
});
