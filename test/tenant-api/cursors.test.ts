import { beforeAll, describe, expect, it } from 'vitest';
import { makeCall, makeFamily, makeHelpline } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** The cursor after the first of two families. */
async function firstCursor(by: Caller, query: Record<string, string> = {}): Promise<string> {
  await makeFamily(by, { alias: 'A' });
  await makeFamily(by, { alias: 'B' });
  return (await by.get('/families', { limit: '1', ...query })).body.nextCursor;
}

async function expectRefused(by: Caller, path: string, query: Record<string, string>): Promise<void> {
  const requests = await livline.requestsOf(async () => {
    expectProblem(await by.get(path, query), 422, 'invalid_cursor');
  });
  expect(requests.filter(({ command }) => command === 'Query')).toEqual([]);
}

describe('a cursor', () => {
  it('opens in its own list, with any limit', async () => {
    const caller = await livline.freshMunicipality();
    const cursor = await firstCursor(caller);
    for (const limit of ['1', '200']) {
      expect((await caller.get('/families', { cursor, limit })).body.items).toMatchObject([{ alias: 'B' }]);
    }
  });

  it('opens in no other municipality', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const cursor = await firstCursor(one);
    await firstCursor(other);
    await expectRefused(other, '/families', { cursor });
  });

  it('opens in no other list', async () => {
    const caller = await livline.freshMunicipality();
    const cursor = await firstCursor(caller);
    const { items } = (await caller.get('/families')).body;
    for (const path of ['/institutions', '/calls', '/themes', `/families/${items[0].id}/timeline`]) {
      await expectRefused(caller, path, { cursor });
    }
  });

  it('opens with no other filter, nor between other times', async () => {
    const caller = await livline.freshMunicipality();
    const cursor = await firstCursor(caller, { status: 'applicant' });
    for (const query of [{}, { status: 'active' }, { kind: 'almen' }]) {
      await expectRefused(caller, '/families', { cursor, ...query });
    }
    const { id: helplineId } = await makeHelpline(caller);
    for (const minute of [1, 2]) await makeCall(caller, { helplineId, receivedAt: `2026-11-20T08:0${minute}:00Z` });
    const first = await caller.get('/calls', { limit: '1', from: '2026-11-19' });
    for (const query of [{}, { from: '2026-11-18' }, { from: '2026-11-19', to: '2026-11-21' }]) {
      await expectRefused(caller, '/calls', { cursor: first.body.nextCursor, ...query });
    }
  });

  it('of one timeline opens no other', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeFamily(caller), await makeFamily(caller)];
    const { id: helplineId } = await makeHelpline(caller);
    for (const familyId of [one.id, one.id, other.id, other.id]) await makeCall(caller, { helplineId, familyId });
    const { body } = await caller.get(`/families/${one.id}/timeline`, { limit: '1' });
    await expectRefused(caller, `/families/${other.id}/timeline`, { cursor: body.nextCursor });
  });

  it('with any one character changed, cut or added opens nowhere', async () => {
    const caller = await livline.freshMunicipality();
    const cursor = await firstCursor(caller);
    const forged = [...cursor].map(
      (char, at) => `${cursor.slice(0, at)}${char === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`,
    );
    const cut = [cursor.slice(1), cursor.slice(0, -1), cursor.slice(0, 16), cursor.slice(0, 37), 'A'.repeat(60)];
    const spelt = [`${cursor}=`, `${cursor}A`, ` ${cursor}`, cursor.replace(/.$/, '+'), '', 'null', '🏡', '\u0000'];
    for (const other of [...forged, ...cut, ...spelt]) {
      expectProblem(await caller.get('/families', { cursor: other }), 422, 'invalid_cursor');
    }
    expectProblem(
      await caller.get('/families', { cursor: 'A'.repeat(2_001) }),
      422,
      'validation_failed',
      '/query/cursor',
    );
  });

  it('tells nothing of the record it points to', async () => {
    const caller = await livline.freshMunicipality();
    const cursor = await firstCursor(caller);
    const { items } = (await caller.get('/families')).body;
    expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain(items[0].id.slice(0, 8));
    expect((await caller.get('/families', { limit: '1' })).body.nextCursor).not.toBe(cursor);
  });
});
