import { beforeAll, describe, expect, it } from 'vitest';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { HOST, startChaos } from '#test/support/chaos.ts';
import { json, status } from '#test/support/chaos-answers.ts';
import { faultsOf } from '#test/support/chaos-checker.ts';
import { contentOf, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const oauth = { tokenUrl: `https://${HOST}/token`, clientId: 'livline', clientSecret: 'hemmelig-1', scope: 'events' };
const { clientSecret: _, ...oauthInfo } = oauth;
const input = { url: `https://${HOST}/hook`, oauth };

describe('the OAuth client of an endpoint', () => {
  it('is kept sealed, and shown without its secret', async () => {
    const created = await at.post('/webhook-endpoints', input);
    expect(created).toMatchObject({ status: 201, body: { oauthInfo } });
    const path = `/webhook-endpoints/${created.body.id}`;
    const changed = await at.patch(path, { oauth: { clientSecret: 'hemmelig-2' } }, 1);
    expect(changed).toMatchObject({ status: 200, body: { version: 2, oauthInfo } });
    for (const reply of [created, changed, await at.get(path), await at.get('/webhook-endpoints')]) {
      expect(reply.text).not.toContain('hemmelig');
      expect(reply.text).not.toContain('"oauth"');
    }
    expect(JSON.stringify(await contentOf(livline.store))).not.toContain('hemmelig');
    expect((await at.patch(path, { oauth: null }, 2)).body).not.toHaveProperty('oauthInfo');
  });

  it.each([
    ['tokenUrl', 'https://127.1/token'],
    ['tokenUrl', 'http://sag.example.dk/token'],
    ['clientId', 'å'],
    ['clientSecret', ''],
    ['scope', 'a\nb'],
  ])('is refused with a pointer where %s is %j', async (field, value) => {
    const reply = await at.post('/webhook-endpoints', { ...input, oauth: { ...oauth, [field]: value } });
    expectProblem(reply, 422, 'validation_failed', `/oauth/${field}`);
  });

  it('lets its deliveries and its test in; without a token an attempt has failed, and the next one comes at its time', async () => {
    const there = await livline.freshMunicipality();
    const chaos = await startChaos({ now: livline.now });
    let tokens = 0;
    chaos.answerEach(({ path, headers }) => {
      if (path !== '/token') return status(headers.authorization === 'Bearer token-2' ? 204 : 401);
      tokens += 1;
      return tokens === 1 ? status(503, {}, 'INTERNAL') : json({ access_token: 'token-2', expires_in: 300 });
    });
    const endpoint = await subscribe(livline, there, 'sag', { ...input, types: ['family.*'] });
    await createFamily(there);
    const pipeline = startPipeline(livline, there.code);
    const post = withReceiverTokens(chaos.post(), livline.now);
    pipeline.answer(post);
    await pipeline.relayFresh();
    await pipeline.untilQuiet();
    const attempts = (await rowsOf(livline.store, there.code, 'attempt')).map(({ view }) => view);
    expect(attempts).toMatchObject([{ error: 'TOKEN' }, { status: 204 }]);
    expect(JSON.stringify(attempts)).not.toContain('INTERNAL');
    const delivered = chaos.arrivals.filter(({ path }) => path === '/hook');
    const { body } = await there.get('/events', { types: 'family.*' });
    expect(faultsOf(delivered, { secret: endpoint.secret, feed: body.items })).toEqual([]);

    livline.receive(post);
    const ping = await there.post(`/webhook-endpoints/${endpoint.id}/test`, undefined);
    expect(ping.body).toMatchObject({ delivered: true, status: 204 });
    await chaos.stop();
  });
});
