import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeKey } from '#shared/table/keys.ts';
import { type ScopedTable, scopedTable } from '#shared/table/scoped-table.ts';
import { startTable } from '#test/support/captured-table.ts';

let database: Awaited<ReturnType<typeof startTable>>;
let table: ScopedTable;
beforeAll(async () => {
  database = await startTable();
  table = scopedTable(database.store, ['T', '0630']);
});

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

let partitions = 0;
/** A partition of its own with a row for each of the sort keys, which are given back in DynamoDB's order. */
async function partitionWith(names: readonly string[]): Promise<{ partition: string[]; sorted: string[] }> {
  partitions += 1;
  const partition = ['P', String(partitions)];
  const keys = names.map((name, at) => [name, String(at)]);
  await table.transact(keys.map((sk) => ({ kind: 'put', key: { pk: partition, sk }, item: { type: 'row' } })));
  return { partition, sorted: keys.map(encodeKey).sort(bytewise) };
}

/** Reads a range page by page. */
async function readAll(range: Omit<Parameters<ScopedTable['query']>[0], 'after'>): Promise<string[]> {
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const { rows, last } = await table.query({ ...range, after });
    expect(rows.length).toBeLessThanOrEqual(range.limit);
    // Whoever reads the same page over and over would never end.
    if (seen.length > 100) throw new Error('The range does not end');
    seen.push(...rows.map((row) => String(row['sk'])));
    after = last;
  } while (after !== undefined);
  return seen;
}

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.constantFrom('', 'a', 'aa', 'a#', '#', '%', '~', 'å', 'Å', '🏡', '\uff21', '\ufffd', '\ue000'),
);
const names = fc.array(name, { minLength: 1, maxLength: 10 });

describe('a range', () => {
  it('read page by page is the partition, once, in the order of its bytes, up and down', async () => {
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 4 }), async (some, limit) => {
        const { partition, sorted } = await partitionWith(some);
        expect(await readAll({ partition, limit })).toEqual(sorted);
        expect(await readAll({ partition, limit, descending: true })).toEqual(sorted.toReversed());
      }),
      { numRuns: 10 },
    );
  });

  it('between two keys is what lies between them, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(names, name, name, fc.boolean(), async (some, a, b, descending) => {
        const { partition, sorted } = await partitionWith(some);
        const [from = '', to = ''] = [encodeKey([a, '']), encodeKey([b, ''])].sort(bytewise);
        const between = sorted.filter((key) => bytewise(from, key) <= 0 && bytewise(key, to) <= 0);
        const read = await readAll({ partition, from, to, limit: 2, descending });
        expect(read).toEqual(descending ? between.toReversed() : between);
      }),
      { numRuns: 10 },
    );
  });

  it('ends between two keys that are the wrong way round, without a request', async () => {
    const { partition } = await partitionWith(['a', 'b']);
    const requests = await database.requestsOf(async () => {
      expect(await table.query({ partition, from: 'b', to: 'a', limit: 5 })).toEqual({ rows: [] });
    });
    expect(requests).toEqual([]);
  });
});

describe('a scoped table', () => {
  it('reaches no row under another prefix, whatever key it is asked for', async () => {
    const other = scopedTable(database.store, ['T', '0766']);
    const key = { pk: ['R', 'x'], sk: ['A'] };
    await other.write({ kind: 'put', key, item: { type: 'theirs' } });
    const forged = [['R', 'x'], ['#T#0766#R#x'], ['..', 'T', '0766', 'R', 'x'], ['', 'R', 'x'], ['T#0766', 'R', 'x']];
    for (const pk of forged) expect(await table.get({ pk, sk: ['A'] })).toBeUndefined();
    expect(await table.getMany(forged.map((pk) => ({ pk, sk: ['A'] })))).toEqual([]);
    expect(await other.get(key)).toMatchObject({ type: 'theirs' });
  });

  it('reads a hundred rows and one more in two requests', async () => {
    const keys = Array.from({ length: 101 }, (_, at) => ({ pk: ['R', `many-${at}`], sk: ['A'] }));
    for (const some of [keys.slice(0, 100), keys.slice(100)]) {
      await table.transact(some.map((key) => ({ kind: 'put', key, item: { type: 'row' } })));
    }
    const requests = await database.requestsOf(async () => {
      expect(await table.getMany(keys)).toHaveLength(101);
    });
    expect(requests.map(({ command }) => command)).toEqual(['BatchGetItem', 'BatchGetItem']);
  });

  it('says which condition did not hold, what stood there, and writes none of the rest', async () => {
    const [first, second] = [
      { pk: ['R', 'one'], sk: ['A'] },
      { pk: ['R', 'two'], sk: ['A'] },
    ];
    const absent = { expression: 'attribute_not_exists(#pk)' };
    await table.write({ kind: 'put', key: second, item: { type: 'standing' } });
    const both = [first, second].map(
      (key) => ({ kind: 'put', key, item: { type: 'new' }, condition: absent }) as const,
    );
    await expect(table.transact(both)).rejects.toMatchObject({
      name: 'WriteRefused',
      at: 1,
      row: { type: 'standing' },
    });
    await expect(table.write(both[1] as (typeof both)[number])).rejects.toMatchObject({ row: { type: 'standing' } });
    expect(await table.get(first)).toBeUndefined();
    expect(await table.get(second)).toMatchObject({ type: 'standing' });
  });
});
