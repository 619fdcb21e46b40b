import type { FunctionName } from '#infra/service-function.ts';
import { ACCOUNT, type Policies, type PolicyDocument, REGION, type RolePolicies } from './role-policies.ts';
import { ANY, accessesOf, CODE, kindOf, renamed, requireUnderstood } from './row-access.ts';

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

/** The policy of a key for which none is written: whoever the account's own policies allow. */
const DEFAULT_KEY_POLICY: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

/** What a service does with the key of what it keeps, in the name of whoever calls it. */
const KEY_ACTIONS = { dynamodb: ['kms:Decrypt'], sqs: ['kms:GenerateDataKey', 'kms:Decrypt'] } as const;

/** Answers what IAM would, by the policies of the roles. Each answer is remembered: a suite asks the same a thousand times. */
export function policiesOf({ roles, arns, encryptedBy, keyPolicies }: Policies) {
  for (const { identity } of Object.values(roles)) requireUnderstood(identity);
  const [tableArn = '', ...otherTables] = Object.values(arns).filter((arn) => arn.includes(':table/'));
  if (tableArn === '' || otherTables.length > 0) throw new Error('There is not one table');
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

  async function simulate(principal: Principal, request: IamRequest): Promise<boolean> {
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
          contextVariables: listed({
            ...(municipality !== undefined && { 'aws:PrincipalTag/municipality': municipality }),
            ...context,
          }),
        },
        identityPolicies: [{ name: 'identity', policy: identity }],
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
  function decide(principal: Principal, request: IamRequest): Promise<boolean> {
    const { action, resource, context } = request;
    const question = JSON.stringify([principal.function, principal.municipality, action, resource, context]);
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
    const key = encryptedBy[arn];
    if (key === undefined) return;
    const service = arn.split(':')[2] as keyof typeof KEY_ACTIONS;
    const context = { 'kms:ViaService': `${service}.${REGION}.amazonaws.com` };
    for (const action of KEY_ACTIONS[service]) await requireCall(principal, { action, resource: key, context });
  }

  /** The principal and what it does to rows, with no municipality named. */
  function unnamed({ function: name, municipality }: Principal, keys: readonly string[]) {
    const rename = renamed(municipality);
    return {
      principal: { function: name, municipality: CODE.test(municipality ?? '') ? ANY : municipality },
      kinds: [...new Set(keys.map((key) => rename(kindOf(key))))].sort(),
    };
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
      for (const { action, index, keys } of accessesOf(command, input)) {
        const { principal, kinds } = unnamed(by, keys);
        const resource = index === undefined ? tableArn : `${tableArn}/index/${index}`;
        // A request without a key has no such context key at all.
        const context = { ...(kinds.length > 0 && { 'dynamodb:LeadingKeys': kinds }), ...enclosing };
        if (!(await decide(principal, { action: `dynamodb:${action}`, resource, context }))) {
          const rows = [...new Set(keys.map((key) => kindOf(key).replace(/^([TM])#[^#]*/, '$1#…')))];
          const where = index === undefined ? '' : ` in the index ${index}`;
          throw denied(roleOf(by), `${action} ${rows.join(', ') || 'without a key'}${where}`);
        }
        await requireKey(principal, tableArn);
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
