import { appOf } from '../infra/templates.ts';

/** An IAM policy document, its references resolved. */
export interface PolicyDocument {
  readonly Version: string;
  // biome-ignore lint/suspicious/noExplicitAny: IAM's own shape, as wide as IAM
  readonly Statement: readonly any[];
}

/** A role as it is deployed. */
export interface RolePolicies {
  readonly arn: string;
  /** What its sessions may do. */
  readonly identity: PolicyDocument;
  /** Who may assume it. */
  readonly trust: PolicyDocument;
}

/** Everything that IAM decides by. */
export interface Policies {
  /** By the name under which the construct was made, without hyphens: `relayrole`, `relaytenantrole`. */
  readonly roles: Readonly<Record<string, RolePolicies>>;
  /** ARNs by logical id: what a statement's resource stands for. */
  readonly arns: Readonly<Record<string, string>>;
  /** What encrypts a table, a queue or a bucket: ARN of the key by ARN of what it encrypts. */
  readonly encryptedBy: Readonly<Record<string, string>>;
  /** The policies of keys, by ARN. */
  readonly keyPolicies: Readonly<Record<string, PolicyDocument>>;
}

/** Where a queue, a table, a bucket and a key say what encrypts, and who may use it. */
interface Encryption {
  readonly KmsMasterKeyId?: unknown;
  readonly SSESpecification?: { readonly KMSMasterKeyId?: unknown };
  readonly BucketEncryption?: {
    readonly ServerSideEncryptionConfiguration: readonly {
      readonly ServerSideEncryptionByDefault: { readonly KMSMasterKeyID?: unknown };
    }[];
  };
  readonly KeyPolicy?: unknown;
}

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: unknown }>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: string } }>>;
}

export const ACCOUNT = '111122223333';
export const REGION = 'eu-central-1';
const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': REGION,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::NoValue': '',
};

/** The ARN of a resource, by its type and logical id. */
const ARNS: Readonly<Record<string, (id: string, stack: string) => string>> = {
  'AWS::DynamoDB::Table': (id) => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${id}`,
  'AWS::KMS::Key': (id) => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${id}`,
  'AWS::SQS::Queue': (id) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${id}`,
  'AWS::S3::Bucket': (id) => `arn:aws:s3:::${id.toLowerCase()}`,
  // CloudFormation begins the name of a role with that of its stack.
  'AWS::IAM::Role': (id, stack) => `arn:aws:iam::${ACCOUNT}:role/${stack}-${id}`,
  'AWS::Cognito::UserPool': (id) => `arn:aws:cognito-idp:${REGION}:${ACCOUNT}:userpool/${id}`,
  'AWS::Logs::LogGroup': (id) => `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${id}:*`,
  'AWS::Lambda::Function': (id) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${id}`,
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The one member of an intrinsic function, such as `{Ref: …}`. */
function intrinsicIn(value: unknown): readonly [name: string, argument: unknown] | undefined {
  const [only, ...others] = isMap(value) ? Object.entries(value) : [];
  return only && others.length === 0 && (only[0] === 'Ref' || only[0].startsWith('Fn::')) ? only : undefined;
}

/** Gives a function that puts fixed ARNs for the references in a stack's template. Throws at one that it does not know. */
function resolver(templates: Readonly<Record<string, Template>>) {
  const exported = new Map(
    Object.entries(templates).flatMap(([stack, { Outputs = {} }]) =>
      Object.values(Outputs).flatMap(({ Value, Export }) => (Export ? [[Export.Name, { stack, Value }] as const] : [])),
    ),
  );
  return function resolve(stack: string, value: unknown): unknown {
    const intrinsic = intrinsicIn(value);
    if (!intrinsic) {
      if (Array.isArray(value)) return value.map((each) => resolve(stack, each));
      if (!isMap(value)) return value;
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(stack, each)]));
    }
    const [name, argument] = intrinsic;
    const typeOf = (id: string): string => templates[stack]?.Resources[id]?.Type ?? '';
    if (name === 'Ref') return PSEUDO[argument as string] ?? argument;
    if (name === 'Fn::Join') {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => resolve(stack, part)).join(separator);
    }
    if (name === 'Fn::Sub' && typeof argument === 'string') {
      return argument.replaceAll(/\$\{([\w:]+)\}/g, (_, id: string) => PSEUDO[id] ?? id);
    }
    if (name === 'Fn::ImportValue') {
      const found = exported.get(argument as string);
      if (found) return resolve(found.stack, found.Value);
    }
    if (name === 'Fn::GetAtt') {
      const [id, attribute] = argument as [string, string];
      const arn = ARNS[typeOf(id)]?.(id, stack);
      if (arn !== undefined && attribute === 'Arn') return arn;
      if (arn !== undefined && attribute === 'StreamArn') return `${arn}/stream/1`;
    }
    throw new Error(`It is not known what ${JSON.stringify(value)} in ${stack} stands for`);
  };
}

const documentOf = (statements: readonly unknown[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: statements,
});

/**
 * The roles of the functions as CDK synthesises them for `prod`, as plain data: what each may do, who may assume it.
 * The logical id of a role starts with its construct's id without hyphens, and ends with a hash of eight digits.
 */
export function synthesisedPolicies(): Policies {
  const { stacks } = appOf('prod').synth();
  const templates: Record<string, Template> = Object.fromEntries(
    stacks.map(({ stackName, template }) => [stackName, template]),
  );
  const resolve = resolver(templates);
  const arns: Record<string, string> = {};
  const roles: Record<string, RolePolicies> = {};
  const encryptedBy: Record<string, string> = {};
  const keyPolicies: Record<string, PolicyDocument> = {};
  for (const [stack, { Resources }] of Object.entries(templates)) {
    const ofType = (type: string) => Object.entries(Resources).filter(([, { Type }]) => Type === type);
    for (const [id, { Type, Properties }] of Object.entries(Resources)) {
      const arn = ARNS[Type]?.(id, stack);
      if (arn === undefined) continue;
      arns[id] = arn;
      const { KmsMasterKeyId, SSESpecification, BucketEncryption, KeyPolicy } = (Properties ?? {}) as Encryption;
      const [objects] = BucketEncryption?.ServerSideEncryptionConfiguration ?? [];
      const ofObjects = objects?.ServerSideEncryptionByDefault.KMSMasterKeyID;
      const key = KmsMasterKeyId ?? SSESpecification?.KMSMasterKeyId ?? ofObjects;
      if (key !== undefined) encryptedBy[arn] = resolve(stack, key) as string;
      if (KeyPolicy !== undefined) keyPolicies[arn] = resolve(stack, KeyPolicy) as PolicyDocument;
    }
    const attached = ofType('AWS::IAM::Policy').map(
      ([, { Properties }]) =>
        resolve(stack, Properties) as { readonly Roles: readonly string[]; readonly PolicyDocument: PolicyDocument },
    );
    for (const [id, { Properties }] of ofType('AWS::IAM::Role')) {
      const { AssumeRolePolicyDocument: trust, Policies: inline = [] } = resolve(stack, Properties) as {
        readonly AssumeRolePolicyDocument: PolicyDocument;
        readonly Policies?: readonly { readonly PolicyDocument: PolicyDocument }[];
      };
      const documents = [...inline, ...attached.filter(({ Roles }) => Roles.includes(id))];
      roles[id.slice(0, -8)] = {
        arn: arns[id] as string,
        identity: documentOf(documents.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)),
        trust,
      };
    }
  }
  return { roles, arns, encryptedBy, keyPolicies };
}
