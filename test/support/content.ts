import { BatchWriteCommand, ScanCommand, type ScanCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Store } from '#shared/table/store.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows of every kind
export type AnyRow = Record<string, any>;

/** All rows of both tables. */
async function scan(store: Store, filter: Partial<ScanCommandInput> = {}): Promise<AnyRow[]> {
  const rows = await Promise.all([store.tableName, store.keysTableName].map((name) => scanOne(store, name, filter)));
  return rows.flat().sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The table that a row lies in. */
const tableOf = ({ tableName, keysTableName }: Store, { pk }: AnyRow): string =>
  /^T#\d{4}#Y#/.test(pk) ? keysTableName : tableName;

async function scanOne({ client }: Store, tableName: string, filter: Partial<ScanCommandInput>): Promise<AnyRow[]> {
  const rows: AnyRow[] = [];
  let from: AnyRow | undefined;
  do {
    const input = { TableName: tableName, ConsistentRead: true, ExclusiveStartKey: from, ...filter };
    const page = await client.send(new ScanCommand(input));
    rows.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  return rows;
}

/** Whether a row counts what a client has leased of its quota: any request may write it, and it says nothing of the record. */
export const isQuotaCount = ({ pk }: AnyRow): boolean => /^M#\d{4}#Q$/.test(pk);

/** Every row of the table but the counts of quotas, in the order of its key, with every attribute. */
export const contentOf = async (store: Store): Promise<AnyRow[]> =>
  (await scan(store)).filter((row) => !isQuotaCount(row));

/** The rows of one type in one municipality, what is shown of them parsed. */
export async function rowsOf(store: Store, code: string, type: string): Promise<AnyRow[]> {
  const rows = await scan(store, {
    FilterExpression: 'begins_with(pk, :prefix) AND #type = :type',
    ExpressionAttributeNames: { '#type': 'type' },
    ExpressionAttributeValues: { ':prefix': `T#${code}#`, ':type': type },
  });
  return rows.map((row) => (row['view'] === undefined ? row : { ...row, view: JSON.parse(row['view']) }));
}

const nameOf = ({ pk, sk }: AnyRow): string => `${pk} ${sk}`;

/** Makes the table what it was when `content` was taken. */
export async function restore(store: Store, content: readonly AnyRow[]): Promise<void> {
  const wanted = new Map(content.map((row) => [nameOf(row), row]));
  const present = new Map((await contentOf(store)).map((row) => [nameOf(row), row]));
  const requests = [
    ...[...present]
      .filter(([name]) => !wanted.has(name))
      .map(([, { pk, sk }]) => [{ pk }, { DeleteRequest: { Key: { pk, sk } } }] as const),
    ...[...wanted]
      .filter(([name, row]) => JSON.stringify(present.get(name)) !== JSON.stringify(row))
      .map(([, row]) => [row, { PutRequest: { Item: row } }] as const),
  ];
  for (const name of [store.tableName, store.keysTableName]) {
    const mine = requests.filter(([row]) => tableOf(store, row) === name).map(([, request]) => request);
    for (let start = 0; start < mine.length; start += 25) {
      await store.client.send(new BatchWriteCommand({ RequestItems: { [name]: mine.slice(start, start + 25) } }));
    }
  }
}
