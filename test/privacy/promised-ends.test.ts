import { randomUUID } from 'node:crypto';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Connected, sendSigned } from '#test/support/case-system.ts';
import { type AnyRow, contentOf, rowsOf } from '#test/support/content.ts';
import { subscribe } from '#test/support/endpoints.ts';
import { FAMILY, makeConnection, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';

const DAY_S = 86_400;
let livline: Livline;
let at: Caller;
let connection: Connected;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  connection = await makeConnection(at);
});

/** The day on which DynamoDB may remove a row, as an instant. */
const expiryOf = ({ expiresAt }: AnyRow): number => Number(expiresAt) * 1000;
const daysFromNow = (days: number): number => Math.floor(livline.now().getTime() / 1000 + days * DAY_S) * 1000;

describe('a stored answer', () => {
  const create = (key: string) => at.post('/families', FAMILY, { 'idempotency-key': key });

  it('expires seven days after its request, and the event keeps nothing of it', async () => {
    const { body } = await create('answer-1');
    const [row] = await rowsOf(livline.store, at.code, 'answer');
    expect(expiryOf(row as AnyRow)).toBe(daysFromNow(7));
    const events = await rowsOf(livline.store, at.code, 'event');
    const own = events.find(({ objectId }) => objectId === body.id) as AnyRow;
    expect(own['answered']).toBe(true);
    expect(JSON.stringify(own)).not.toContain(FAMILY.alias);
  });

  it('is not used after that time, whether DynamoDB has removed the row or not', async () => {
    const [first, second] = [await create('answer-2'), await create('answer-3')];
    livline.advance(7 * DAY_S + 1);
    const rows = await rowsOf(livline.store, at.code, 'answer');
    const removed = rows.find(({ answer }) => answer.href.endsWith(second.body.id)) as AnyRow;
    const { tableName } = livline.store;
    await livline.store.client.send(
      new DeleteCommand({ TableName: tableName, Key: { pk: removed['pk'], sk: removed['sk'] } }),
    );
    for (const [key, { body }] of [
      ['answer-2', first],
      ['answer-3', second],
    ] as const) {
      const again = await create(key);
      expect(again.status).toBe(201);
      expect(again.body.id).not.toBe(body.id);
      expect((await create(key)).body, 'and the new answer is used').toEqual(again.body);
    }
  });
});

describe('a delivery', () => {
  it('expires 30 days after it ended, and has no expiry before it ends', async () => {
    await subscribe(livline, at, 'promised-ends', { types: ['family.*'] });
    livline.takeStream();
    await makeFamily(at);
    await livline.relay();
    const deliveries = () => rowsOf(livline.store, at.code, 'delivery');
    expect((await deliveries()).map((row) => row['expiresAt'])).toEqual([undefined]);
    await livline.deliverAll();
    const [row] = await deliveries();
    expect(row?.['view'].status).toBe('delivered');
    expect(expiryOf(row as AnyRow)).toBe(daysFromNow(30));
  });
});

describe('the payload of a message that came in', () => {
  /** A message about a record that is not there, which waits for a person. */
  const aboutNobody = () => ({
    type: 'case.linked',
    data: { objectId: randomUUID(), caseRef: { system: 'DUBU', caseId: 'S-2' } },
  });
  /** Sends a message, too long for one row, and returns its id in the inbox. */
  async function receive(message: object): Promise<string> {
    const id = `msg_${randomUUID()}`;
    const padded = { ...message, padding: 'x'.repeat(100_000) };
    expect((await sendSigned(at, connection, padded, { id })).status).toBe(202);
    const { items } = (await at.get('/inbox', { connectionId: connection.id, limit: '200' })).body;
    return items.find(({ messageId }: AnyRow) => messageId === id).id;
  }
  const read = async (id: string) => (await at.get(`/inbox/${id}`)).body;
  const rowsBeside = async (id: string) =>
    (await contentOf(livline.store)).filter(({ pk, sk }) => pk.endsWith(`#R#${id}`) && sk !== 'A');
  const dismiss = async (id: string) =>
    at.status(`/inbox/${id}`, (await read(id)).version, { status: 'dismissed', reason: 'Kendt i forvejen' });

  it.each<[how: string, end: () => Promise<string>]>([
    [
      'applied',
      async () => {
        const family = await makeFamily(at);
        return receive({
          type: 'case.linked',
          data: { objectId: family.id, caseRef: { system: 'DUBU', caseId: 'S-1' } },
        });
      },
    ],
    [
      'dismissed',
      async () => {
        const id = await receive(aboutNobody());
        await dismiss(id);
        return id;
      },
    ],
  ])('is removed with all its parts 30 days after the message was %s, and not before', async (how, end) => {
    const id = await end();
    expect((await read(id)).status).toBe(how);
    livline.advance(30 * DAY_S - 120);
    await livline.clock();
    expect((await read(id)).payload).toContain('case.linked');
    expect(await rowsBeside(id)).not.toEqual([]);
    livline.advance(240);
    await livline.clock();
    const message = await read(id);
    expect(message).toMatchObject({ status: how, messageId: message.messageId });
    expect(message).not.toHaveProperty('payload');
    expect(await rowsBeside(id)).toEqual([]);
    const before = message.version;
    livline.advance(60 * DAY_S);
    await livline.clock();
    expect((await read(id)).version, 'and the message is looked at no more').toBe(before);
  });

  it('stays while nobody has decided on the message', async () => {
    const id = await receive(aboutNobody());
    livline.advance(90 * DAY_S);
    await livline.clock();
    expect(await read(id)).toMatchObject({ status: 'unresolved', payload: expect.stringContaining('case.linked') });
  });
});
