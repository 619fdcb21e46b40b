import type { FunctionName } from '#infra/service-function.ts';
import { ACCOUNT, type Policies, type PolicyDocument, REGION, type RolePolicies } from './role-policies.ts';
import { accessesOf, kindOf, requireUnderstood } from './row-access.ts';

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
}

// biome-ignore lint/suspicious/noExplicitAny: the inputs of any command
type Input = any;

/** What IAM answers to one who may not: the code of AWS, and no value of any key. */
function denied({ arn }: RolePolicies, what: string): Error {
  const error = new Error(`${arn.split('/').at(-1)} may not ${what}`);
  error.name = 'AccessDeniedException';
  return error;
}

/**
 * What STS takes for the value of a session tag (API reference of AssumeRole, `Tag`): no `*` and no `?`, so that no tag can
 * be a pattern where a policy's variable is filled in.
 */
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** A municipality's code, by itself, as the owner of a row, or behind the shelf of an object. */
const CODE = /^([TM]#|[a-z]+\/)?(\d{4})(?=[#/]|$)/;
/** The same in the ARN of an object, behind the shelf that it is on. */
const OWNER_OF_OBJECT = /(?<=^arn:aws:s3:::[^/]+\/[a-z]+\/)\d{4}(?=\/)/;

/** Throws where a policy names a municipality: all of them are to be the same to it. */
function requireImpartial({ Statement }: PolicyDocument): void {
  for (const { Condition = {} } of Statement) {
    const [named] = Object.values(Condition)
      .flatMap((each) => Object.values(each as object).flat() as string[])
      .filter((value) => /(?<!\d)\d{4}(?!\d)/.test(value));
    if (named !== undefined) throw new Error(`The pattern ${named} names a municipality`);
  }
}

/**
 * The question with its municipalities numbered in the order in which they come, the session's own first. Since no policy
 * names any, only which of them are the same matters, and one answer serves all municipalities.
 */
function impartial({ function: name, municipality }: Principal, { action, resource, context = {} }: IamRequest) {
  const numbers = new Map<string, string>();
  const numbered = (text: string): string =>
    text.replace(CODE, (_, owner: string | undefined, code: string) => {
      const number = numbers.get(code) ?? String(numbers.size).padStart(4, '0');
      numbers.set(code, number);
      return `${owner ?? ''}${number}`;
    });
  const principal: Principal = { function: name, municipality: municipality && numbered(municipality) };
  const told = Object.entries(context).map(([key, value]) => [
    key,
    typeof value === 'string' ? numbered(value) : value.map(numbered),
  ]);
  return {
    principal,
    request: {
      action,
      resource: resource.replace(OWNER_OF_OBJECT, numbered),
      context: Object.fromEntries(told) as Record<string, string | string[]>,
    },
  };
}

/** The policy of a key for which none is written: whoever the account's own policies allow. */
const DEFAULT_KEY_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

/**
 * The library knows no condition key whose own name ends after a colon, as `kms:EncryptionContext:<name>` does: for the
 * actions that take one it gets it under a name of the kind that it knows.
 */
function withEncryptionContext<T>(action: string, said: T): T {
  if (!/^kms:(Decrypt|Encrypt|GenerateDataKey|ReEncrypt)/.test(action)) return said;
  return JSON.parse(
    JSON.stringify(said).replaceAll('"kms:EncryptionContext:', '"aws:RequestTag/kms:EncryptionContext:'),
  );
}

/** What a service does with the key of what it keeps, in the name of whoever calls it. */
const KEY_ACTIONS = {
  dynamodb: ['kms:Decrypt'],
  sqs: ['kms:GenerateDataKey', 'kms:Decrypt'],
  s3: ['kms:GenerateDataKey', 'kms:Decrypt'],
} as const;

/** Answers what IAM would, by the policies of the roles. Each answer is remembered: a suite asks the same a thousand times. */
export function policiesOf({ roles, arns, encryptedBy, keyPolicies }: Policies) {
  for (const { identity } of Object.values(roles)) {
    requireUnderstood(identity);
    requireImpartial(identity);
  }
  const tables = Object.entries(arns).filter(([, arn]) => arn.includes(':table/'));
  const tableNamed = (wanted: string): string => {
    const found = tables.find(([id]) => id.slice(0, -8) === wanted);
    if (!found || tables.length > 2) throw new Error(`There is no table ${wanted}, or more than two`);
    return found[1];
  };
  const arnOfTable = (name: string | undefined): string => tableNamed(name?.endsWith('-keys') ? 'keys' : 'table');
  const decisions = new Map<string, Promise<boolean>>();

  function roleOf({ function: name, municipality }: Principal): RolePolicies {
    const id = `${name}${municipality === undefined ? '' : '-tenant'}-role`.replaceAll('-', '');
    const role = roles[id];
    if (!role) throw new Error(`There is no role ${id}`);
    return role;
  }

  /** The resource's own policy: of a key, who may use it; of a role, who may assume it. */
  function resourcePolicyOf(resource: string): PolicyDocument | undefined {
    if (resource.includes(':key/')) return keyPolicies[resource] ?? DEFAULT_KEY_POLICY;
    return Object.values(roles).find(({ arn }) => arn === resource)?.trust;
  }

  async function simulate(principal: Principal, request: ReturnType<typeof impartial>['request']): Promise<boolean> {
    const { runSimulation } = await import('@cloud-copilot/iam-simulate');
    const { arn, identity } = roleOf(principal);
    const { municipality } = principal;
    const { action, resource, context } = request;
    const answer = await runSimulation(
      {
        request: {
          principal: `${arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/session`,
          action,
          resource: { resource, accountId: ACCOUNT },
          contextVariables: {
            'aws:PrincipalArn': arn,
            ...(municipality !== undefined && { 'aws:PrincipalTag/municipality': municipality }),
            ...withEncryptionContext(action, context),
          },
        },
        identityPolicies: [{ name: 'identity', policy: withEncryptionContext(action, identity) }],
        resourcePolicy: resourcePolicyOf(resource),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    if (answer.resultType === 'error') throw new Error(`IAM does not understand: ${JSON.stringify(answer.errors)}`);
    return answer.overallResult === 'Allowed';
  }

  /** Whether the principal may do it. Throws where the request or a policy makes no sense to IAM. */
  function decide(by: Principal, asked: IamRequest): Promise<boolean> {
    // A trust policy does name the municipalities.
    const told = { ...asked, context: asked.context as Record<string, string | string[]> };
    const { principal, request } = asked.action.startsWith('sts:')
      ? { principal: by, request: told }
      : impartial(by, asked);
    const question = JSON.stringify([principal, request]);
    const known = decisions.get(question);
    if (known !== undefined) return known;
    const decision = simulate(principal, request);
    decisions.set(question, decision);
    return decision;
  }

  /** Throws an `AccessDeniedException` unless the principal may do it. */
  async function requireCall(principal: Principal, request: IamRequest): Promise<void> {
    if (!(await decide(principal, request))) throw denied(roleOf(principal), request.action);
    await requireKey(principal, request.resource);
  }

  /** A call needs the key of what it is about besides, used through the service that keeps it. */
  async function requireKey(principal: Principal, arn: string): Promise<void> {
    // An object is encrypted as its bucket says.
    const key = encryptedBy[arn.split('/')[0] as string] ?? encryptedBy[arn];
    if (key === undefined) return;
    const service = arn.split(':')[2] as keyof typeof KEY_ACTIONS;
    const context = { 'kms:ViaService': `${service}.${REGION}.amazonaws.com` };
    for (const action of KEY_ACTIONS[service]) await requireCall(principal, { action, resource: key, context });
  }

  return {
    decide,
    requireCall,
    /** The ARN of what CDK knows by this name. */
    arnOf(name: string): string {
      const found = Object.entries(arns).find(([id]) => id.slice(0, -8) === name);
      if (!found) throw new Error(`Nothing is named ${name}`);
      return found[1];
    },

    /** Throws an `AccessDeniedException` unless the principal may send this DynamoDB command. */
    async requireAllowed(by: Principal, command: string, input: Input): Promise<void> {
      const enclosing = command.startsWith('Transact') && { 'dynamodb:EnclosingOperation': command };
      for (const { action, table, index, keys } of accessesOf(command, input)) {
        const tableArn = arnOfTable(table);
        const kinds = [...new Set(keys.map(kindOf))].sort();
        const resource = index === undefined ? tableArn : `${tableArn}/index/${index}`;
        // A request without a key has no such context key at all.
        const context = { ...(kinds.length > 0 && { 'dynamodb:LeadingKeys': kinds }), ...enclosing };
        if (!(await decide(by, { action: `dynamodb:${action}`, resource, context }))) {
          const rows = [...new Set(kinds.map((kind) => kind.replace(/^([TM])#[^#]*/, '$1#…')))];
          const where = index === undefined ? '' : ` in the index ${index}`;
          throw denied(roleOf(by), `${action} ${rows.join(', ') || 'without a key'}${where}`);
        }
        await requireKey(by, tableArn);
      }
    },

    /** Throws an `AccessDeniedException` unless the function may open a session of its tenant role with these tags. */
    async requireSession(name: FunctionName, tags: Readonly<Record<string, string>>): Promise<void> {
      const { arn } = roleOf({ function: name, municipality: '' });
      if (!Object.values(tags).every((value) => TAG_VALUE.test(value)))
        throw denied(roleOf({ function: name }), 'sts:TagSession');
      const context = {
        'aws:TagKeys': Object.keys(tags),
        ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
      };
      for (const action of ['sts:AssumeRole', 'sts:TagSession']) {
        await requireCall({ function: name }, { action, resource: arn, context });
      }
    },
  };
}
