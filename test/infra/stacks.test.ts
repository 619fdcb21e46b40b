import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { INDEXES } from '#shared/table/keys.ts';
import { appOf, ofType, resourcesOf, targetOf } from './templates.ts';

const app = appOf('prod');
const resources = resourcesOf(app);

describe('the table', () => {
  const [table, keys] = ofType(resources, 'AWS::DynamoDB::Table');

  test('cannot be deleted, by AWS or by a deployment, and can be restored to any second', () => {
    expect(table?.properties).toMatchObject({
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    const key = ofType(resources, 'AWS::KMS::Key')[0];
    expect(key?.properties.EnableKeyRotation).toBe(true);
    for (const { stackName, template } of app.synth().stacks) {
      if (!stackName.endsWith('-data')) continue;
      for (const id of [table?.id, key?.id]) expect(template.Resources[id ?? ''].DeletionPolicy).toBe('Retain');
    }
  });

  test('of persons’ keys cannot be deleted either, is restored for seven days alone, and has no stream and no index', () => {
    expect(keys?.properties).toMatchObject({
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7 },
      SSESpecification: {
        SSEEnabled: true,
        SSEType: 'KMS',
        KMSMasterKeyId: table?.properties.SSESpecification.KMSMasterKeyId,
      },
    });
    for (const name of ['StreamSpecification', 'GlobalSecondaryIndexes', 'TimeToLiveSpecification'])
      expect(keys?.properties).not.toHaveProperty(name);
    const backups = [
      ...ofType(resources, 'AWS::Backup::BackupPlan'),
      ...ofType(resources, 'AWS::Backup::BackupSelection'),
    ];
    expect(JSON.stringify(backups)).not.toContain(keys?.id);
  });

  test('is encrypted with our own key, paid by request, and streams and expires its rows', () => {
    expect(table?.properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: {
        SSEEnabled: true,
        SSEType: 'KMS',
        KMSMasterKeyId: { 'Fn::GetAtt': [expect.any(String), 'Arn'] },
      },
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  test('has the indexes that the keys are made for', () => {
    const indexes = table?.properties.GlobalSecondaryIndexes.map(
      // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's own shape
      ({ IndexName, KeySchema }: any) => [IndexName, ...KeySchema.map((key: any) => key.AttributeName)],
    );
    expect(indexes).toEqual(INDEXES.map((name) => [name, `${name}Pk`, `${name}Sk`]));
  });
});

describe('every bucket', () => {
  const buckets = ofType(resources, 'AWS::S3::Bucket');

  test.each(buckets.map(({ id, properties }) => [id, properties] as const))(
    '%s is closed to the public, encrypted, and ends what is unfinished or old',
    (id, bucket) => {
      expect(Object.values(bucket.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
      expect(bucket.OwnershipControls.Rules).toEqual([{ ObjectOwnership: 'BucketOwnerEnforced' }]);
      expect(bucket.BucketEncryption).toBeDefined();
      expect(bucket.LifecycleConfiguration.Rules.length).toBeGreaterThan(0);
      const policies = ofType(resources, 'AWS::S3::BucketPolicy').filter(
        ({ properties }) => targetOf(properties.Bucket) === id,
      );
      expect(policies.flatMap(({ properties }) => properties.PolicyDocument.Statement)).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      );
    },
  );

  test('of objects keeps handovers for 90 days and archives for good, under our own key, and says who fetched them', () => {
    const objects = buckets.find(({ properties }) => properties.LoggingConfiguration)?.properties;
    const [sse] = objects.BucketEncryption.ServerSideEncryptionConfiguration;
    expect(sse.ServerSideEncryptionByDefault.SSEAlgorithm).toBe('aws:kms');
    const expiring = objects.LifecycleConfiguration.Rules.filter(
      ({ ExpirationInDays }: { ExpirationInDays?: number }) => ExpirationInDays,
    );
    expect(expiring).toMatchObject([{ Prefix: 'handover/', ExpirationInDays: 90, Status: 'Enabled' }]);
  });
});

describe('every function', () => {
  const functions = ofType(resources, 'AWS::Lambda::Function').map(({ properties }) => ({
    name: properties.Environment.Variables.SERVICE as string,
    ...properties,
  }));

  test('is one of the ten', () => {
    expect(functions.map(({ name }) => name).toSorted()).toEqual([
      'access-api',
      'admin-api',
      'archive-api',
      'clock',
      'deliver',
      'inbox',
      'lifecycle',
      'public-api',
      'relay',
      'tenant-api',
    ]);
  });

  test.each(functions.map((fn) => [fn.name, fn] as const))('%s has the preset', (_name, fn) => {
    expect(fn).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      LoggingConfig: { LogFormat: 'JSON' },
    });
    const log = resources.find(({ id }) => id === targetOf(fn.LoggingConfig.LogGroup));
    expect(log?.properties.RetentionInDays).toBe(365);
  });

  test.each(functions.map((fn) => [fn.name, fn] as const))('%s has no secret in its environment', (_name, fn) => {
    const names = Object.keys(fn.Environment.Variables);
    expect(names.filter((name) => /SECRET|PASSWORD|PRIVATE|API_KEY|CREDENTIAL/.test(name))).toEqual([]);
    expect(names).not.toContain('LOCAL_WEBHOOKS');
    expect(JSON.stringify(fn.Environment)).not.toContain('ClientSecret');
  });
});

describe('every queue', () => {
  const queues = ofType(resources, 'AWS::SQS::Queue');
  const destinations = ofType(resources, 'AWS::Lambda::EventSourceMapping').map(({ properties }) =>
    targetOf(properties.DestinationConfig?.OnFailure.Destination ?? {}),
  );
  const redrives = queues.map(({ properties }) => targetOf(properties.RedrivePolicy?.deadLetterTargetArn ?? {}));

  test.each(queues.map((queue) => [queue.id, queue] as const))(
    '%s hands its failures on or is where they go',
    (id, queue) => {
      const receivesFailures = [...destinations, ...redrives].includes(id);
      expect(queue.properties.RedrivePolicy !== undefined || receivesFailures).toBe(true);
    },
  );

  test.each(queues.map((queue) => [queue.id, queue] as const))(
    '%s is encrypted with our key, at rest and on the way',
    (id, queue) => {
      expect(JSON.stringify(queue.properties.KmsMasterKeyId)).toContain('livline-prod-data');
      const policies = ofType(resources, 'AWS::SQS::QueuePolicy').filter(({ properties }) =>
        properties.Queues.some((of: unknown) => targetOf(of) === id),
      );
      expect(policies.flatMap(({ properties }) => properties.PolicyDocument.Statement)).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      );
    },
  );
});

describe('the event sources', () => {
  const sources = ofType(resources, 'AWS::Lambda::EventSourceMapping').map(({ properties }) => properties);

  test('report single failures, so that one bad record costs no other', () => {
    expect(sources).toHaveLength(5);
    for (const source of sources) expect(source.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
  });

  test('bring the relay new events and nothing else, in order', () => {
    const relay = sources.find(({ StartingPosition }) => StartingPosition);
    expect(relay).toMatchObject({ BisectBatchOnFunctionError: true, BatchSize: 100, ParallelizationFactor: 1 });
    expect(JSON.parse(relay?.FilterCriteria.Filters[0].Pattern)).toEqual({
      eventName: ['INSERT'],
      dynamodb: { NewImage: { type: { S: ['event'] } } },
    });
  });

  test('give a delivery six times its time before it is tried again', () => {
    const deliver = sources.find(({ ScalingConfig }) => ScalingConfig);
    expect(deliver?.BatchSize).toBe(1);
    const queue = resources.find(({ id }) => id === targetOf(deliver?.EventSourceArn));
    const fn = resources.find(({ id }) => id === targetOf(deliver?.FunctionName));
    expect(queue?.properties.VisibilityTimeout).toBeGreaterThanOrEqual(6 * fn?.properties.Timeout);
  });
});

test('AWS Solutions checks find nothing that is not acknowledged with its reason', () => {
  const { success, violations } = new AwsSolutionsChecks(app).validateScope(app);
  expect(violations).toEqual([]);
  expect(success).toBe(true);
});
