import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { subscribe } from '#test/support/endpoints.ts';
import { makeFamily } from '#test/support/examples.ts';
import { historyOf } from '#test/support/history.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

const DAY_S = 86_400;
const CASE = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };
let livline: Livline;
let at: Caller;
let family: string;
/** An endpoint that was disabled before the family was created. */
let endpoint: string;
/** The history of the family before its events were folded, and the number of its last event. */
let before: Awaited<ReturnType<typeof historyOf>>;
let folded: number;
/** The table with folded events and with newer ones behind them. */
let content: AnyRow[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  endpoint = (await subscribe(livline, at, 'held', { types: ['family.*'] })).id;
  await at.patch(`/webhook-endpoints/${endpoint}`, { disabled: true }, 1);
  family = (await makeFamily(at, { caseRefs: [CASE] })).id;
  await at.patch(`/families/${family}`, { capacity: 3 }, 1);
  await livline.relay();
  before = await historyOf(at, `/families/${family}`);
  folded = Number((await at.get('/events')).body.next);
  livline.advance(90 * DAY_S - 3_600);
  await makeFamily(at);
  await livline.relay();
  await livline.lifecycle();
  expect((await at.get('/events')).body.items, 'the feed has its events for 90 days').toHaveLength(folded + 1);
  livline.advance(DAY_S);
  await livline.lifecycle();
  content = await contentOf(livline.store);
});

afterEach(() => restore(livline.store, content));

const put = (Item: AnyRow) => livline.store.client.send(new PutCommand({ TableName: livline.store.tableName, Item }));
const remove = ({ pk, sk }: AnyRow) =>
  livline.store.client.send(new DeleteCommand({ TableName: livline.store.tableName, Key: { pk, sk } }));
const event = (sequence: number): AnyRow =>
  content.find((row) => row['type'] === 'event' && row['sequence'] === sequence) as AnyRow;
const verify = async (query: Record<string, string> = {}) => (await at.get('/audit/verify', query)).body;

describe('an event that is 90 days old', () => {
  it('is gone from the feed, which says from where to go on', async () => {
    const next = String(folded).padStart(12, '0');
    for (const after of ['0', String(folded - 1)]) {
      const reply = await at.get('/events', { after });
      expectProblem(reply, 410, 'events_expired');
      expect(reply.body.detail).toContain(`after=${next}`);
    }
    const { status, body } = await at.get('/events', { after: next });
    expect(status).toBe(200);
    expect(body.items).toMatchObject([{ type: 'dk.livline.family.created' }]);
  });

  it('leaves nothing of its CloudEvent in the table, case numbers included', () => {
    const rows = content.filter((row) => row['type'] === 'event' && row['sequence'] <= folded);
    expect(rows.length).toBe(folded);
    for (const row of rows) expect(row).not.toHaveProperty('envelope');
    expect(JSON.stringify(rows)).not.toContain(CASE.caseNumber);
  });

  it('stays in the history of its record', async () => {
    expect(await historyOf(at, `/families/${family}`)).toEqual(before);
  });

  it('is verified with the whole history, and so is the record that it left', async () => {
    expect(await verify()).toMatchObject({ verified: true, from: 1, to: folded + 1 });
    expect(await verify({ from: '3' })).toMatchObject({ verified: true, from: 3 });
  });

  it.each<[what: string, deed: () => Promise<unknown>, kind: 'altered' | 'missing']>([
    [
      'who did it',
      () => put({ ...event(folded), view: event(folded)['view'].replace(at.clientId, 'somebody-else') }),
      'altered',
    ],
    ['its hash', () => put({ ...event(folded), hash: event(1)['hash'] }), 'altered'],
    ['the history by taking it away', () => remove(event(folded)), 'missing'],
  ])('is not verified for whoever alters %s', async (_, deed, kind) => {
    await deed();
    expect(await verify()).toMatchObject({ verified: false, fault: { sequence: folded, kind } });
  });

  it('is not what the record of a family can be set back to', async () => {
    const row = content.find(({ pk, sk }) => pk === `T#${at.code}#R#${family}` && sk === 'A') as AnyRow;
    await put({ ...row, view: row['view'].replace('"capacity":3', '"capacity":4') });
    expect((await verify()).fault).toMatchObject({ kind: 'altered', objectId: family });
  });

  it('is sent to nobody any more: its held delivery is cancelled when it is recovered', async () => {
    await at.post(`/webhook-endpoints/${endpoint}/enable`, { recover: { since: '2026-11-01T00:00:00Z' } });
    await livline.clock();
    livline.posts.length = 0;
    await livline.deliverAll();
    const { items } = (await at.get(`/webhook-endpoints/${endpoint}/deliveries`)).body;
    const statuses = items.map(({ status }: AnyRow) => status).toSorted();
    expect(statuses.filter((status: string) => status === 'cancelled').length).toBeGreaterThan(0);
    expect(livline.posts.filter(({ body }) => body.includes(family))).toEqual([]);
  });

  it('is folded once: later rounds of the day read one row', async () => {
    const requests = await livline.requestsOf(() => livline.lifecycle());
    const own = requests.filter(({ by, input }) => by?.municipality === at.code && input.Key?.pk?.endsWith('#AUDIT'));
    expect(own.map(({ command }) => command)).toEqual(['GetItem']);
    expect(requests.filter(({ command }) => command === 'TransactWriteItems')).toEqual([]);
  });
});

it('an event that was altered before it is 90 days old is not folded, and the audit still finds it', async () => {
  const last = event(folded + 1);
  await put({ ...last, envelope: last['envelope'].replace(at.clientId, 'somebody-else') });
  livline.advance(91 * DAY_S);
  await livline.lifecycle();
  expect(await verify()).toMatchObject({ verified: false, fault: { sequence: folded + 1, kind: 'altered' } });
});

it('a client that sees only its own rows does not verify what is about all of them', async () => {
  const partner = (await livline.freshPartner('carelink', [at.code], ['families:read', 'audit:read']))(at.code);
  const { rows } = (await at.get(`/grants/${partner.clientId}`)).body;
  const expected = rows === 'own' ? 403 : 200;
  for (const path of ['/audit/verify', '/access-log/verify']) expect((await partner.get(path)).status).toBe(expected);
});
