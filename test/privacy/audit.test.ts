import { createHash } from 'node:crypto';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

/** Events of the municipality. */
const COUNT = 8;

let livline: Livline;
let at: Caller;
/** The table as it was written, and the events in it by their numbers. */
let content: AnyRow[];
let events: AnyRow[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  const id = await createFamily(at);
  await livline.relay();
  for (let version = 1; version < COUNT - 1; version += 1) {
    await at.patch(`/families/${id}`, { capacity: version }, version);
    if (version % 3 === 0) await livline.relay();
  }
  await livline.relay();
  content = await contentOf(livline.store);
  const rows = await rowsOf(livline.store, at.code, 'event');
  events = rows.toSorted((a, b) => a['sequence'] - b['sequence']);
});

afterEach(() => restore(livline.store, content));

const keyOf = ({ pk, sk }: AnyRow) => ({ TableName: livline.store.tableName, Key: { pk, sk } });
const event = (sequence: number): AnyRow => events[sequence - 1] as AnyRow;
/** The row of an event under a key of its own. */
const copyOf = (sequence: number): AnyRow => ({
  ...content.find(({ pk }) => pk === event(sequence)['pk']),
  pk: `T#${at.code}#E#forged`,
});
const counter = () => ({ pk: `T#${at.code}#SEQUENCE`, sk: 'A' });

/** Sets attributes of a row behind Livline's back. */
async function alter(row: AnyRow, values: AnyRow): Promise<void> {
  const names = Object.keys(values);
  await livline.store.client.send(
    new UpdateCommand({
      ...keyOf(row),
      UpdateExpression: `SET ${names.map((name) => `#${name} = :${name}`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
      ExpressionAttributeValues: Object.fromEntries(names.map((name) => [`:${name}`, values[name]])),
    }),
  );
}
const remove = (row: AnyRow) => livline.store.client.send(new DeleteCommand(keyOf(row)));
const put = (row: AnyRow) =>
  livline.store.client.send(new PutCommand({ TableName: livline.store.tableName, Item: row }));
/** SHA-256 as the chain is made of it. */
const digest = (...parts: unknown[]) => createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
/** Another event's place in the feed. */
const placeOf = (sequence: number) => ({ sequence, listSk: String(sequence).padStart(12, '0') });

const verify = async (query: Record<string, string> = {}) => {
  const { status, body } = await at.get('/audit/verify', query);
  expect(status).toBe(200);
  return body;
};

/** Does something once, just before the next Query of the feed is sent. */
function beforeTheNextQuery(deed: () => Promise<unknown>): void {
  const name = 'deed';
  const { middlewareStack } = livline.storeOf('tenant-api').tenantClient(at.code);
  middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== 'QueryCommand') return next(args);
        middlewareStack.remove(name);
        await deed();
        return next(args);
      },
    { step: 'initialize', priority: 'high', name },
  );
}

describe('the change history', () => {
  it('is verified where nobody touched it, to the hash of its last entry', async () => {
    const { hash } = event(COUNT);
    expect(await verify()).toEqual({ verified: true, from: 1, to: COUNT, entries: COUNT, hash });
  });

  it('is a chain of SHA-256 hashes that anybody can compute', () => {
    let hash = digest('genesis', at.code);
    for (const [place, { envelope, view, mac = '', ...row }] of events.entries()) {
      const { sequence, listSk } = placeOf(place + 1);
      hash = digest(hash, `${envelope},"sequence":"${listSk}"}`, view, mac);
      expect([row['sequence'], row['hash']]).toEqual([sequence, hash]);
    }
  });

  it('is verified in stretches, each on the ground of the one before', async () => {
    let from = 1;
    for (const to of [3, 6, COUNT]) {
      const { hash } = event(to);
      const next = to < COUNT ? { next: to + 1 } : {};
      const answer = await verify({ from: String(from), limit: '3' });
      expect(answer).toEqual({ verified: true, from, to, entries: to - from + 1, hash, ...next });
      from = answer.next;
    }
    const { hash } = event(COUNT);
    const nothingNew = { verified: true, from: COUNT + 1, to: COUNT, entries: 0, hash };
    expect(await verify({ from: String(COUNT + 1) })).toEqual(nothingNew);
  });

  it('of a municipality in which nothing is numbered yet is whole', async () => {
    const other = await livline.freshMunicipality();
    const { body } = await other.get('/audit/verify');
    expect(body).toMatchObject({ verified: true, from: 1, to: 0, entries: 0 });
    livline.takeStream();
  });

  const altered = (sequence: number) => ({ sequence, kind: 'altered' });
  const missing = (sequence: number) => ({ sequence, kind: 'missing' });
  const CLOSED = JSON.stringify({ version: 3, status: 'closed' });
  it.each<[what: string, deed: () => Promise<unknown>, fault: { sequence: number; kind: string }]>([
    [
      'what an entry says happened',
      () => alter(event(4), { envelope: event(4)['envelope'].replace('capacity', 'pressure') }),
      altered(4),
    ],
    [
      'who an entry says did it',
      () => alter(event(4), { envelope: event(4)['envelope'].replace(at.clientId, 'somebody-else') }),
      altered(4),
    ],
    ['what an entry shows in its history', () => alter(event(4), { view: CLOSED }), altered(4)],
    ['an entry so that it cannot be read', () => alter(event(4), { view: '{"version":' }), altered(4)],
    ['the hash of an entry', () => alter(event(4), { hash: event(3)['hash'] }), altered(4)],
    ['the number of an entry', () => alter(event(4), { sequence: 5 }), altered(4)],
    ['the first entry', () => alter(event(1), { view: CLOSED }), altered(1)],
    ['the last entry', () => alter(event(COUNT), { view: CLOSED }), altered(COUNT)],
    ['an entry, by taking it away', () => remove(event(4)), missing(4)],
    ['an entry, by taking it out of the feed', () => alter(event(4), { listPk: 'elsewhere' }), missing(4)],
    ['the first entry, by taking it away', () => remove(event(1)), missing(1)],
    ['the last entry, by taking it away', () => remove(event(COUNT)), missing(COUNT)],
    [
      'the order of two entries',
      () => Promise.all([alter(event(4), placeOf(6)), alter(event(6), placeOf(4))]),
      altered(4),
    ],
    ['the feed, by an entry of its own', () => put(copyOf(4)), altered(5)],
    ['the end, by an entry of its own', () => put({ ...copyOf(4), ...placeOf(COUNT + 1) }), altered(COUNT + 1)],
    ['the last entry, by a second one', () => put(copyOf(COUNT)), altered(COUNT + 1)],
    ['the counter, forwards', () => alter(counter(), { last: COUNT + 2 }), missing(COUNT + 1)],
    ['the counter, backwards', () => alter(counter(), { last: 5 }), altered(5)],
    ['the counter, backwards with its hash', () => alter(counter(), { last: 5, hash: event(5)['hash'] }), altered(6)],
    ['the counter’s hash', () => alter(counter(), { hash: event(5)['hash'] }), altered(COUNT)],
    ['the counter, to what is no number', () => alter(counter(), { last: 'many' }), altered(0)],
    ['the counter, by taking it away', () => remove(counter()), altered(1)],
  ])('is not verified for whoever alters %s', async (_, deed, fault) => {
    await deed();
    const to = fault.sequence - 1;
    const answer = await verify();
    expect(answer).toMatchObject({ verified: false, from: 1, fault });
    expect(answer).not.toHaveProperty('next');
    // At the end the entries may be whole although the counter is not.
    expect([to, fault.sequence]).toContain(answer.to);
    expect(answer.entries).toBe(answer.to);
  });

  it('tells the first fault, and what lies behind it when asked to go on there', async () => {
    await alter(event(3), { view: CLOSED });
    await alter(event(6), { view: CLOSED });
    expect(await verify()).toMatchObject({ verified: false, to: 2, entries: 2, fault: altered(3) });
    expect(await verify({ from: '4' })).toMatchObject({ verified: false, from: 4, to: 5, fault: altered(6) });
    expect(await verify({ from: '7' })).toMatchObject({ verified: true, from: 7, to: COUNT, entries: 2 });
  });

  it('has no ground to go on from where the entry before is missing', async () => {
    await remove(event(5));
    const fault = { sequence: 5, kind: 'missing' };
    expect(await verify({ from: '6' })).toEqual({ verified: false, from: 6, to: 5, entries: 0, fault });
  });

  it('is not believed to be whole when its end was taken away and the counter with it', async () => {
    for (const sequence of [COUNT - 1, COUNT]) await remove(event(sequence));
    await alter(counter(), { last: COUNT - 2 });
    expect((await verify()).fault).toEqual({ sequence: COUNT - 2, kind: 'altered' });
  });

  it('lacks nothing because events are numbered while it is verified', async () => {
    await createFamily(at);
    beforeTheNextQuery(() => livline.relay());
    expect(await verify()).toMatchObject({ verified: true, to: COUNT });
    expect(await verify()).toMatchObject({ verified: true, to: COUNT + 1 });
  });

  it('lacks nothing because the index shows an entry later than the table', async () => {
    const { listPk } = event(4);
    await alter(event(4), { listPk: 'later' });
    // The first Query does not have it, the second does.
    beforeTheNextQuery(async () => beforeTheNextQuery(() => alter(event(4), { listPk })));
    expect(await verify()).toMatchObject({ verified: true, to: COUNT });
  });

  it('is verified with the scope audit:read alone', async () => {
    expect((await at.withScopes('audit:read').get('/audit/verify')).status).toBe(200);
    const others = at.scopes.filter((scope) => scope !== 'audit:read');
    expectProblem(await at.withScopes(...others).get('/audit/verify'), 403, 'forbidden');
  });

  it.each([
    ['from', '0'],
    ['from', 'first'],
    ['from', String(COUNT + 2)],
    ['limit', '0'],
    ['limit', '2001'],
    ['cursor', 'x'],
  ])('is not verified with %s=%s', async (name, value) => {
    const reply = await at.get('/audit/verify', { [name]: value });
    expectProblem(reply, 422, 'validation_failed', `/query/${name}`);
  });
});

describe('once an hour the log', () => {
  const heads = async (): Promise<AnyRow[]> => {
    const lines: string[] = [];
    const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
    await livline.clock();
    spy.mockRestore();
    const logged = lines.map((text): AnyRow => JSON.parse(text));
    return logged.filter(({ message, municipality }) => message === 'audit head' && municipality === at.code);
  };
  /** Lets time pass to the next minute 0. */
  const untilFullHour = () => livline.advance(3_600 - ((livline.now().getTime() / 1000) % 3_600));

  it('has the last entry of each municipality', async () => {
    untilFullHour();
    const { hash } = event(COUNT);
    expect(await heads()).toMatchObject([{ level: 'INFO', sequence: COUNT, hash }]);
    livline.advance(60);
    expect(await heads()).toEqual([]);
    untilFullHour();
    expect(await heads()).toHaveLength(1);
  });

  it('gives away who rewrote the whole chain, which nothing in the table does', async () => {
    untilFullHour();
    const [anchor] = await heads();
    let hash = event(3)['hash'];
    for (const { envelope, view, mac, sequence, ...row } of events.slice(3)) {
      const forged = sequence === 4 ? envelope.replace(at.clientId, 'somebody-else') : envelope;
      hash = digest(hash, `${forged},"sequence":"${row['listSk']}"}`, view, mac);
      await alter(row, { envelope: forged, hash });
    }
    await alter(counter(), { hash });
    const answer = await verify({ limit: String(anchor?.['sequence']) });
    expect(answer).toMatchObject({ verified: true, to: anchor?.['sequence'] });
    expect(answer.hash).not.toBe(anchor?.['hash']);
  });
});
