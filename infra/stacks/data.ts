import { Aws, Duration, Stack } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { denyChangesByFunctions } from '../key-access.ts';
import type { StageSettings } from '../stages.ts';

/** What a list shows of a row: with these in the index, a page is one Query and nothing is read twice. */
const SHOWN = ['type', 'view', 'audiences', 'envelope', 'sequence'];
/** What the clock needs of a row that is due. */
const WATCHED = ['type', 'view'];

/** The indexes; each is sparse over its own attributes `<name>Pk` and `<name>Sk` (shared/table/keys.ts). */
const INDEXES: Readonly<Record<string, readonly string[]>> = {
  // With the hash and the code, the feed is the chain that an audit follows; so are the entries of the access log.
  list: [...SHOWN, 'cases', 'redacted', 'hash', 'mac', 'expiresAt'],
  about: SHOWN,
  // With the number of the partner's event before it, a partner's own feed shows no hole.
  filter1: [...SHOWN, 'cases', 'previousOfPartner'],
  filter2: SHOWN,
  filter3: SHOWN,
  changed: SHOWN,
  case: SHOWN,
  due: WATCHED,
};

export interface Data {
  readonly stack: Stack;
  readonly table: Table;
  /** The wrapped keys of persons, apart from the record, so that its backups hold none of them. */
  readonly keys: Table;
  /** What leaves the table: handovers, and archives of what is purged. */
  readonly bucket: Bucket;
  /** Encrypts both tables, the stream, the bucket, the queues and the alarms. */
  readonly key: Key;
  /** Signs certificates of erasure (shared/tenancy/certificates.ts). */
  readonly certificates: Key;
}

/** For how long a municipality that leaves may fetch its record. */
const HANDOVER_LIFE = Duration.days(90);

/** For how many days a person's key can be restored after it was dropped: the time for a mistake to be noticed. */
const KEY_RECOVERY_DAYS = 7;

/** The table of the record, that of persons' keys, the bucket, the key that everything stored is encrypted with, and the one that signs. */
export function dataStack(scope: Construct, stage: StageSettings): Data {
  const stack = new Stack(scope, `livline-${stage.name}-data`, {
    description: 'Livline: the table, the bucket and their key',
    env: { region: stage.region },
    terminationProtection: stage.deletionProtection,
  });

  const key = new Key(stack, 'key', {
    alias: `livline-${stage.name}`,
    description: 'Livline: the record, its events and its queues',
    enableKeyRotation: true,
    removalPolicy: stage.removalPolicy,
  });

  // An alarm that cannot use its topic's key is lost without a word.
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  );

  denyChangesByFunctions(key, stage.name);

  // Table, not TableV2: one region, and the plain AWS::DynamoDB::Table is what the local database is created from.
  const table = new Table(stack, 'table', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: key,
    // Any second of the last 35 days can be restored, in every stage: a mistake in `test` costs its owner days too.
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    stream: StreamViewType.NEW_IMAGE,
    timeToLiveAttribute: 'expiresAt',
    deletionProtection: stage.deletionProtection,
    removalPolicy: stage.removalPolicy,
  });
  for (const [indexName, nonKeyAttributes] of Object.entries(INDEXES)) {
    table.addGlobalSecondaryIndex({
      indexName,
      partitionKey: { name: `${indexName}Pk`, type: AttributeType.STRING },
      sortKey: { name: `${indexName}Sk`, type: AttributeType.STRING },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...nonKeyAttributes],
    });
  }

  // A key that was dropped must be gone from every copy soon, so this table is in no backup but its own of a few days.
  const keys = new Table(stack, 'keys', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.CUSTOMER_MANAGED,
    encryptionKey: key,
    pointInTimeRecoverySpecification: {
      pointInTimeRecoveryEnabled: true,
      recoveryPeriodInDays: KEY_RECOVERY_DAYS,
    },
    deletionProtection: stage.deletionProtection,
    removalPolicy: stage.removalPolicy,
  });

  const certificates = new Key(stack, 'certificates', {
    alias: `livline/${stage.name}/certificates`,
    description: 'Livline: signs certificates of erasure',
    keySpec: KeySpec.ECC_NIST_P256,
    keyUsage: KeyUsage.SIGN_VERIFY,
    removalPolicy: stage.removalPolicy,
  });

  denyChangesByFunctions(certificates, stage.name);

  return { stack, table, keys, bucket: objects(stack, stage, key), key, certificates };
}

/**
 * The bucket of what leaves the table, by shelf and municipality (shared/archive/bucket.ts). No versions: what is taken
 * away is taken away.
 */
function objects(stack: Stack, stage: StageSettings, key: Key): Bucket {
  const closed = {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: stage.removalPolicy,
  };
  // Whoever fetches a record is seen here. S3 writes such a log under its own key alone.
  const log = new Bucket(stack, 'bucket-log', {
    ...closed,
    encryption: BucketEncryption.S3_MANAGED,
    lifecycleRules: [{ expiration: Duration.days(stage.logRetention) }],
  });
  return new Bucket(stack, 'bucket', {
    ...closed,
    encryption: BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    // The cast: the library's own types do not hold under exactOptionalPropertyTypes.
    serverAccessLogsBucket: log as IBucket,
    lifecycleRules: [
      // What a process that died left of a large object.
      { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      { prefix: 'handover/', expiration: HANDOVER_LIFE },
    ],
  });
}
