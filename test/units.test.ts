import { beforeAll, describe, expect, inject, it } from 'vitest';
import { startLivline } from './support/livline.ts';
import { measureUnits, type UnitCase } from './support/unit-cases.ts';
import { itemSize, readUnits, writeUnits } from './support/units.ts';

let cases: readonly UnitCase[];
beforeAll(async () => {
  const livline = await startLivline();
  const caller = await livline.freshMunicipality();
  cases = await measureUnits({
    store: livline.storeOf('tenant-api'),
    storeOf: livline.storeOf,
    template: inject('template'),
    code: caller.code,
    now: livline.now,
    send: async (method, path, options) => {
      // A change at a later time moves the record among what has changed.
      livline.advance(1);
      const { status, body } = await caller.send(method, path, options);
      if (status >= 300) throw new Error(`${method} ${path} answered ${status}`);
      return body;
    },
  });
});

const caseOf = (operation: string): UnitCase => {
  const found = cases.find((each) => each.operation === operation);
  if (!found) throw new Error(`Nothing measured ${operation}`);
  return found;
};

describe('the meter', () => {
  // The developer guide's rules: names and values in UTF-8, a number by its digits, three bytes for a list or a map.
  it.each([
    [{ pk: 'a', sk: 'ø' }, 2 + 1 + 2 + 2],
    [{ n: 0 }, 1 + 2],
    [{ n: 12345 }, 1 + 4],
    [{ n: -1200 }, 1 + 3],
    [{ b: true, z: null }, 2 + 2],
    [{ l: [], m: {} }, 4 + 4],
    [{ l: ['ab', 'c'] }, 1 + 3 + 3 + 2],
    [{ m: { ab: 'c' } }, 1 + 3 + 1 + 2 + 1],
    [{ left: undefined }, 0],
  ])('sizes %j as %i bytes', (item, bytes) => {
    expect(itemSize(item)).toBe(bytes);
  });

  it('counts started KBs: one to write, four to read, a half where a read may be stale', () => {
    const item = (bytes: number) => ({ a: 'x'.repeat(bytes - 1) });
    expect([1, 1024, 1025].map((bytes) => writeUnits(item(bytes)))).toEqual([1, 1, 2]);
    expect([4096, 4097].map((bytes) => readUnits([item(bytes)], true))).toEqual([1, 2]);
    expect(readUnits([item(3000), item(3000)], false)).toBe(1);
    expect([readUnits([], true), readUnits([], false), writeUnits(undefined)]).toEqual([1, 0.5, 1]);
  });
});

describe('an operation costs the least that its guarantee can cost', () => {
  it.each([
    'a client’s first of the day: an empty list, with the context and the lease that are kept for a minute',
    'create',
    'get, with the entry that its sensitive fields were shown',
    'patch',
    'patch that changes nothing',
    'status',
    'upsert of a new one',
    'upsert of the same',
    'upsert of the same with sensitive fields',
    'create with an Idempotency-Key',
    'its replay',
    'list, a page of 50',
    'delivery at the first attempt',
  ])('%s', (operation) => {
    const { units, least } = caseOf(operation);
    expect({ read: units.read, write: units.write }).toEqual(least);
  });

  it.each([
    // The event is read before it is numbered, and as it stands after it.
    ['relay of an event to one endpoint', 1],
  ])('%s, but for %i reads', (operation, reads) => {
    const { units, least } = caseOf(operation);
    expect(units.write).toBe(least.write);
    expect(units.read).toBeLessThanOrEqual(least.read + reads);
  });
});

describe('beyond the context that is kept, a request makes', () => {
  it.each([
    ['create', ['TransactWriteItems']],
    ['create with an Idempotency-Key', ['TransactWriteItems']],
    ['list, a page of 50', ['Query']],
  ])('one round trip: %s', (operation, requests) => {
    expect(caseOf(operation).units.requests).toEqual(requests);
  });

  it('two where what it shows is entered in the access log before: get', () => {
    const { units } = caseOf('get, with the entry that its sensitive fields were shown');
    expect(units.requests).toEqual(['GetItem', 'PutItem']);
    // The entry, its place in the chain of the log, and its place in the list of the actor.
    expect(units.write).toBe(3);
  });

  it.each([
    ['patch', ['GetItem', 'TransactWriteItems']],
    ['upsert of a new one', ['GetItem', 'TransactWriteItems']],
    ['upsert of the same', ['GetItem', 'GetItem']],
    ['upsert of the same with sensitive fields', ['GetItem', 'GetItem', 'TransactWriteItems']],
  ])('no more than what it reads and then writes: %s', (operation, requests) => {
    expect(caseOf(operation).units.requests).toEqual(requests);
  });

  it('three where a family’s standing changes with it: status', () => {
    expect(caseOf('status').units.requests).toEqual(['GetItem', 'GetItem', 'TransactWriteItems']);
  });

  it('two more, once a minute: the context, and a lease of its quota; and once a day, the day of the client’s last use', () => {
    const name =
      'a client’s first of the day: an empty list, with the context and the lease that are kept for a minute';
    expect(caseOf(name).units.requests).toEqual(['BatchGetItem', 'PutItem', 'UpdateItem', 'Query']);
  });
});
