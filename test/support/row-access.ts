import type { PolicyDocument } from './role-policies.ts';

/** What a DynamoDB request does to the table or to one of its indexes, with the partition keys that it names. */
export interface RowAccess {
  readonly action: string;
  /** The table's name. */
  readonly table?: string | undefined;
  readonly index?: string | undefined;
  readonly keys: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: the inputs of any command
type Input = any;

/** The kinds of a transaction's operations, as its input and as IAM names them. */
const IN_TRANSACTION = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
} as const;

const pkOf = ({ Item, Key }: Input): string => (Item ?? Key).pk as string;

/** The partition keys of the conditions that a Query puts on one: `name = :value`, joined by AND. */
function partitionsOf({
  IndexName,
  KeyConditionExpression,
  ExpressionAttributeNames,
  ExpressionAttributeValues,
}: Input) {
  const partitionKey = IndexName === undefined ? 'pk' : `${IndexName}Pk`;
  return (KeyConditionExpression as string).split(/\bAND\b/i).flatMap((term) => {
    const [, name = '', value = ''] = /^[\s(]*([#\w]+)\s*=\s*(:\w+)[\s)]*$/.exec(term) ?? [];
    return (ExpressionAttributeNames?.[name] ?? name) === partitionKey
      ? [ExpressionAttributeValues[value] as string]
      : [];
  });
}

/**
 * What IAM is asked about a DynamoDB request. A batch is one action on all its keys; a transaction asks for each of the
 * actions in it, each with all keys of its kind. Scan and PartiQL name no key.
 */
export function accessesOf(command: string, input: Input): readonly RowAccess[] {
  switch (command) {
    case 'GetItem':
    case 'PutItem':
    case 'UpdateItem':
    case 'DeleteItem':
      return [{ action: command, table: input.TableName, keys: [pkOf(input)] }];
    case 'Query':
      return [{ action: command, table: input.TableName, index: input.IndexName, keys: partitionsOf(input) }];
    case 'BatchGetItem':
      return Object.entries<Input>(input.RequestItems).map(([table, { Keys }]) => ({
        action: command,
        table,
        keys: Keys.map((Key: Input) => pkOf({ Key })),
      }));
    case 'BatchWriteItem':
      return Object.entries<Input>(input.RequestItems).map(([table, each]) => ({
        action: command,
        table,
        keys: each.map(({ PutRequest, DeleteRequest }: Input) => pkOf(PutRequest ?? DeleteRequest)),
      }));
    case 'TransactGetItems':
      return [{ action: 'GetItem', keys: input.TransactItems.map(({ Get }: Input) => pkOf(Get)) }];
    case 'TransactWriteItems':
      return Object.entries(IN_TRANSACTION).flatMap(([kind, action]) => {
        const operations = input.TransactItems.flatMap((each: Input) => each[kind] ?? []);
        const tables = new Set<string>(operations.map(({ TableName }: Input) => TableName));
        return [...tables].map((table) => ({
          action,
          table,
          keys: operations.filter(({ TableName }: Input) => TableName === table).map(pkOf),
        }));
      });
    case 'ExecuteStatement':
    case 'BatchExecuteStatement':
    case 'ExecuteTransaction':
      return ['Select', 'Insert', 'Update', 'Delete'].map((verb) => ({ action: `PartiQL${verb}`, keys: [] }));
    default:
      return [{ action: command, index: input.IndexName, keys: [] }];
  }
}

/**
 * A partition key up to its kind: `T#0630#R#` for a record. Two keys of one kind in one municipality are one question to
 * IAM, so that thousands of calls are some dozens of them; {@link requireUnderstood} makes sure that no pattern looks further.
 */
export function kindOf(key: string): string {
  const segments = key.split('#');
  const told = depthOf(segments[0]);
  return segments.length > told ? `${segments.slice(0, told).join('#')}#` : key;
}
const depthOf = (owner: string | undefined): number => (owner === 'T' || owner === 'M' ? 3 : 1);

/** The keys of conditions that a decision about rows may hang on: another would have to be told to IAM here. */
const UNDERSTOOD = new Set(['dynamodb:LeadingKeys', 'dynamodb:EnclosingOperation', 'aws:PrincipalTag/municipality']);

/** Throws where a statement about rows looks at more than {@link kindOf} leaves of a key, or at what is not told. */
export function requireUnderstood({ Statement }: PolicyDocument): void {
  for (const { Action, Condition = {} } of Statement) {
    if (![Action].flat().some((action) => /^(\*|dynamodb:)/.test(action))) continue;
    for (const [key, patterns] of Object.values(Condition).flatMap((each) => Object.entries(each as object))) {
      if (!UNDERSTOOD.has(key)) throw new Error(`The tests do not tell IAM ${key}`);
      if (key !== 'dynamodb:LeadingKeys') continue;
      for (const pattern of [patterns].flat() as string[]) {
        const segments = pattern.split('#');
        const told = depthOf(segments[0]);
        if (segments.length > told + 1 || (segments.length > told && segments.at(-1) !== '*')) {
          throw new Error(`The pattern ${pattern} looks beyond the kind of a row`);
        }
      }
    }
  }
}
