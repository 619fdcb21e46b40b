import { BatchGetCommand, BatchWriteCommand, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { encodeKey, type IndexName, type Key, PERSON_KEYS, type Segments } from './keys.ts';
import type { TableClient } from './store.ts';
import { executeWrite, type PreparedWrite, prepareWrite, rowOf, transactWrite, type Write } from './write.ts';

/** A stored row, without meaning yet: who reads it knows its `type`. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * One page of one partition, in the order of its sort key. `from` and `to` bound the sort key, both inclusive;
 * `after` is the sort key of the last row already seen, so a page starts where the one before ended.
 */
export interface RangeQuery {
  readonly index?: IndexName | undefined;
  readonly partition: Segments;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly after?: string | undefined;
  readonly descending?: boolean | undefined;
  /**
   * Whether the partition is read as it stands also for a client that sees only its own rows (auth/own-rows.ts):
   * reference data, or what belongs to a record that the client was seen to see.
   */
  readonly unnarrowed?: boolean | undefined;
  readonly limit: number;
}

/** One page of rows. */
export interface Page {
  readonly rows: readonly Row[];
  /** Sort key of the last row where more may follow. */
  readonly last?: string | undefined;
}

/** All that may be done with the rows under one prefix, and with no other row. */
export interface ScopedTable {
  get(key: Key): Promise<Row | undefined>;
  getMany(keys: readonly Key[]): Promise<readonly Row[]>;
  query(range: RangeQuery): Promise<Page>;
  /** One write, as a single request. Throws `WriteRefused` when its condition does not hold. */
  write(write: Write): Promise<void>;
  /** An update as a single request, which gives what its additions came to. Throws as `write` does. */
  add(write: Write): Promise<Row | undefined>;
  /**
   * All writes or none, with those that another prefix of the same session prepared. Throws `WriteRefused` naming the
   * first whose condition does not hold, in this order.
   */
  transact(writes: readonly Write[], prepared?: readonly PreparedWrite[]): Promise<void>;
  /** Deletes rows that were read here, whatever has become of them. Throws `RangeError` for a row from elsewhere. */
  erase(rows: readonly Row[]): Promise<void>;
  /** A write made ready for a transaction that also touches rows under another prefix. */
  prepare(write: Write): PreparedWrite;
}

/** Smaller than every sort key: the lower end of an open range. */
const LOWEST = '\u0000';
/** Greater than every sort key: the upper end of an open range. */
const HIGHEST = '\u{10ffff}';

/**
 * The greatest text below a sort key, for all keys that occur: the last character lowered by one, then the highest.
 * With it "before this row" is an inclusive bound, and a page is one key range: DynamoDB takes one condition on a sort
 * key, and resuming by range costs the page, however deep, where an ExclusiveStartKey is walked to by the emulator.
 */
const justBelow = (sortKey: string): string =>
  `${sortKey.slice(0, -1)}${String.fromCharCode(sortKey.charCodeAt(sortKey.length - 1) - 1)}${HIGHEST}`;

const justAbove = (sortKey: string): string => `${sortKey}${LOWEST}`;

/** DynamoDB orders keys by their UTF-8 bytes, JavaScript compares UTF-16 units: they differ beyond U+FFFF. */
const isGreater = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
const greater = (a: string, b: string): string => (isGreater(a, b) ? a : b);
const lesser = (a: string, b: string): string => (isGreater(a, b) ? b : a);

/** What a batch reads of one table. */
interface Asked {
  readonly Keys: { pk: string; sk: string }[];
  readonly ConsistentRead: true;
}

/** The items by the table that each lies in. */
function byTable<Item>(items: readonly Item[], tableOf: (item: Item) => string): Map<string, Item[]> {
  const tables = new Map<string, Item[]>();
  for (const item of items) {
    const name = tableOf(item);
    const known = tables.get(name);
    if (known) known.push(item);
    else tables.set(name, [item]);
  }
  return tables;
}

/** A view of the table limited to keys that start with `prefix`. Only shared/auth/context.ts and shared/tenancy/control.ts make one. */
export function scopedTable({ client, tableName, keysTableName }: TableClient, prefix: Segments): ScopedTable {
  const textOf = (segments: Segments): string => encodeKey([...prefix, ...segments]);
  const keyOf = (key: Key) => ({ pk: textOf(key.pk), sk: encodeKey(key.sk) });
  // The keys of persons lie in a table of their own, which the backups of this one do not hold.
  const tableAt = ([kind]: Segments): string => (prefix[0] === 'T' && kind === PERSON_KEYS ? keysTableName : tableName);
  const prepare = (write: Write): PreparedWrite => prepareWrite(tableAt(write.key.pk), textOf, write);

  return {
    prepare,
    write: async (write) => void (await executeWrite(client, prepare(write))),
    add: (write) => executeWrite(client, prepare(write), 'UPDATED_NEW'),
    transact: (writes, prepared = []) => transactWrite(client, [...writes.map(prepare), ...prepared]),

    async get(key) {
      const { Item } = await client.send(
        new GetCommand({ TableName: tableAt(key.pk), Key: keyOf(key), ConsistentRead: true }),
      );
      return Item && rowOf(Item);
    },

    async getMany(keys) {
      const rows: Row[] = [];
      for (let start = 0; start < keys.length; start += 100) {
        let wanted: Record<string, Asked> = {};
        for (const [name, some] of byTable(keys.slice(start, start + 100), ({ pk }) => tableAt(pk)))
          wanted[name] = { Keys: some.map(keyOf), ConsistentRead: true };
        while (Object.keys(wanted).length > 0) {
          const { Responses, UnprocessedKeys } = await client.send(new BatchGetCommand({ RequestItems: wanted }));
          for (const found of Object.values(Responses ?? {})) rows.push(...found.map(rowOf));
          wanted = (UnprocessedKeys ?? {}) as Record<string, Asked>;
        }
      }
      return rows;
    },

    async erase(rows) {
      const keys = rows.map(({ pk, sk }) => ({ pk: String(pk), sk: String(sk) }));
      const kindOf = (pk: string): Segments => pk.split('#').slice(prefix.length, prefix.length + 1);
      const isOurs = ({ pk }: { pk: string }) => prefix.length === 0 || pk.startsWith(`${encodeKey(prefix)}#`);
      if (!keys.every(isOurs)) throw new RangeError('Not a row of this table');
      for (let start = 0; start < keys.length; start += 25) {
        let left: Record<string, unknown[]> = {};
        for (const [name, some] of byTable(keys.slice(start, start + 25), ({ pk }) => tableAt(kindOf(pk))))
          left[name] = some.map((Key) => ({ DeleteRequest: { Key } }));
        while (Object.keys(left).length > 0) {
          const { UnprocessedItems = {} } = await client.send(
            new BatchWriteCommand({ RequestItems: left as Record<string, []> }),
          );
          left = UnprocessedItems;
        }
      }
    },

    async query({ index, partition, from = LOWEST, to = HIGHEST, after, descending = false, limit }) {
      const low = after === undefined || descending ? from : greater(from, justAbove(after));
      const high = after === undefined || !descending ? to : lesser(to, justBelow(after));
      if (isGreater(low, high)) return { rows: [] };
      const [pk, sk] = index === undefined ? ['pk', 'sk'] : [`${index}Pk`, `${index}Sk`];
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName: tableAt(partition),
          ...(index !== undefined && { IndexName: index }),
          KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :low AND :high',
          ExpressionAttributeNames: { '#pk': pk, '#sk': sk },
          ExpressionAttributeValues: { ':pk': textOf(partition), ':low': low, ':high': high },
          ScanIndexForward: !descending,
          Limit: limit,
          ConsistentRead: index === undefined,
        }),
      );
      const last = Items.at(-1)?.[sk];
      return { rows: Items.map(rowOf), last: LastEvaluatedKey && typeof last === 'string' ? last : undefined };
    },
  };
}
