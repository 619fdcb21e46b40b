import type { APIGatewayProxyEvent } from 'aws-lambda';
import { beforeAll, describe, expect, it } from 'vitest';
import { placeOf } from '#functions/base.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';

const PATH = '/v1/municipalities/0630/families';

/** How API Gateway hands on a path: under a stage, or under a custom domain with a base path. */
const reached = (path: string, used: string, proxy?: string): APIGatewayProxyEvent => {
  const event = proxyEvent({ method: 'GET', path, claims: undefined });
  return {
    ...event,
    pathParameters: proxy === undefined ? null : { proxy },
    requestContext: { ...event.requestContext, path: used },
  };
};

describe('the base of a request', () => {
  it.each([
    ['at the root of a host', PATH, PATH, '', PATH],
    ['under a stage', PATH, `/api${PATH}`, '/api', PATH],
    ['under the base path of a custom domain', `/livline${PATH}`, `/livline${PATH}`, '/livline', PATH],
    ['under a base path of several parts', `/a/v1${PATH}`, `/a/v1${PATH}`, '/a/v1', PATH],
    ['where the path holds the beginning of a path again', `${PATH}${PATH}`, `/api${PATH}${PATH}`, '/api', PATH + PATH],
  ])('%s', (_, path, used, base, within) => {
    expect(placeOf(reached(path, used))).toEqual({ base, path: within });
  });

  it.each([
    ['at the root', '/docs', '/docs', ''],
    ['under a stage', '/docs', '/api/docs', '/api'],
    ['under a base path', '/livline/docs', '/livline/docs', '/livline'],
  ])('of a public page %s', (_, path, used, base) => {
    expect(placeOf(reached(path, used, 'docs'))).toEqual({ base, path: '/docs' });
  });
});

describe('the links of an answer', () => {
  let livline: Livline;
  let caller: Caller;
  beforeAll(async () => {
    livline = await startLivline();
    caller = await livline.freshMunicipality();
  });

  it('name a new record by a path at the host, and by a path after the base in its event', async () => {
    const { headers, body } = await caller.post('/families', {
      alias: 'Familien',
      kind: 'almen',
      careForms: ['doegn'],
    });
    const href = `v1/municipalities/${caller.code}/families/${body.id}`;
    expect(headers['location']).toBe(`/${href}`);
    await livline.relay();
    const { items } = (await caller.get('/events', { after: '0' })).body;
    const { data } = items.find((event: { subject: string }) => event.subject === body.id);
    expect(data.href).toBe(href);
  });

  it('lead to the next page by a query alone, which is right under any base', async () => {
    await makeFamily(caller);
    await makeFamily(caller);
    const { headers } = await caller.get('/families', { limit: '1' });
    expect(headers['link']).toMatch(/^<\?[^>]+>; rel="next"$/);
  });
});
