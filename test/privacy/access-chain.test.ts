import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

/** Seconds after which entries are linked. */
const GRACE_S = 16 * 60;
let livline: Livline;
let at: Caller;
let family: string;
let content: AnyRow[];

const read = () => at.get(`/families/${family}`);

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  family = (await makeFamily(at, { outsideWork: 'Sygeplejerske i Vejle' })).id;
  // Three links, over two, one and two entries; and one entry without a link.
  for (const entries of [2, 1, 2]) {
    for (let entry = 0; entry < entries; entry += 1) {
      livline.advance(1);
      await read();
    }
    livline.advance(GRACE_S + 1);
    await livline.clock();
  }
  await read();
  content = await contentOf(livline.store);
});

afterEach(() => restore(livline.store, content));

const put = (Item: AnyRow) => livline.store.client.send(new PutCommand({ TableName: livline.store.tableName, Item }));
const remove = ({ pk, sk }: AnyRow) =>
  livline.store.client.send(new DeleteCommand({ TableName: livline.store.tableName, Key: { pk, sk } }));
const rows = (kind: string) => content.filter(({ pk }) => pk === `T#${at.code}#${kind}`);
const entry = (number: number) => rows(`A#${family}`)[number - 1] as AnyRow;
const link = (number: number) => rows('LOG')[number - 1] as AnyRow;
const verify = async (query: Record<string, string> = {}) => (await at.get('/access-log/verify', query)).body;
const viewWith = (row: AnyRow, values: AnyRow) => JSON.stringify({ ...JSON.parse(row['view']), ...values });

describe('the access log', () => {
  it('is verified while nobody touched it, to the code of its last link', async () => {
    const { hash } = JSON.parse(link(3)['view']);
    expect(await verify()).toEqual({ verified: true, from: 1, to: 3, entries: 5, hash });
    expect(await verify({ from: '2' })).toEqual({ verified: true, from: 2, to: 3, entries: 3, hash });
  });

  it('gets no link in a minute without new entries', async () => {
    await livline.clock();
    await livline.clock();
    const links = (await contentOf(livline.store)).filter(({ pk }) => pk === `T#${at.code}#LOG`);
    expect(links).toHaveLength(3);
  });

  it.each<[what: string, deed: () => Promise<unknown>, fault: { number: number; kind: string }]>([
    [
      'who was shown something',
      () => put({ ...entry(3), view: viewWith(entry(3), { actor: { kind: 'system', id: 'livline' } }) }),
      { number: 2, kind: 'altered' },
    ],
    ['an entry so that it cannot be read', () => put({ ...entry(3), view: '{' }), { number: 2, kind: 'altered' }],
    ['an entry by another whole one', () => put({ ...entry(3), mac: entry(4)['mac'] }), { number: 2, kind: 'altered' }],
    ['when an entry expires', () => put({ ...entry(3), expiresAt: 1 }), { number: 2, kind: 'altered' }],
    ['the log by taking away an entry', () => remove(entry(3)), { number: 2, kind: 'missing' }],
    [
      'the log by taking an entry out of its index',
      () => put({ ...entry(3), listPk: undefined }),
      { number: 2, kind: 'missing' },
    ],
    [
      'the log by putting in an entry between others',
      () => put({ ...entry(4), sk: `${entry(4)['sk']}0`, listSk: `${entry(4)['listSk']}0` }),
      { number: 3, kind: 'altered' },
    ],
    [
      'the log by moving an entry to another person',
      () => remove(entry(3)).then(() => put({ ...entry(3), pk: `T#${at.code}#A#somebody` })),
      { number: 2, kind: 'altered' },
    ],
    ['a link', () => put({ ...link(2), view: viewWith(link(2), { count: 2 }) }), { number: 2, kind: 'altered' }],
    [
      'when a link expires, so that its entries are not looked at',
      () => put({ ...link(2), view: viewWith(link(2), { keptUntil: 1 }) }),
      { number: 2, kind: 'altered' },
    ],
    ['the log by taking away a link', () => remove(link(2)), { number: 2, kind: 'missing' }],
    ['the log by taking away the first link', () => remove(link(1)), { number: 1, kind: 'missing' }],
    [
      'an entry that has no link yet',
      () => put({ ...entry(6), view: viewWith(entry(6), { purpose: 'audit' }) }),
      { number: 4, kind: 'altered' },
    ],
  ])('is not verified for whoever alters %s', async (_, deed, fault) => {
    await deed();
    expect(await verify()).toMatchObject({ verified: false, fault, to: fault.number - 1 });
  });

  it('goes on behind a fault when asked to', async () => {
    await remove(entry(3));
    expect(await verify({ from: '3' })).toMatchObject({ verified: true, from: 3, to: 3, entries: 2 });
  });

  it('is verified behind what has expired, whether DynamoDB has removed it or not', async () => {
    const expiry = Number(entry(3)['expiresAt']) * 1000;
    livline.advance((expiry - livline.now().getTime()) / 1000 + 1);
    expect(await verify()).toMatchObject({ verified: true, from: 1, to: 3 });
    for (const row of [entry(1), entry(2), entry(3), link(1)]) await remove(row);
    expect(await verify()).toMatchObject({ verified: true, from: 2, to: 3 });
  });

  it('is verified with the scope audit:read alone, and shows nothing of its entries', async () => {
    const { status, text } = await at.withScopes('audit:read').get('/access-log/verify');
    expect(status).toBe(200);
    expect(text).not.toContain(family);
    const others = at.scopes.filter((scope) => scope !== 'audit:read');
    expectProblem(await at.withScopes(...others).get('/access-log/verify'), 403, 'forbidden');
  });
});

it('once an hour the log has the last link of each municipality', async () => {
  livline.advance(3_600 - ((livline.now().getTime() / 1000) % 3_600));
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  await livline.clock();
  spy.mockRestore();
  const heads = lines.map((line): AnyRow => JSON.parse(line)).filter(({ message }) => message === 'access log head');
  const { number, hash } = JSON.parse(link(3)['view']);
  expect(heads.filter(({ municipality }) => municipality === at.code)).toMatchObject([{ level: 'INFO', number, hash }]);
});
