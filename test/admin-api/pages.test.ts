import { beforeAll, describe, expect, it } from 'vitest';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  for (const id of ['ask', 'birk', 'carelink'])
    await livline.operator('POST', '/partners', { body: { id, name: id.toUpperCase() } });
});

const list = (query: Record<string, string> = {}) => livline.operator('GET', '/partners', { query });

describe('a list of the operators', () => {
  it('pages as every other list does: `limit`, `cursor`, `nextCursor` and a link to the next page', async () => {
    const first = await list({ limit: '2' });
    expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(['ask', 'birk']);
    const { nextCursor: cursor } = first.body;
    expect(first.headers['link']).toBe(`<?limit=2&cursor=${cursor}>; rel="next"`);
    const last = await list({ limit: '2', cursor });
    expect(last.body).toEqual({ items: [expect.objectContaining({ id: 'carelink' })] });
    expect(last.headers['link']).toBeUndefined();
  });

  it('takes no cursor but its own', async () => {
    const { nextCursor: cursor } = (await list({ limit: '1' })).body;
    expectProblem(await livline.operator('GET', '/programmes', { query: { cursor } }), 422, 'invalid_cursor');
    for (const other of ['ask', 'WyJQQVJUTkVSUyJd', '%'])
      expectProblem(await list({ cursor: other }), 422, 'invalid_cursor');
    expectProblem(await list({ after: 'ask' }), 422, 'validation_failed', '/query/after');
  });
});
