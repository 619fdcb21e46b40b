import { Aws } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { FunctionName } from './service-function.ts';

/**
 * Who may touch which rows, and how: the one place where access to the table is given. A row's owner stands in its
 * partition key (shared/table/keys.ts), and so does that of an index entry, so DynamoDB's condition key
 * `dynamodb:LeadingKeys` limits every statement to the rows it is for.
 */
interface Access {
  readonly sid: string;
  readonly actions: readonly (keyof typeof ACTIONS)[];
  /** Patterns of partition keys, `*` standing for anything. */
  readonly rows: readonly string[];
  /** Indexes in which it may be done besides the table itself. */
  readonly indexes?: readonly string[];
}

/** A transaction needs the permission of each write in it, and no other; Scan and PartiQL appear nowhere. */
const ACTIONS = {
  get: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'],
  query: ['dynamodb:Query'],
  put: ['dynamodb:PutItem'],
  delete: ['dynamodb:DeleteItem'],
  write: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
} as const;

const TENANT_ROWS = ['T#*'];
const MUNICIPALITIES = ['M#*'];
const CLIENTS = ['C#*'];
const PROGRAMMES = ['F#*'];
const CONTROL_ROWS = [...MUNICIPALITIES, 'P#*', ...CLIENTS, ...PROGRAMMES];
const CONTROL_LISTS = ['MUNICIPALITIES', 'PARTNERS', 'PROGRAMMES', 'CLIENTS#*'];
/** The events inside any municipality: what provisioning one leaves in its outbox. */
const TENANT_EVENTS = ['T#*#E#*'];
/** The operator's programmes inside any municipality, each as that municipality sees it. */
const TENANT_PROGRAMMES = ['T#*#P#*'];

/** What a change of a record writes: the record, its event, its locks and ledgers. */
const RECORD_ROWS = ['R', 'E', 'K', 'B'].map((kind) => `T#*#${kind}#*`);

const ACCESS: Readonly<Record<Exclude<FunctionName, 'public-api'>, readonly Access[]>> = {
  'tenant-api': [
    {
      sid: 'ReadRecord',
      actions: ['get', 'query'],
      rows: TENANT_ROWS,
      indexes: ['list', 'about', 'filter1', 'filter2', 'filter3', 'changed', 'case'],
    },
    { sid: 'WriteRecord', actions: ['write'], rows: TENANT_ROWS },
    { sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS] },
  ],
  'admin-api': [
    { sid: 'ReadControl', actions: ['get', 'query'], rows: CONTROL_ROWS },
    { sid: 'ListControl', actions: ['query'], rows: CONTROL_LISTS, indexes: ['list'] },
    { sid: 'WriteControl', actions: ['write'], rows: CONTROL_ROWS },
    // With the control rows again: a transaction's puts are allowed by one statement.
    { sid: 'Provision', actions: ['put'], rows: [...CONTROL_ROWS, ...TENANT_EVENTS] },
    { sid: 'ShareProgrammes', actions: ['put', 'delete'], rows: [...PROGRAMMES, ...TENANT_PROGRAMMES] },
  ],
  inbox: [
    // The municipality beside its connection: what proves a message is read in one request.
    { sid: 'ReadRecord', actions: ['get'], rows: [...TENANT_ROWS, ...MUNICIPALITIES] },
    { sid: 'FindRecords', actions: ['query'], rows: ['T#*#R#*', 'T#*#CASE#*'], indexes: ['case'] },
    { sid: 'ChangeRecord', actions: ['write'], rows: RECORD_ROWS },
  ],
  relay: [
    { sid: 'ReadRecord', actions: ['get'], rows: TENANT_ROWS },
    { sid: 'WriteRecord', actions: ['write'], rows: TENANT_ROWS },
    { sid: 'ReadMunicipality', actions: ['get'], rows: MUNICIPALITIES },
  ],
  deliver: [
    { sid: 'ReadRecord', actions: ['get'], rows: TENANT_ROWS },
    { sid: 'WriteRecord', actions: ['write'], rows: TENANT_ROWS },
    { sid: 'ReadMunicipality', actions: ['get'], rows: MUNICIPALITIES },
  ],
  clock: [
    { sid: 'ReadRecord', actions: ['get', 'query'], rows: TENANT_ROWS, indexes: ['due', 'case'] },
    { sid: 'WriteRecord', actions: ['write'], rows: TENANT_ROWS },
    { sid: 'ReadMunicipality', actions: ['get'], rows: MUNICIPALITIES },
    { sid: 'ListMunicipalities', actions: ['query'], rows: ['MUNICIPALITIES'], indexes: ['list'] },
  ],
};

/** Gives a function its rows of the table, as {@link ACCESS} says, and the use of the table's key for them. */
export function grantTableAccess(grantee: IGrantable, table: Table, name: keyof typeof ACCESS): void {
  for (const access of ACCESS[name]) grantee.grantPrincipal.addToPrincipalPolicy(statementOf(access, table));
  if (table.encryptionKey) grantKeyUse(grantee, table.encryptionKey, 'dynamodb');
}

function statementOf({ sid, actions, rows, indexes = [] }: Access, table: Table): PolicyStatement {
  return new PolicyStatement({
    sid,
    actions: actions.flatMap((action) => ACTIONS[action]),
    resources: [table.tableArn, ...indexes.map((index) => `${table.tableArn}/index/${index}`)],
    conditions: {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': rows },
      // ForAllValues holds for a request that names no key at all: refuse that one.
      Null: { 'dynamodb:LeadingKeys': 'false' },
    },
  });
}

/** Lets a role use the customer-managed key through one service, and only through it. */
export function grantKeyUse(grantee: IGrantable, key: IKey, service: 'dynamodb' | 'sqs'): void {
  const actions = {
    dynamodb: [
      'kms:DescribeKey',
      'kms:Decrypt',
      'kms:Encrypt',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
      'kms:GenerateDataKey',
      'kms:GenerateDataKeyWithoutPlaintext',
    ],
    sqs: ['kms:Decrypt', 'kms:GenerateDataKey'],
  } as const;
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      sid: service === 'dynamodb' ? 'UseKeyForTable' : 'UseKeyForQueues',
      actions: [...actions[service]],
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.amazonaws.com` } },
    }),
  );
}
