import { isDeepStrictEqual } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Template } from '#infra/local/table.ts';
import type { Store } from '#shared/table/store.ts';

/**
 * Capacity units by formula. The emulator counts a transaction of any size as two units, so what AWS would charge is
 * worked out here from the requests themselves and the items before and after them, as the developer guide has it
 * ("DynamoDB read and write operations", "Item sizes and formats", "Provisioned throughput considerations for Global
 * Secondary Indexes", "Capacity management for transactions").
 */
export interface Units {
  readonly read: number;
  readonly write: number;
  /** The requests by their names in DynamoDB's API, in order. */
  readonly requests: readonly string[];
}

export type Item = Readonly<Record<string, unknown>>;
type Image = Item | undefined;

const WRITE_UNIT = 1024;
const READ_UNIT = 4096;

const bytesOf = (text: string): number => Buffer.byteLength(text);

/** Bytes of a number: one for two significant digits, one more, and one for a minus sign. */
function numberSize(value: number): number {
  const digits = Math.abs(value).toExponential().replace(/e.*$/, '').replace('.', '').length;
  return Math.ceil(digits / 2) + 1 + (value < 0 ? 1 : 0);
}

/** What is undefined is never sent. */
const present = (map: object): [string, unknown][] => Object.entries(map).filter(([, value]) => value !== undefined);

function valueSize(value: unknown): number {
  if (typeof value === 'string') return bytesOf(value);
  if (typeof value === 'number') return numberSize(value);
  if (value === null || typeof value === 'boolean') return 1;
  if (value instanceof Uint8Array) return value.byteLength;
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + 1 + valueSize(each), 3);
  if (typeof value === 'object') {
    return present(value).reduce((sum, [name, each]) => sum + 1 + bytesOf(name) + valueSize(each), 3);
  }
  throw new TypeError(`No attribute is a ${typeof value}`);
}

/** Bytes of an item: the names of its attributes and their values. */
export const itemSize = (item: Item): number =>
  present(item).reduce((sum, [name, value]) => sum + bytesOf(name) + valueSize(value), 0);

/** Write units of one item by itself: one for each started KB, at least one, also for an item that is not there. */
export const writeUnits = (...images: readonly Image[]): number =>
  Math.max(1, ...images.map((image) => (image ? Math.ceil(itemSize(image) / WRITE_UNIT) : 0)));

/** Read units of what one read shows: one for each started 4 KB if strongly consistent, else half of it; at least one step. */
export const readUnits = (items: readonly Item[], consistent: boolean): number =>
  Math.max(1, Math.ceil(items.reduce((sum, item) => sum + itemSize(item), 0) / READ_UNIT)) * (consistent ? 1 : 0.5);

/** An index as far as its cost goes. */
export interface Index {
  readonly name: string;
  readonly keys: readonly string[];
  readonly projected: readonly string[];
}

interface IndexProperties {
  readonly IndexName: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly Projection: { readonly NonKeyAttributes?: readonly string[] };
}

interface TableProperties {
  readonly GlobalSecondaryIndexes?: readonly IndexProperties[];
}

/** The indexes of the table in a template, each with a projection of named attributes. */
export function indexesOf(template: Template): Index[] {
  const tables = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::DynamoDB::Table');
  const indexes = tables.flatMap(({ Properties }) => (Properties as TableProperties).GlobalSecondaryIndexes ?? []);
  return indexes.map(({ IndexName, KeySchema, Projection }) => {
    const keys = KeySchema.map(({ AttributeName }) => AttributeName);
    return { name: IndexName, keys, projected: ['pk', 'sk', ...keys, ...(Projection.NonKeyAttributes ?? [])] };
  });
}

/** An item's entry in an index, undefined where it lacks a key of it. */
export function entryOf({ keys, projected }: Index, item: Image): Image {
  if (!item || keys.some((key) => item[key] === undefined)) return undefined;
  return Object.fromEntries(projected.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));
}

/** Write units that a change of an item costs in one index: an entry that moves is deleted and written. */
function indexUnits(index: Index, before: Image, after: Image): number {
  const [left, entered] = [entryOf(index, before), entryOf(index, after)];
  if (isDeepStrictEqual(left, entered)) return 0;
  if (!left || !entered) return writeUnits(left, entered);
  const moved = index.keys.some((key) => left[key] !== entered[key]);
  return moved ? writeUnits(left) + writeUnits(entered) : writeUnits(left, entered);
}

interface Target {
  readonly pk: string;
  readonly sk: string;
}

/** Whether it lies in the table of persons' keys. */
const isPersonKey = ({ pk }: Target): boolean => /^T#\d{4}#Y#/.test(pk);

interface WriteInput {
  readonly Item?: Item;
  readonly Key?: Target;
}

/** The rows that a write request is about. */
function targetsOf(command: string, input: Record<string, unknown>): { target: Target; put: Image }[] {
  const targetOf = ({ Item, Key }: WriteInput) => {
    const { pk, sk } = (Key ?? Item) as unknown as Target;
    return { target: { pk, sk }, put: Item };
  };
  if (command !== 'TransactWriteItems') return [targetOf(input as WriteInput)];
  return (input['TransactItems'] as Record<string, WriteInput>[]).map((operation) =>
    targetOf(Object.values(operation)[0] as WriteInput),
  );
}

const READS = new Set(['GetItem', 'BatchGetItem', 'Query']);
const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems']);

function readCost(command: string, input: Record<string, unknown>, output: Record<string, unknown>): number {
  const consistent = input['ConsistentRead'] === true;
  if (command === 'GetItem') return readUnits(output['Item'] ? [output['Item'] as Item] : [], consistent);
  if (command === 'Query') return readUnits(output['Items'] as Item[], consistent);
  const asked = Object.values(input['RequestItems'] as Record<string, { Keys: unknown[]; ConsistentRead?: boolean }>);
  const found = Object.values(output['Responses'] as Record<string, Item[]>).flat();
  const strongly = asked.every(({ ConsistentRead }) => ConsistentRead === true);
  const missing = asked.reduce((sum, { Keys }) => sum + Keys.length, 0) - found.length;
  return found.reduce((sum, item) => sum + readUnits([item], strongly), 0) + missing * readUnits([], strongly);
}

/** Counts what the store's client asks of DynamoDB while something runs. */
export type Meter = <Result>(run: () => Promise<Result>) => Promise<{ result: Result; units: Units }>;

/**
 * Attaches a meter to the clients by which a store reaches control rows and one municipality. It looks at each written item before and after through a client of its own,
 * whose reads do not count. A refused write is charged as if it had been made, without its index entries.
 */
export async function meterOf(store: Store, code: string, template: Template): Promise<Meter> {
  const { client, tableName, keysTableName } = store;
  const { endpoint, region, credentials } = client.config;
  const observer = DynamoDBDocumentClient.from(
    new DynamoDBClient({ region, credentials, ...(endpoint && { endpoint }) }),
  );
  const indexes = indexesOf(template);
  const images = async (targets: readonly Target[]): Promise<Image[]> => {
    const asked = [
      [tableName, targets.filter((target) => !isPersonKey(target))],
      [keysTableName, targets.filter(isPersonKey)],
    ] as const;
    const RequestItems = Object.fromEntries(
      asked.flatMap(([name, some]) => (some.length > 0 ? [[name, { Keys: [...some], ConsistentRead: true }]] : [])),
    );
    const { Responses = {} } = await observer.send(new BatchGetCommand({ RequestItems }));
    const found = Object.values(Responses).flat();
    return targets.map(({ pk, sk }) => found.find((item) => item['pk'] === pk && item['sk'] === sk));
  };

  let counted: { read: number; write: number; requests: string[] } | undefined;
  const metered: Parameters<typeof client.middlewareStack.add>[0] =
    (next, { commandName }) =>
    async (args) => {
      const count = counted;
      if (!count) return next(args);
      const command = String(commandName).replace(/Command$/, '');
      const input = args.input as Record<string, unknown>;
      if (!READS.has(command) && !WRITES.has(command)) throw new TypeError(`No formula for ${command}`);
      count.requests.push(command);
      if (READS.has(command)) {
        const answer = await next(args);
        count.read += readCost(command, input, answer.output as Record<string, unknown>);
        return answer;
      }
      const rows = targetsOf(command, input);
      const targets = rows.map(({ target }) => target);
      const before = await images(targets);
      const times = command === 'TransactWriteItems' ? 2 : 1;
      const base = (after: readonly Image[]) =>
        times * targets.reduce((sum, _, at) => sum + writeUnits(before[at], after[at]), 0);
      try {
        const answer = await next(args);
        const after = await images(targets);
        count.write += base(after);
        for (const index of indexes) {
          for (const [at] of targets.entries()) count.write += indexUnits(index, before[at], after[at]);
        }
        return answer;
      } catch (error) {
        count.write += base(rows.map(({ put }) => put));
        throw error;
      }
    };
  for (const { middlewareStack } of [client, store.tenantClient(code)]) {
    middlewareStack.add(metered as never, { step: 'initialize', name: 'meter' });
  }
  return async (run) => {
    const units = { read: 0, write: 0, requests: [] as string[] };
    counted = units;
    try {
      return { result: await run(), units };
    } finally {
      counted = undefined;
    }
  };
}
