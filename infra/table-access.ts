import { Aws, Duration, Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  ArnPrincipal,
  type IGrantable,
  type IRole,
  PolicyStatement,
  Role,
  SessionTagsPrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { allMunicipalities } from '#shared/register/register.ts';
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
  update: ['dynamodb:UpdateItem'],
  remove: ['dynamodb:DeleteItem'],
  check: ['dynamodb:ConditionCheckItem'],
  /** Deleting by batches: no action of IAM tells that from writing by batches. */
  erase: ['dynamodb:BatchWriteItem'],
  write: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'],
} as const;

/** The municipality that a session of a tenant role is tagged with: IAM puts it in when it looks at a request. */
export const HERE = '$' + '{aws:PrincipalTag/municipality}';
/** The municipality's rows. */
const TENANT_ROWS = [`T#${HERE}#*`];
const rows = (...kinds: readonly string[]): readonly string[] => kinds.map((kind) => `T#${HERE}#${kind}`);
/** The operator's programmes as the municipality sees them. */
const SHARES = `M#${HERE}#F`;
/** What its clients have leased of their quotas. */
const QUOTAS = `M#${HERE}#Q`;
/** Who has access to the municipality. */
const GRANTS = `M#${HERE}#G`;

/** Which of its clients hold grants:write. */
const HOLDERS = `M#${HERE}#H`;
/** What is kept of the municipality itself. */
const OWN_ROW = `M#${HERE}`;

/** All that is kept about a municipality outside of it. */
const BESIDE = [`M#${HERE}#*`];

const MUNICIPALITIES = ['M#*'];
const CLIENTS = ['C#*'];
/** When clients were last used. */
const USES = ['U#*'];
/** Keys that were made in KMS and are not known to be used yet. */
const MADE_KEYS = ['KEY#*'];
const CONTROL_ROWS = [...MUNICIPALITIES, 'P#*', ...CLIENTS, 'F#*', 'OPERATORS'];
const CONTROL_LISTS = ['MUNICIPALITIES', 'PARTNERS', 'PROGRAMMES', 'CLIENTS#*'];

/** What a function may do under its own role: never anything inside a municipality. */
const OWN_ACCESS: Readonly<Record<Exclude<FunctionName, 'public-api'>, readonly Access[]>> = {
  'tenant-api': [
    { sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS, ...USES] },
    { sid: 'NoteUse', actions: ['put'], rows: USES },
  ],
  'access-api': [
    { sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS, ...USES] },
    { sid: 'NoteUse', actions: ['put'], rows: USES },
    { sid: 'ListClients', actions: ['query'], rows: ['CLIENTS#*'], indexes: ['list'] },
    { sid: 'KeepClients', actions: ['put', 'update'], rows: CLIENTS },
  ],
  'archive-api': [
    { sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS, ...USES] },
    { sid: 'NoteUse', actions: ['put'], rows: USES },
  ],
  'admin-api': [
    { sid: 'ReadControl', actions: ['get', 'query'], rows: [...CONTROL_ROWS, ...USES] },
    { sid: 'ListControl', actions: ['query'], rows: CONTROL_LISTS, indexes: ['list'] },
    { sid: 'WriteControl', actions: ['write'], rows: CONTROL_ROWS },
    { sid: 'NoteKeys', actions: ['put'], rows: MADE_KEYS },
  ],
  inbox: [{ sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS] }],
  relay: [{ sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS] }],
  deliver: [{ sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS] }],
  clock: [
    { sid: 'ReadGrants', actions: ['get'], rows: [...MUNICIPALITIES, ...CLIENTS] },
    { sid: 'ListMunicipalities', actions: ['query'], rows: ['MUNICIPALITIES'], indexes: ['list'] },
  ],
  lifecycle: [
    { sid: 'ChangeMunicipality', actions: ['get', 'put'], rows: MUNICIPALITIES },
    { sid: 'ListMunicipalities', actions: ['query'], rows: ['MUNICIPALITIES', 'CLIENTS#*', 'KEYS'], indexes: ['list'] },
    { sid: 'EraseClients', actions: ['erase'], rows: [...CLIENTS, 'U#*', ...MADE_KEYS] },
    { sid: 'FindNotices', actions: ['query'], rows: ['M#*#N'] },
    { sid: 'FindUses', actions: ['get'], rows: ['U#*'] },
  ],
};

/** Kinds of rows that a function writes besides those of a change of the record, by their first segment. */
interface Besides {
  readonly puts?: readonly string[];
  readonly updates?: readonly string[];
  readonly removes?: readonly string[];
}

/**
 * What a change of the record writes: the record, its event, its locks and ledgers. An event and an entry of the access log
 * (`A#*`) are put once. No function removes them but lifecycle, when a municipality leaves; and only relay and clock, which
 * number events, and lifecycle may update one. IAM cannot say that a Put is conditional: `GET audit/verify` finds an event
 * or a row that was overwritten, and `GET access-log/verify` an entry.
 */
const changing = ({ puts = [], updates = [], removes = [] }: Besides = {}): readonly Access[] => [
  { sid: 'WriteRecord', actions: ['put'], rows: rows('R#*', 'E#*', 'K#*', 'B#*', ...puts) },
  { sid: 'RemoveFromRecord', actions: ['remove', 'check'], rows: rows('R#*', 'K#*', 'B#*', ...removes) },
  ...(updates.length > 0 ? [{ sid: 'UpdateRows', actions: ['update'] as const, rows: rows(...updates) }] : []),
];

/** The functions that work inside municipalities. */
export type TenantFunction = Exclude<FunctionName, 'public-api' | 'admin-api'>;

/** What a function may do under its tenant role, in a session for one municipality: with what is that one's alone. */
const TENANT_ACCESS: Readonly<Record<TenantFunction, readonly Access[]>> = {
  'tenant-api': [
    {
      sid: 'ReadRecord',
      actions: ['get', 'query'],
      rows: TENANT_ROWS,
      indexes: ['list', 'about', 'filter1', 'filter2', 'filter3', 'changed', 'case'],
    },
    // Entries of the access log; deliveries that are made due now, with their places in ordered lines, and the end of their
    // endpoint's rest.
    ...changing({ puts: ['A#*', 'D#*', 'Q#*'], updates: ['B#*', 'D#*', 'W#*'], removes: ['Q#*'] }),
    { sid: 'ReadProgrammes', actions: ['get', 'query'], rows: [SHARES], indexes: ['list'] },
    { sid: 'CountQuota', actions: ['update'], rows: [QUOTAS] },
  ],
  'access-api': [
    { sid: 'ReadGrants', actions: ['get', 'query'], rows: [GRANTS, HOLDERS] },
    // A grant and the event that tells of it are written in one transaction, by one statement.
    { sid: 'WriteGrants', actions: ['put'], rows: [GRANTS, HOLDERS, ...rows('E#*')] },
    { sid: 'EndGrants', actions: ['remove'], rows: [GRANTS] },
    { sid: 'ReadEvents', actions: ['get'], rows: rows('E#*') },
    // Its settings and its recovery stand on its own row.
    { sid: 'ChangeSettings', actions: ['get', 'update'], rows: [OWN_ROW] },
    { sid: 'CountQuota', actions: ['update'], rows: [QUOTAS] },
  ],
  'archive-api': [
    { sid: 'ReadErasures', actions: ['get'], rows: rows('R#*') },
    { sid: 'ListArchives', actions: ['query'], rows: rows('L#*'), indexes: ['filter3'] },
    // An erasure that says that its archive is deleted, with its event, and entries of the access log.
    { sid: 'NoteArchives', actions: ['put'], rows: rows('R#*', 'E#*', 'A#*') },
    { sid: 'CheckLedgers', actions: ['check'], rows: rows('B#*') },
    { sid: 'CountQuota', actions: ['update'], rows: [QUOTAS] },
  ],
  inbox: [
    { sid: 'ReadRecord', actions: ['get'], rows: TENANT_ROWS },
    { sid: 'ReadProgrammes', actions: ['get'], rows: [SHARES] },
    { sid: 'CountQuota', actions: ['update'], rows: [QUOTAS] },
    { sid: 'FindRecords', actions: ['query'], rows: rows('R#*', 'CASE#*', 'S#*'), indexes: ['case'] },
    // The tally of the messages that wait is moved by addition.
    ...changing({ updates: ['B#*'] }),
  ],
  relay: [
    { sid: 'ReadRecord', actions: ['get'], rows: TENANT_ROWS },
    { sid: 'WriteDeliveries', actions: ['put'], rows: rows('SEQUENCE', 'D#*', 'Q#*', 'W#*') },
    { sid: 'NumberEvents', actions: ['update'], rows: rows('E#*', 'D#*') },
  ],
  deliver: [
    { sid: 'ReadRecord', actions: ['get'], rows: TENANT_ROWS },
    // Deliveries and attempts, lines, and the health of endpoints, which are disabled where they fail too long.
    ...changing({ puts: ['D#*', 'Q#*', 'W#*'], updates: ['D#*', 'W#*'], removes: ['Q#*'] }),
  ],
  clock: [
    { sid: 'ReadRecord', actions: ['get', 'query'], rows: TENANT_ROWS, indexes: ['due', 'case', 'filter2'] },
    { sid: 'ReadAccessLog', actions: ['query'], rows: rows('ACCESS', 'LOG'), indexes: ['list'] },
    { sid: 'ReadProgrammes', actions: ['get'], rows: [SHARES] },
    // It links the access log, numbers events and applies messages that were left behind, and puts endpoints on the clock anew.
    ...changing({
      puts: ['SEQUENCE', 'LOG', 'D#*', 'Q#*', 'W#*'],
      updates: ['B#*', 'E#*', 'D#*', 'R#*'],
      removes: ['Q#*', 'W#*'],
    }),
  ],
  lifecycle: [
    {
      sid: 'ReadRecord',
      actions: ['get', 'query'],
      rows: TENANT_ROWS,
      indexes: ['list', 'due', 'about', 'filter1', 'filter2', 'filter3', 'changed'],
    },
    { sid: 'ReadBeside', actions: ['query'], rows: BESIDE, indexes: ['list'] },
    // What a handover shows is entered in the access log.
    ...changing({ puts: ['A#*', 'SEQUENCE', 'AUDIT'], updates: ['E#*', 'R#*'] }),
    { sid: 'EraseRecord', actions: ['erase'], rows: [...TENANT_ROWS, ...BESIDE] },
  ],
};

/**
 * What a function may do with the keys of persons under its tenant role. A key is made with the first value that is sealed
 * with it, by whoever writes that; it is dropped, or wrapped anew, by lifecycle alone. Archive-api reads those of archives
 * and makes none. Access-api, deliver and relay reach none.
 */
const PERSON_KEYS = rows('Y#*');
const MAKE_KEYS: readonly Access[] = [{ sid: 'MakePersonKeys', actions: ['get', 'put'], rows: PERSON_KEYS }];
const KEY_ACCESS: Readonly<Record<TenantFunction, readonly Access[]>> = {
  'tenant-api': MAKE_KEYS,
  'access-api': [],
  'archive-api': [{ sid: 'ReadPersonKeys', actions: ['get'], rows: PERSON_KEYS }],
  inbox: MAKE_KEYS,
  relay: [],
  deliver: [],
  clock: MAKE_KEYS,
  lifecycle: [{ sid: 'EndPersonKeys', actions: ['get', 'query', 'put', 'erase'], rows: PERSON_KEYS }],
};

/** Gives a function's own role its rows of the table, and the use of the table's key for them. */
export function grantTableAccess(grantee: IGrantable, table: Table, name: keyof typeof OWN_ACCESS): void {
  grantAccess(grantee, table, OWN_ACCESS[name]);
}

function grantAccess(grantee: IGrantable, table: Table, accesses: readonly Access[]): void {
  for (const access of accesses) grantee.grantPrincipal.addToPrincipalPolicy(statementOf(access, table));
  if (table.encryptionKey) grantKeyUse(grantee, table.encryptionKey, 'dynamodb');
}

/**
 * Makes the role that a function takes inside one municipality at a time. Only that function may take it, only with the
 * code of a municipality as the session's one tag; and what the role may do depends on the tag.
 */
export function tenantRole(
  scope: Construct,
  { table, keys }: { readonly table: Table; readonly keys: Table },
  name: TenantFunction,
  own: Role,
): Role {
  const taggedWithMunicipality = {
    StringEquals: { 'aws:RequestTag/municipality': allMunicipalities().map(({ code }) => code) },
    'ForAllValues:StringEquals': { 'aws:TagKeys': ['municipality'] },
  };
  const role = new Role(scope, `${name}-tenant-role`, {
    assumedBy: new SessionTagsPrincipal(new ArnPrincipal(own.roleArn)).withConditions(taggedWithMunicipality),
    maxSessionDuration: Duration.hours(1),
  });
  own.addToPolicy(
    new PolicyStatement({
      sid: 'EnterMunicipality',
      actions: ['sts:AssumeRole', 'sts:TagSession'],
      resources: [role.roleArn],
    }),
  );
  grantAccess(role, table, TENANT_ACCESS[name]);
  for (const access of KEY_ACCESS[name]) role.addToPrincipalPolicy(statementOf(access, keys));
  return role;
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

/**
 * Lets a tenant role write objects of the municipality of its session on one shelf, and look at them
 * (shared/archive/bucket.ts); to read is to look at them alone.
 */
export function grantObjects(
  role: IRole,
  bucket: Bucket,
  shelf: 'handover' | 'archive',
  use: 'keep' | 'read' = 'keep',
): void {
  const objects = bucket.arnForObjects(`${shelf}/${HERE}/*`);
  role.addToPrincipalPolicy(
    new PolicyStatement({
      sid: `${use === 'keep' ? 'Keep' : 'Read'}${shelf === 'archive' ? 'Archive' : 'Handover'}`,
      actions: [
        's3:GetObject',
        // A large object is written in parts, which PutObject allows too, or given up.
        ...(use === 'keep' ? ['s3:PutObject', 's3:AbortMultipartUpload'] : []),
        ...(use === 'keep' && shelf === 'archive' ? ['s3:DeleteObject'] : []),
      ],
      resources: [objects],
    }),
  );
  // Without it S3 does not tell what is missing from what is forbidden.
  role.addToPrincipalPolicy(
    new PolicyStatement({
      sid: `List${shelf === 'archive' ? 'Archive' : 'Handover'}`,
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': `${shelf}/${HERE}/*` } },
    }),
  );
  if (bucket.encryptionKey) grantKeyUse(role, bucket.encryptionKey, 's3');
  const { stack } = bucket;
  const { 'Fn::ImportValue': arn } = stack.resolve(stack.exportValue(bucket.bucketArn));
  Validations.of(role).acknowledge({
    id: `AwsSolutions-IAM5[Resource::${arn}/${shelf}/${HERE.replace('$' + '{', '<').replace('}', '>')}/*]`,
    reason: 'The wildcard stands for the objects of one municipality on one shelf, and for no other.',
  });
}

const KEY_USE = { dynamodb: 'UseKeyForTable', sqs: 'UseKeyForQueues', s3: 'UseKeyForObjects' } as const;

/** Lets a role use the customer-managed key through one service, and only through it. */
export function grantKeyUse(grantee: IGrantable, key: IKey, service: keyof typeof KEY_USE): void {
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
    s3: ['kms:Decrypt', 'kms:GenerateDataKey'],
  } as const;
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      sid: KEY_USE[service],
      actions: [...actions[service]],
      resources: [key.keyArn],
      conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.amazonaws.com` } },
    }),
  );
}
