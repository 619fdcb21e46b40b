import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FilterCriteria, FilterRule, type Function as LambdaFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { grantCertificates, grantKeyDestruction } from '../key-access.ts';
import type { CodeFor, TenantEnvironment } from '../service-function.ts';
import type { StageSettings } from '../stages.ts';
import { grantKeyUse, grantObjects } from '../table-access.ts';
import { tenantFunction } from '../tenant-function.ts';
import type { Data } from './data.ts';
import type { Identity } from './identity.ts';

export interface Events {
  readonly stack: Stack;
  readonly relay: LambdaFunction;
  readonly deliver: LambdaFunction;
  readonly clock: LambdaFunction;
  readonly lifecycle: LambdaFunction;
  /** Hints that a delivery should be looked at now. */
  readonly delivery: Queue;
  /** Municipalities that the clock is to look at now. */
  readonly clockTurns: Queue;
  /** Hints that failed five times. Nothing is lost by them: the delivery's row is still due. */
  readonly deliveryFailed: Queue;
  /** Where stream records are named that the relay could not take. Their events are still pending in the table. */
  readonly relayFailed: Queue;
  /** Municipalities whose turn failed. The next round comes to them anyway. */
  readonly turnsFailed: Queue;
}

/** From a commit to the case system: the stream to `relay`, the queue to `deliver`, and `clock` once a minute. */
export function eventsStack(
  scope: Construct,
  stage: StageSettings,
  codeFor: CodeFor,
  { table, keys, bucket, key, certificates }: Data,
  { userPool }: Identity,
): Events {
  const stack = new Stack(scope, `livline-${stage.name}-events`, {
    description: 'Livline: events and webhooks',
    env: { region: stage.region },
  });

  const encrypted = { encryption: QueueEncryption.KMS, encryptionMasterKey: key, enforceSSL: true };
  const kept = { ...encrypted, retentionPeriod: Duration.days(14) };
  const deliveryFailed = new Queue(stack, 'delivery-failed', kept);
  const relayFailed = new Queue(stack, 'relay-failed', kept);
  Validations.of(relayFailed).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'It is itself where failures go; a person reads it, and no function that could fail.',
  });
  // Standard queues, fair because each message carries its endpoint as message group. Hints for endpoints that were slow
  // to answer go through one of their own, so that waiting for those keeps no other endpoint waiting.
  const hints = (name: string): Queue =>
    new Queue(stack, name, {
      ...encrypted,
      // Six times what a delivery may take, as AWS advises.
      visibilityTimeout: Duration.minutes(3),
      // A hint older than this was overtaken by the clock long ago.
      retentionPeriod: Duration.days(1),
      deadLetterQueue: { queue: deliveryFailed, maxReceiveCount: 5 },
    });
  const [delivery, slowDelivery] = [hints('delivery'), hints('slow-delivery')];

  const turnsFailed = new Queue(stack, 'turns-failed', kept);
  // Municipalities that a round did not reach or that changed a grant, one a message. The next round comes in a minute, so
  // none is repeated.
  const turnsOf = (name: string, visibilityTimeout: Duration): Queue =>
    new Queue(stack, `${name}-turns`, {
      ...encrypted,
      visibilityTimeout,
      retentionPeriod: Duration.minutes(10),
      deadLetterQueue: { queue: turnsFailed, maxReceiveCount: 1 },
    });
  const turns = { clock: turnsOf('clock', Duration.minutes(6)), lifecycle: turnsOf('lifecycle', Duration.minutes(90)) };

  const worker = (name: 'relay' | 'deliver' | 'clock', description: string): LambdaFunction => {
    const environment = (tenant: TenantEnvironment) => ({
      ...tenant,
      DELIVERY_QUEUE_URL: delivery.queueUrl,
      ...(name === 'clock' && { CLOCK_QUEUE_URL: turns.clock.queueUrl }),
      ...(name === 'deliver' && { SLOW_DELIVERY_QUEUE_URL: slowDelivery.queueUrl }),
    });
    const fn = tenantFunction(stack, { table, keys }, name, { stage, codeFor, description, environment });
    grantSend(fn, delivery);
    return fn;
  };

  const relay = worker('relay', 'Numbers new events and makes a delivery for each endpoint that wants them.');
  relay.addEventSource(
    // The cast: the library's own types do not hold under exactOptionalPropertyTypes.
    new DynamoEventSource(table as ITable, {
      filters: [
        FilterCriteria.filter({
          eventName: FilterRule.isEqual('INSERT'),
          dynamodb: { NewImage: { type: { S: FilterRule.isEqual('event') } } },
        }),
      ],
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      // One batch at a time for each shard: the numbers follow the order of the commits.
      parallelizationFactor: 1,
      // A record that fails is cut out by halving and named in the failure queue; the clock relays its event later.
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 3,
      onFailure: {
        bind: (_mapping, target) => {
          grantSend(target, relayFailed);
          return { destination: relayFailed.queueArn };
        },
      },
    }),
  );
  Validations.of(relay.role ?? relay).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'dynamodb:ListStreams, which Lambda needs to follow a stream, knows no narrower resource.',
  });

  const deliver = worker('deliver', 'Posts one webhook and writes what came of it.');
  grantSend(deliver, slowDelivery);
  for (const [queue, maxConcurrency] of [
    [delivery, stage.deliveryConcurrency],
    [slowDelivery, stage.slowDeliveryConcurrency],
  ] as const) {
    deliver.addEventSource(new SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency }));
  }

  const clock = worker('clock', 'Once a minute looks in the table for what is due and was not looked at.');
  const lifecycle = tenantFunction(stack, { table, keys }, 'lifecycle', {
    stage,
    codeFor,
    description: 'Once a minute does what is outstanding in the life of a municipality.',
    environment: (tenant) => ({
      ...tenant,
      BUCKET_NAME: bucket.bucketName,
      USER_POOL_ID: userPool.userPoolId,
      STAGE: stage.name,
      LIFECYCLE_QUEUE_URL: turns.lifecycle.queueUrl,
    }),
    grant: (inside, own) => {
      grantObjects(inside, bucket, 'handover');
      grantObjects(inside, bucket, 'archive');
      grantKeyDestruction(own, stack, stage.name);
      grantCertificates(own, certificates, 'kms:Sign');
      own.addToPolicy(
        new PolicyStatement({
          sid: 'UnmakeClients',
          actions: ['cognito-idp:DeleteUserPoolClient'],
          resources: [userPool.userPoolArn],
        }),
      );
    },
    reservedConcurrency: stage.lifecycleConcurrency,
  });

  for (const [fn, queue] of [
    [clock, turns.clock],
    [lifecycle, turns.lifecycle],
  ] as const) {
    grantSend(fn, queue);
    fn.addEventSource(new SqsEventSource(queue, { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: 2 }));
  }

  // A minute that fails is made good by the next one: repeating it late would only let two run at once.
  const notRepeated = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
  for (const fn of [clock, lifecycle]) fn.configureAsyncInvoke(notRepeated);
  new Rule(stack, 'every-minute', {
    description: 'Starts the clock and the rounds of the lifecycle',
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [clock, lifecycle].map((fn) => new LambdaTarget(fn, notRepeated)),
  });

  const queues = { delivery, clockTurns: turns.clock, deliveryFailed, relayFailed, turnsFailed };
  return { stack, relay, deliver, clock, lifecycle, ...queues };
}

/** Sending alone: the library's own grant adds key actions with a wildcard. */
export function grantSend(grantee: IGrantable, queue: Queue): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }),
  );
  if (queue.encryptionMasterKey) grantKeyUse(grantee, queue.encryptionMasterKey, 'sqs');
}
