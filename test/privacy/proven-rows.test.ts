import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AnyRow, contentOf, restore } from '#test/support/content.ts';
import { makeChild, makeConsultant, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';

let livline: Livline;
let at: Caller;
/** A family with a sealed field, at its second version, a consultant with one, and a child that was deleted. */
const id = {} as Record<'family' | 'other' | 'consultant' | 'deleted', string>;
/** The table as it was written, and as it was when the family had its first version. */
let content: AnyRow[];
let earlier: AnyRow[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  id.family = (await makeFamily(at, { outsideWork: 'Sygeplejerske i Vejle' })).id;
  id.other = (await makeFamily(at, { outsideWork: 'Pedel i Vejle' })).id;
  id.consultant = (await makeConsultant(at, { phone: '70605040' })).id;
  id.deleted = (await makeChild(at)).id;
  await livline.relay();
  earlier = await contentOf(livline.store);
  await at.patch(`/families/${id.family}`, { outsideWork: 'Lærer i Vejle' }, 1);
  await livline.relay();
  content = await contentOf(livline.store);
});

afterEach(() => restore(livline.store, content));

const keyOf = (recordId: string) => `T#${at.code}#R#${recordId}`;
const rowIn = (rows: readonly AnyRow[], recordId: string): AnyRow =>
  rows.find(({ pk, sk }) => pk === keyOf(recordId) && sk === 'A') as AnyRow;
/** Writes a row behind the product's back. */
const put = (Item: AnyRow) => livline.store.client.send(new PutCommand({ TableName: livline.store.tableName, Item }));
const remove = ({ pk, sk }: AnyRow) =>
  livline.store.client.send(new DeleteCommand({ TableName: livline.store.tableName, Key: { pk, sk } }));
const verify = async (query: Record<string, string> = {}) => (await at.get('/audit/verify', query)).body;

/** The family's row with attributes replaced. */
const family = (values: AnyRow): AnyRow => ({ ...rowIn(content, id.family), ...values });
const viewWith = (values: AnyRow) => JSON.stringify({ ...JSON.parse(rowIn(content, id.family)['view']), ...values });

describe('the record of a family', () => {
  it('is verified while nobody touched its row, and so is a record that was resealed or deleted', async () => {
    expect(await verify()).toMatchObject({ verified: true });
    await livline.operator('POST', `/municipalities/${at.code}/keys`, { body: { reseal: true } });
    livline.advance(120);
    await livline.lifecycle();
    expect(await verify(), 'before its event has a number').toMatchObject({ verified: true });
    await livline.relay();
    const { body } = await at.get('/events', { types: 'record.*' });
    // What is said of a family is under its own key, which alone is wrapped anew.
    expect(body.items.map(({ subject }: AnyRow) => subject)).toEqual([id.consultant]);
    expect(await verify()).toMatchObject({ verified: true });
  });

  it.each<[what: string, deed: () => Promise<unknown>]>([
    ['a plain field is altered', () => put(family({ view: viewWith({ capacity: 9 }) }))],
    ['the row cannot be read any more', () => put(family({ view: '{"id":' }))],
    ['its plain part is taken away', () => put(family({ view: undefined }))],
    ['an old sealed value is put back', () => put(family({ sensitive: rowIn(earlier, id.family)['sensitive'] }))],
    ['its sealed part is taken away', () => put(family({ sensitive: undefined }))],
    ['its whole row of an earlier version is put back', () => put(rowIn(earlier, id.family))],
    ['its version is altered', () => put(family({ version: 3 }))],
    ['the writer of its sealed fields is altered', () => put(family({ writtenBy: { outsideWork: 'carelink' } }))],
    ['it is marked as deleted', () => put(family({ deleted: true }))],
    ['it is marked as erased', () => put(family({ erased: true }))],
    ['it names another event as its last one', () => put(family({ lastEvent: rowIn(content, id.other)['lastEvent'] }))],
    [
      'another record’s row stands in its place',
      () => put({ ...rowIn(content, id.other), pk: keyOf(id.family), sk: 'A' }),
    ],
  ])('is not verified when %s', async (_, deed) => {
    await deed();
    const { verified, fault } = await verify();
    expect({ verified, fault }).toEqual({
      verified: false,
      fault: { sequence: fault?.sequence, kind: 'altered', objectType: 'family', objectId: id.family },
    });
  });

  it('is missing when its row is taken away', async () => {
    await remove(rowIn(content, id.family));
    expect((await verify()).fault).toMatchObject({ kind: 'missing', objectType: 'family', objectId: id.family });
  });

  it('is not verified when a planted event says that an earlier row is the current one', async () => {
    const old = rowIn(earlier, id.family);
    const event = content.find(({ pk }) => pk === `T#${at.code}#E#${old['lastEvent']}`) as AnyRow;
    const { sequence: _, hash: __, listPk: ___, listSk: ____, ...unnumbered } = event;
    await put({ ...unnumbered, pk: `T#${at.code}#E#evt_planted` });
    await put({ ...old, lastEvent: 'evt_planted' });
    expect((await verify()).fault).toMatchObject({ kind: 'altered', objectId: id.family });
  });

  it('is compared with the rest of the history after a fault, when asked to go on there', async () => {
    await put({ ...rowIn(content, id.other), version: 7 });
    await put(family({ version: 7 }));
    const first = await verify();
    expect(first.fault).toMatchObject({ objectId: id.other });
    expect(first).toMatchObject({ to: first.fault.sequence - 1 });
    const second = await verify({ from: String(first.fault.sequence + 1) });
    expect(second.fault).toMatchObject({ objectId: id.family });
    expect(await verify({ from: String(second.fault.sequence + 1) })).toMatchObject({ verified: true });
  });

  it('is verified without any key that opens a sealed value', async () => {
    livline.advance(301);
    const unwrap = vi.spyOn(livline.keys, 'unwrap');
    await verify();
    expect(unwrap.mock.calls.map(([, , { purpose }]) => purpose)).toEqual(['integrity']);
    unwrap.mockRestore();
  });
});
