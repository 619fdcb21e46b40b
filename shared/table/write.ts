import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionInProgressException,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { invalid, Problem } from '../errors.ts';
import { encodeKey, type IndexEntries, type IndexName, type Key, type Segments } from './keys.ts';

/** Attributes of a row by name. */
export type Attributes = Readonly<Record<string, unknown>>;

/** A DynamoDB condition. Every `#name` in the expression stands for the attribute of that name, every `:name` for its value. */
export interface Condition {
  readonly expression: string;
  readonly values?: Attributes;
}

/** The row does not exist yet. */
export const ABSENT: Condition = { expression: 'attribute_not_exists(#pk)' };
/** The row is at this version. */
export const isVersion = (version: number): Condition => ({ expression: '#version = :version', values: { version } });
/** The record's row is at this version, and this event brought it there. */
export const isRevision = (version: number, lastEvent: string): Condition => ({
  expression: '#version = :version AND #lastEvent = :lastEvent',
  values: { version, lastEvent },
});
/** The row is as it was read: at this version, or still absent where that is 0. */
export const unchangedSince = (version: number): Condition => (version === 0 ? ABSENT : isVersion(version));
/**
 * The first version of a row that is deleted when it is empty and may come again: a number that no earlier row by its key
 * had, so that who read one of those is refused.
 */
export const freshVersion = (): number => randomInt(1, 2 ** 47);
/** The row exists. */
export const PRESENT: Condition = { expression: 'attribute_exists(#pk)' };

/** One change of one row. */
export type Write = { readonly key: Key; readonly condition?: Condition | undefined } & (
  | { readonly kind: 'put'; readonly item: Attributes; readonly index?: IndexEntries; readonly expiresAt?: number }
  | {
      readonly kind: 'update';
      readonly set?: Attributes;
      /** Amounts to add to numbers, which begin at 0. */
      readonly add?: Readonly<Record<string, number>>;
      readonly index?: IndexEntries;
      readonly remove?: readonly string[];
      readonly unindex?: readonly IndexName[];
    }
  | { readonly kind: 'delete' }
  | { readonly kind: 'check' }
);

type Operation = NonNullable<TransactWriteCommandInput['TransactItems']>[number];
/** A write with its keys encoded and its expressions built. */
export interface PreparedWrite {
  readonly operation: Operation;
}

/** The condition of write number `at` did not hold; `row` is what stood there instead, if anything did. */
export class WriteRefused extends Error {
  readonly at: number;
  readonly row: Attributes | undefined;

  constructor(at: number, row: Attributes | undefined) {
    super(`The condition of write ${at} does not hold`);
    this.name = 'WriteRefused';
    this.at = at;
    this.row = row;
  }
}

/** The index attributes of a row, keys encoded. */
function indexAttributes(entries: IndexEntries, textOf: (segments: Segments) => string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [index, { pk, sk }] of Object.entries(entries)) {
    attributes[`${index}Pk`] = textOf(pk);
    attributes[`${index}Sk`] = encodeKey(sk);
  }
  return attributes;
}

const namesIn = (expression: string): Record<string, string> =>
  Object.fromEntries((expression.match(/#\w+/g) ?? []).map((name) => [name, name.slice(1)]));

const valuesOf = (values: Attributes): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value]));

/** Leaves out what DynamoDB refuses when it is empty. */
const unlessEmpty = <Name extends string, T extends object>(name: Name, value: T): { [name in Name]?: T } =>
  (Object.keys(value).length > 0 ? { [name]: value } : {}) as { [name in Name]?: T };

/** An item of DynamoDB holds 400 KB, of which what is shown of a record and what is sensitive may have this many bytes. */
const MOST_BYTES = 380_000;

/**
 * A row as it was written. `view`, the part that is shown, and `sensitive`, the part that is not, are kept as JSON text:
 * DynamoDB gives a map back with its members in any order, text keeps them in the order in which people read them, and a
 * page of texts is parsed faster than maps.
 */
export const rowOf = ({ view, sensitive, ...row }: Attributes): Attributes => ({
  ...row,
  ...(typeof view === 'string' && { view: JSON.parse(view) as unknown }),
  ...(typeof sensitive === 'string' && { sensitive: JSON.parse(sensitive) as unknown }),
});

/** Returns the attributes that are kept as JSON text (see {@link rowOf}). */
const textsOf = ({ view, sensitive }: Attributes): { view?: string; sensitive?: string } => ({
  ...(view !== undefined && { view: JSON.stringify(view) }),
  ...(sensitive !== undefined && { sensitive: JSON.stringify(sensitive) }),
});

/** Returns the same for a whole row. Throws 422 if they are too large. */
function boundedTextsOf(item: Attributes): { view?: string; sensitive?: string } {
  const texts = textsOf(item);
  const all = Object.values(texts);
  // A character has at most three bytes, so most texts need not be measured.
  const long = all.reduce((sum, text) => sum + text.length, 0) * 3 > MOST_BYTES;
  if (long && all.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > MOST_BYTES) {
    throw invalid('', `A record has at most ${MOST_BYTES} bytes in all.`, 'too_long');
  }
  return texts;
}

/** Builds the DynamoDB operation of a write. `textOf` adds the scope's prefix to a partition. */
export function prepareWrite(tableName: string, textOf: (segments: Segments) => string, write: Write): PreparedWrite {
  const { key, condition } = write;
  const where = { pk: textOf(key.pk), sk: encodeKey(key.sk) };
  const conditional = condition && {
    ConditionExpression: condition.expression,
    // What stands in the way comes back with the refusal, which saves reading it.
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const conditionNames = namesIn(condition?.expression ?? '');
  const conditionValues = valuesOf(condition?.values ?? {});
  const expressions = {
    ...conditional,
    ...unlessEmpty('ExpressionAttributeNames', conditionNames),
    ...unlessEmpty('ExpressionAttributeValues', conditionValues),
  };
  switch (write.kind) {
    case 'put': {
      const Item = {
        ...where,
        ...write.item,
        ...boundedTextsOf(write.item),
        ...indexAttributes(write.index ?? {}, textOf),
        expiresAt: write.expiresAt,
      };
      return { operation: { Put: { TableName: tableName, Item, ...expressions } } };
    }
    case 'delete':
      return { operation: { Delete: { TableName: tableName, Key: where, ...expressions } } };
    case 'check': {
      if (!conditional) throw new TypeError('A check needs a condition');
      return { operation: { ConditionCheck: { TableName: tableName, Key: where, ...expressions, ...conditional } } };
    }
    case 'update': {
      const set = { ...write.set, ...textsOf(write.set ?? {}), ...indexAttributes(write.index ?? {}, textOf) };
      const remove = [
        ...(write.remove ?? []),
        ...(write.unindex ?? []).flatMap((index) => [`${index}Pk`, `${index}Sk`]),
      ];
      const added = Object.keys(write.add ?? {});
      const clauses = [
        ...(Object.keys(set).length > 0
          ? [
              `SET ${Object.keys(set)
                .map((name) => `#${name} = :set_${name}`)
                .join(', ')}`,
            ]
          : []),
        ...(remove.length > 0 ? [`REMOVE ${remove.map((name) => `#${name}`).join(', ')}`] : []),
        ...(added.length > 0 ? [`ADD ${added.map((name) => `#${name} :add_${name}`).join(', ')}`] : []),
      ].join(' ');
      const setValues = Object.fromEntries(Object.entries(set).map(([name, value]) => [`:set_${name}`, value]));
      const addValues = Object.fromEntries(added.map((name) => [`:add_${name}`, write.add?.[name]]));
      return {
        operation: {
          Update: {
            TableName: tableName,
            Key: where,
            UpdateExpression: clauses,
            ...conditional,
            ExpressionAttributeNames: { ...conditionNames, ...namesIn(clauses) },
            ...unlessEmpty('ExpressionAttributeValues', { ...conditionValues, ...setValues, ...addValues }),
          },
        },
      };
    }
  }
}

/** Performs one prepared write by itself, at half the units of a transaction. Gives what an update is asked to return. */
export async function executeWrite(
  client: DynamoDBDocumentClient,
  { operation }: PreparedWrite,
  returned: 'NONE' | 'UPDATED_NEW' = 'NONE',
): Promise<Attributes | undefined> {
  try {
    if (operation.Put) await client.send(new PutCommand(operation.Put));
    else if (operation.Update) {
      const update = operation.Update as Required<typeof operation.Update>;
      return (await client.send(new UpdateCommand({ ...update, ReturnValues: returned }))).Attributes;
    } else if (operation.Delete) await client.send(new DeleteCommand(operation.Delete));
    else throw new TypeError('A check is not a write of its own');
    return undefined;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException)
      throw new WriteRefused(0, error.Item && rowOf(unmarshall(error.Item)));
    throw error;
  }
}

/** How often a transaction that met another one on the same row is tried again before the caller is told. */
const ATTEMPTS = 6;

/** Performs all writes or none. */
export async function transactWrite(client: DynamoDBDocumentClient, writes: readonly PreparedWrite[]): Promise<void> {
  const command = new TransactWriteCommand({ TransactItems: writes.map(({ operation }) => operation) });
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.send(command);
      return;
    } catch (error) {
      const refused = refusalOf(error);
      if (refused) throw refused;
      if (!isContention(error)) throw error;
      if (attempt === ATTEMPTS) {
        throw new Problem('in_flight', 'Another request is changing the same data at this moment.', [], {
          'retry-after': '1',
        });
      }
      await pause(2 ** attempt * (5 + Math.random() * 10));
    }
  }
}

function refusalOf(error: unknown): WriteRefused | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const reasons = error.CancellationReasons ?? [];
  const at = reasons.findIndex(({ Code }) => Code === 'ConditionalCheckFailed');
  if (at === -1) return undefined;
  const item = reasons[at]?.Item;
  return new WriteRefused(at, item && rowOf(unmarshall(item)));
}

function isContention(error: unknown): boolean {
  if (error instanceof TransactionInProgressException) return true;
  return (
    error instanceof TransactionCanceledException &&
    (error.CancellationReasons ?? []).some(({ Code }) => Code === 'TransactionConflict')
  );
}
