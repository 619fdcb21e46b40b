import type { FunctionName } from '#infra/service-function.ts';
import { ACCOUNT, type Policies, type PolicyDocument, type RolePolicies } from './role-policies.ts';

/** Who makes a call: a function under its own role or, with a municipality, under its tenant role's session for that one. */
export interface Principal {
  readonly function: FunctionName;
  readonly municipality?: string | undefined;
}

/** One thing that somebody wants to do, in the words of IAM. */
export interface IamRequest {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** The policy of the resource, where it has one: a role's trust policy, a key's policy. */
  readonly resourcePolicy?: PolicyDocument;
}

/** What a DynamoDB request does to the table or to one of its indexes, with the partition keys that it names. */
export interface RowAccess {
  readonly action: string;
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
      return [{ action: command, keys: [pkOf(input)] }];
    case 'Query':
      return [{ action: command, index: input.IndexName, keys: partitionsOf(input) }];
    case 'BatchGetItem':
      return [
        {
          action: command,
          keys: Object.values<Input>(input.RequestItems).flatMap(({ Keys }) => Keys.map((Key: Input) => pkOf({ Key }))),
        },
      ];
    case 'BatchWriteItem':
      return [
        {
          action: command,
          keys: Object.values<Input>(input.RequestItems).flatMap((each) =>
            each.map(({ PutRequest, DeleteRequest }: Input) => pkOf(PutRequest ?? DeleteRequest)),
          ),
        },
      ];
    case 'TransactGetItems':
      return [{ action: 'GetItem', keys: input.TransactItems.map(({ Get }: Input) => pkOf(Get)) }];
    case 'TransactWriteItems':
      return Object.entries(IN_TRANSACTION).flatMap(([kind, action]) => {
        const keys = input.TransactItems.flatMap((each: Input) => (each[kind] ? [pkOf(each[kind])] : []));
        return keys.length > 0 ? [{ action, keys }] : [];
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
 * IAM, so that thousands of calls are some dozens of them; {@link policiesOf} makes sure that no pattern looks further.
 */
function kindOf(key: string): string {
  const segments = key.split('#');
  const told = depthOf(segments[0]);
  return segments.length > told ? `${segments.slice(0, told).join('#')}#` : key;
}
const depthOf = (owner: string | undefined): number => (owner === 'T' || owner === 'M' ? 3 : 1);

/** The keys of conditions that a decision about rows may hang on: another would have to be told to IAM here. */
const UNDERSTOOD = new Set(['dynamodb:LeadingKeys', 'dynamodb:EnclosingOperation', 'aws:PrincipalTag/municipality']);

/** Throws where a statement about rows looks at more than {@link kindOf} leaves of a key, or at what is not told. */
function requireUnderstood({ Statement }: PolicyDocument): void {
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

/** What IAM answers to one who may not: the code of AWS, and no value of any key. */
function denied({ arn }: RolePolicies, what: string): Error {
  const error = new Error(`${arn.split('/').at(-1)} may not ${what}`);
  error.name = 'AccessDeniedException';
  return error;
}

/** Keys of conditions that have a list of values. */
const listed = (context: NonNullable<IamRequest['context']>): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(context).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );

/**
 * What STS takes for the value of a session tag (API reference of AssumeRole, `Tag`): no `*` and no `?`, so that no tag can
 * be a pattern where a policy's variable is filled in.
 */
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** Answers what IAM would, by the policies of the roles. */
export function policiesOf({ roles, arns }: Policies) {
  for (const { identity } of Object.values(roles)) requireUnderstood(identity);
  const [tableArn, ...otherTables] = Object.values(arns).filter((arn) => arn.includes(':table/'));
  if (tableArn === undefined || otherTables.length > 0) throw new Error('There is not one table');
  const decisions = new Map<string, Promise<boolean>>();

  function roleOf({ function: name, municipality }: Principal): RolePolicies {
    const id = `${name}${municipality === undefined ? '' : '-tenant'}-role`.replaceAll('-', '');
    const role = roles[id];
    if (!role) throw new Error(`There is no role ${id}`);
    return role;
  }

  /** Whether the principal may do it. Throws where the request or a policy makes no sense to IAM. */
  async function decide(principal: Principal, request: IamRequest): Promise<boolean> {
    const { runSimulation } = await import('@cloud-copilot/iam-simulate');
    const { arn, identity } = roleOf(principal);
    const { municipality } = principal;
    const answer = await runSimulation(
      {
        request: {
          principal: arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/').concat('/session'),
          action: request.action,
          resource: { resource: request.resource, accountId: ACCOUNT },
          contextVariables: listed({
            ...(municipality !== undefined && { 'aws:PrincipalTag/municipality': municipality }),
            ...request.context,
          }),
        },
        identityPolicies: [{ name: 'identity', policy: identity }],
        ...(request.resourcePolicy && { resourcePolicy: request.resourcePolicy }),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    if (answer.resultType === 'error') throw new Error(`IAM does not understand: ${JSON.stringify(answer.errors)}`);
    return answer.overallResult === 'Allowed';
  }

  /** Whether the principal may touch rows so. Remembered, since a suite asks the same a thousand times. */
  function decideRows(principal: Principal, { action, index, keys }: RowAccess, operation?: string): Promise<boolean> {
    const kinds = [...new Set(keys.map(kindOf))].sort();
    const question = JSON.stringify([principal.function, principal.municipality, action, index, operation, kinds]);
    const known = decisions.get(question);
    if (known !== undefined) return known;
    const decision = decide(principal, {
      action: `dynamodb:${action}`,
      resource: index === undefined ? (tableArn as string) : `${tableArn}/index/${index}`,
      context: {
        // A request without a key has no such context key at all.
        ...(kinds.length > 0 && { 'dynamodb:LeadingKeys': kinds }),
        ...(operation !== undefined && { 'dynamodb:EnclosingOperation': operation }),
      },
    });
    decisions.set(question, decision);
    return decision;
  }

  return {
    arns,
    decide,
    /** Throws an `AccessDeniedException` unless the principal may send this DynamoDB command. */
    async requireAllowed(principal: Principal, command: string, input: Input): Promise<void> {
      const operation = command.startsWith('Transact') ? command : undefined;
      for (const access of accessesOf(command, input)) {
        if (await decideRows(principal, access, operation)) continue;
        const at = access.index === undefined ? '' : ` in the index ${access.index}`;
        const kinds = [...new Set(access.keys.map((key) => kindOf(key).replace(/^([TM])#[^#]*/, '$1#…')))];
        throw denied(roleOf(principal), `${access.action} ${kinds.join(', ') || 'without a key'}${at}`);
      }
    },
    /** Whether a function may open a session of its tenant role with these tags. */
    async mayAssume(name: FunctionName, tags: Readonly<Record<string, string>>): Promise<boolean> {
      if (!Object.values(tags).every((value) => TAG_VALUE.test(value))) return false;
      const { arn, trust } = roleOf({ function: name, municipality: '' });
      const context = {
        'aws:TagKeys': Object.keys(tags),
        ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
      };
      const ask = (action: string) =>
        decide({ function: name }, { action, resource: arn, resourcePolicy: trust, context });
      return (await ask('sts:AssumeRole')) && (Object.keys(tags).length === 0 || (await ask('sts:TagSession')));
    },
  };
}
