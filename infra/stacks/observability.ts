import { Aws, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Operation } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription, UrlSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { FAILURE_METRICS } from '#shared/log.ts';
import { FAILURE_ALARMS } from '../failure-alarms.ts';
import type { StageSettings } from '../stages.ts';
import type { Api } from './api.ts';
import type { Data } from './data.ts';
import type { Events } from './events.ts';

/** The runbook's sections: headings of README.md, as GitHub makes anchors of them. */
export const RUNBOOK = {
  api: 'README.md#when-the-api-fails',
  failedHints: 'README.md#when-a-queue-of-failures-is-not-empty',
  lateEvents: 'README.md#when-events-are-late',
  clock: 'README.md#when-the-clock-stands-still',
  limits: 'README.md#when-a-limit-is-reached',
  lifecycle: 'README.md#when-the-lifecycle-fails',
} as const;

interface AlarmSettings {
  readonly metric: IMetric;
  /** The alarm goes off above this value. */
  readonly above?: number;
  /** The alarm goes off below this value, and when there is no value at all. */
  readonly below?: number;
  /** For how many of the metric's periods in a row. */
  readonly periods?: number;
  /** What it means, for whoever is woken by it. */
  readonly meaning: string;
  readonly runbook: string;
}

/** What wakes somebody, each alarm saying what it means and where to read on, and one dashboard for the way there. */
export function observabilityStack(
  scope: Construct,
  stage: StageSettings,
  { table, keys, key }: Data,
  { restApi, functions }: Api,
  { relay, deliver, clock, lifecycle, delivery, deliveryFailed, relayFailed, turnsFailed }: Events,
): Stack {
  const stack = new Stack(scope, `livline-${stage.name}-observability`, {
    description: 'Livline: alarms and dashboard',
    env: { region: stage.region },
  });

  const topic = alarmTopic(stack, stage, key);

  const alarm = (id: string, { metric, above, below, periods = 1, meaning, runbook }: AlarmSettings): void => {
    new Alarm(stack, id, {
      alarmDescription: `${meaning} What to do: ${runbook}`,
      metric,
      threshold: above ?? below ?? 0,
      comparisonOperator:
        below === undefined ? ComparisonOperator.GREATER_THAN_THRESHOLD : ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: below === undefined ? TreatMissingData.NOT_BREACHING : TreatMissingData.BREACHING,
    }).addAlarmAction(new SnsAction(topic));
  };

  const minute = { period: Duration.minutes(1) };
  const fiveMinutes = { period: Duration.minutes(5) };

  alarm('api-errors', {
    metric: restApi.metricServerError({ ...fiveMinutes, statistic: Stats.SUM }),
    above: 0,
    meaning: 'A caller was answered 5xx.',
    runbook: RUNBOOK.api,
  });
  alarm('api-slow', {
    metric: restApi.metricLatency({ ...fiveMinutes, statistic: Stats.percentile(99) }),
    above: 3_000,
    periods: 3,
    meaning: 'One request in a hundred takes longer than 3 s.',
    runbook: RUNBOOK.api,
  });

  const workers = [relay, deliver, clock, lifecycle];
  for (const fn of workers) {
    alarm(`${fn.node.id}-errors`, {
      metric: fn.metricErrors(fiveMinutes),
      above: 0,
      periods: 3,
      meaning: `${fn.node.id} has been failing for 15 minutes. Nothing is lost, but its work waits.`,
      runbook: fn === lifecycle ? RUNBOOK.lifecycle : RUNBOOK.lateEvents,
    });
  }
  for (const fn of functions) {
    alarm(`${fn.node.id}-errors`, {
      metric: fn.metricErrors(fiveMinutes),
      above: 0,
      meaning: `${fn.node.id} ended without an answer: it ran out of time or memory, or did not start.`,
      runbook: RUNBOOK.api,
    });
  }
  for (const metricName of FAILURE_METRICS) {
    const { meaning, runbook, periods } = FAILURE_ALARMS[metricName];
    const dimensionsMap = { stage: stage.name };
    const metric = new Metric({
      namespace: 'Livline',
      metricName,
      dimensionsMap,
      statistic: Stats.SUM,
      ...fiveMinutes,
    });
    alarm(`count-${metricName}`, { metric, above: 0, periods, meaning, runbook });
  }
  for (const fn of [...functions, ...workers]) {
    alarm(`${fn.node.id}-throttles`, {
      metric: fn.metricThrottles(fiveMinutes),
      above: 0,
      periods: 2,
      meaning: `${fn.node.id} is not started as often as it is called: the account's concurrency is used up.`,
      runbook: RUNBOOK.limits,
    });
  }
  const tableThrottles = table.metricThrottledRequestsForOperations({
    operations: [Operation.GET_ITEM, Operation.BATCH_GET_ITEM, Operation.QUERY, Operation.TRANSACT_WRITE_ITEMS],
    ...fiveMinutes,
  });
  alarm('table-throttles', {
    metric: tableThrottles,
    above: 0,
    periods: 2,
    meaning: 'The table refuses requests: one partition is busier than a partition can be.',
    runbook: RUNBOOK.limits,
  });

  alarm('keys-throttles', {
    metric: keys.metricThrottledRequestsForOperations({
      operations: [Operation.GET_ITEM, Operation.BATCH_GET_ITEM, Operation.TRANSACT_WRITE_ITEMS],
      ...fiveMinutes,
    }),
    above: 0,
    periods: 2,
    meaning: 'The table of persons’ keys refuses requests: what is sealed under them cannot be read.',
    runbook: RUNBOOK.limits,
  });

  const iteratorAge = relay.metric('IteratorAge', { ...minute, statistic: Stats.MAXIMUM });
  alarm('relay-late', {
    metric: iteratorAge,
    above: Duration.minutes(1).toMilliseconds(),
    periods: 5,
    meaning: 'The relay is more than a minute behind the stream of commits.',
    runbook: RUNBOOK.lateEvents,
  });
  const oldestHint = delivery.metricApproximateAgeOfOldestMessage({ ...minute, statistic: Stats.MAXIMUM });
  alarm('delivery-late', {
    metric: oldestHint,
    // A hint may be sent 15 minutes ahead; twice that is late.
    above: Duration.minutes(30).toSeconds(),
    periods: 5,
    meaning: 'Webhooks wait in the queue for more than half an hour.',
    runbook: RUNBOOK.lateEvents,
  });
  const failures = { 'delivery-failed': deliveryFailed, 'relay-failed': relayFailed, 'turns-failed': turnsFailed };
  for (const [id, queue] of Object.entries(failures)) {
    alarm(id, {
      metric: queue.metricApproximateNumberOfMessagesVisible({ ...minute, statistic: Stats.MAXIMUM }),
      above: 0,
      meaning: `${id} is not empty: a message failed for good. Its event or delivery is still in the table.`,
      runbook: RUNBOOK.failedHints,
    });
  }
  for (const fn of [clock, lifecycle]) {
    alarm(`${fn.node.id}-silent`, {
      metric: fn.metricInvocations(fiveMinutes),
      below: 1,
      periods: 2,
      meaning: `The ${fn.node.id} has not run for ten minutes: nothing is retried or made good.`,
      runbook: RUNBOOK.clock,
    });
  }

  new Dashboard(stack, 'dashboard', {
    dashboardName: `livline-${stage.name}`,
    defaultInterval: Duration.hours(12),
    widgets: [
      [
        graph(
          'Requests',
          restApi.metricCount(minute),
          restApi.metricClientError(minute),
          restApi.metricServerError(minute),
        ),
        graph(
          'Latency, ms',
          restApi.metricLatency({ statistic: Stats.p(50) }),
          restApi.metricLatency({ statistic: Stats.p(99) }),
        ),
      ],
      [
        graph('Errors of the functions', ...[...functions, ...workers].map((fn) => fn.metricErrors(fiveMinutes))),
        graph('Relay behind the stream, ms', iteratorAge),
      ],
      [
        graph('Webhooks waiting, s', oldestHint),
        graph(
          'Failed for good',
          ...Object.values(failures).map((queue) => queue.metricApproximateNumberOfMessagesVisible(minute)),
        ),
      ],
    ],
  });
  return stack;
}

/**
 * The topic of the alarms and who gets them, given at synthesis: `-c alarmEmail=…` or `-c alarmUrl=https://…`. Its policy
 * lets CloudWatch publish, which `enforceSSL` alone does not: the policy that it makes replaces the default one.
 */
function alarmTopic(stack: Stack, stage: StageSettings, key: IKey): Topic {
  const topic = new Topic(stack, 'alarms', { masterKey: key, enforceSSL: true });
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  );
  const email: string | undefined = stack.node.tryGetContext('alarmEmail');
  const url: string | undefined = stack.node.tryGetContext('alarmUrl');
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
  if (url !== undefined) topic.addSubscription(new UrlSubscription(url));
  if (stage.alarmsHaveReceiver && email === undefined && url === undefined) {
    throw new Error(
      `Nobody gets the alarms of the stage ${stage.name}: give -c alarmEmail=<address> or -c alarmUrl=<https URL>.`,
    );
  }
  return topic;
}

const graph = (title: string, ...left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 12 });
