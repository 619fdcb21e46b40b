import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PostRequest } from '#shared/webhooks/egress.ts';
import { withReceiverTokens } from '#shared/webhooks/receiver-token.ts';
import { selfSigned } from '#test/support/chaos-certificates.ts';
import { rowsOf } from '#test/support/content.ts';
import { anotherClient, createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const url = 'https://sag.example.dk/livline';
const elsewhere = 'https://other.example.dk/livline';
const headers = { 'X-Api-Key': 'HEMMELIG-1' };
const oauth = { tokenUrl: 'https://login.example.dk/token', clientId: 'livline', clientSecret: 'HEMMELIG-2' };

async function created(fields: object): Promise<string> {
  const { status, body } = await at.post('/webhook-endpoints', { url, ...fields });
  expect(status).toBe(201);
  return `/webhook-endpoints/${body.id}`;
}

describe('the secrets of an endpoint', () => {
  it('are not sent to another origin: whoever changes the url sends its headers again', async () => {
    const path = await created({ headers });
    expectProblem(await at.patch(path, { url: elsewhere }, 1), 422, 'validation_failed', '/headers');
    expectProblem(
      await at.patch(path, { url: elsewhere, headers: { 'X-Other': '1' } }, 1),
      422,
      'validation_failed',
      '/headers',
    );
    livline.posts.length = 0;
    await at.post(`${path}/test`, undefined);
    expect(livline.posts.map((post) => post.url)).toEqual([url]);

    const moved = await at.patch(path, { url: elsewhere, headers: { 'X-Api-Key': 'HEMMELIG-3' } }, 1);
    expect(moved).toMatchObject({ status: 200, body: { url: elsewhere, headerNames: ['X-Api-Key'] } });
    await at.post(`${path}/test`, undefined);
    expect(livline.posts.at(-1)).toMatchObject({ url: elsewhere, headers: { 'X-Api-Key': 'HEMMELIG-3' } });
  });

  it('stay where only the path of the url changes, and go where they are taken away with it', async () => {
    const path = await created({ headers });
    expect((await at.patch(path, { url: `${url}/v2` }, 1)).status).toBe(200);
    const without = await at.patch(path, { url: elsewhere, headers: null }, 2);
    expect(without).toMatchObject({ status: 200, body: { url: elsewhere, headerNames: [] } });
    expect((await at.patch(path, { url }, 3)).status).toBe(200);
  });

  it('are not sent to another token URL: whoever changes it sends the OAuth secret again', async () => {
    const path = await created({ oauth });
    const tokenUrl = 'https://other.example.dk/token';
    expectProblem(await at.patch(path, { oauth: { tokenUrl } }, 1), 422, 'validation_failed', '/oauth/clientSecret');
    expect((await at.patch(path, { oauth: { tokenUrl: `${oauth.tokenUrl}/v2` } }, 1)).status).toBe(200);
    const moved = await at.patch(path, { oauth: { tokenUrl, clientSecret: 'HEMMELIG-4' } }, 2);
    expect(moved).toMatchObject({ status: 200, body: { oauthInfo: { tokenUrl } } });
  });

  it('buy no access token for another url: whoever changes the url sends the OAuth secret again', async () => {
    const path = await created({ oauth });
    const refused = await at.patch(path, { url: elsewhere }, 1);
    expectProblem(refused, 422, 'validation_failed', '/oauth/clientSecret');
    const again = { clientSecret: oauth.clientSecret };
    expect((await at.patch(path, { url: elsewhere, oauth: again }, 1)).status).toBe(200);
  });

  it('have the key of the client certificate among them, for the url and for the token URL', async () => {
    const clientCertificate = await selfSigned({ name: 'livline', notBefore: new Date('2026-01-01') });
    const path = await created({ clientCertificate });
    const key = '/clientCertificate/key';
    expectProblem(await at.patch(path, { url: elsewhere }, 1), 422, 'validation_failed', key);
    expectProblem(await at.patch(path, { oauth }, 1), 422, 'validation_failed', key);
    const both = await at.patch(path, { url: elsewhere, oauth, clientCertificate }, 1);
    expect(both.status).toBe(200);
  });

  it('are bound for every client: another one of the municipality sends them again too', async () => {
    const path = await created({ headers });
    const other = await anotherClient(livline, at, at.scopes);
    expectProblem(await other.patch(path, { url: elsewhere }, 1), 422, 'validation_failed', '/headers');
  });
});

/** Writes another url into the row of an endpoint, as somebody would who can write to the table. */
async function alterUrl(id: string, to: string): Promise<void> {
  const rows = await rowsOf(livline.store, at.code, 'webhook-endpoints');
  const row = rows.find(({ view }) => view.id === id);
  const { client, tableName: TableName } = livline.store;
  await client.send(
    new UpdateCommand({
      TableName,
      Key: { pk: row?.['pk'], sk: row?.['sk'] },
      UpdateExpression: 'SET #view = :view',
      ExpressionAttributeNames: { '#view': 'view' },
      ExpressionAttributeValues: { ':view': JSON.stringify({ ...row?.['view'], url: to }) },
    }),
  );
}

describe('an endpoint whose url was altered in the table', () => {
  it('is posted nothing, by a delivery or a test, and both say why', async () => {
    const path = await created({ headers, types: ['family.*'] });
    const id = path.split('/').at(-1) as string;
    livline.takeStream();
    livline.advance(1);
    const stranger = 'https://stranger.example.dk/';
    await alterUrl(id, stranger);
    livline.posts.length = 0;
    const { body } = await at.post(`${path}/test`, undefined);
    expect(body).toMatchObject({ delivered: false, error: 'SECRET_ORIGIN' });

    await createFamily(at);
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    expect([...livline.posts, ...pipeline.received].filter((post) => post.url === stranger)).toEqual([]);
    const [delivery] = (await at.get(`${path}/deliveries`)).body.items;
    const attempts = await at.get(`${path}/deliveries/${delivery.id}/attempts`);
    expect(attempts.body.items).toMatchObject([{ attempt: 1, error: 'SECRET_ORIGIN' }]);
  });

  it('gets no access token fetched: the OAuth secret goes to its own token URL alone', async () => {
    const sent: PostRequest[] = [];
    const post = withReceiverTokens(
      async (request) => {
        sent.push(request);
        return { status: 200, durationMs: 1, body: '{"access_token": "a"}' };
      },
      () => livline.now(),
    );
    const bound = { url: 'https://sag.example.dk', tokenUrl: 'https://login.example.dk' };
    const request = { url, headers: {}, body: '{}', oauth, secretOrigins: bound };
    const altered = { ...request, oauth: { ...oauth, tokenUrl: elsewhere } };
    expect(await post(altered)).toMatchObject({ error: 'SECRET_ORIGIN' });
    expect(sent).toEqual([]);
    expect(await post(request)).toMatchObject({ status: 200 });
    expect(sent.map(({ url: to }) => to)).toEqual([oauth.tokenUrl, url]);
  });
});
