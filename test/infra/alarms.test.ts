import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FAILURE_ALARMS } from '#infra/failure-alarms.ts';
import { RUNBOOK } from '#infra/stacks/observability.ts';
import { stagesChosen } from '#infra/stages.ts';
import { FAILURE_METRICS } from '#shared/log.ts';
import { appOf, appWith, ofType, type Resource, resourcesOf, targetOf } from './templates.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const resources = resourcesOf(appOf('prod'));
const alarms = ofType(resources, 'AWS::CloudWatch::Alarm');
const metricsCounted = globSync(['shared/**/*.ts', 'functions/**/*.ts'], { cwd: root }).flatMap((file) =>
  [...readFileSync(`${root}${file}`, 'utf8').matchAll(/\bcount\(\s*'(\w+)',\s*[\w.]+\)/g)].map(
    ([, name]) => name ?? '',
  ),
);

describe('every alarm', () => {
  test.each(alarms.map(({ id, properties }) => [id, properties] as const))(
    '%s says where to read on, and to somebody',
    (_id, alarm) => {
      const places = [...Object.values(RUNBOOK), ...Object.values(FAILURE_ALARMS).map(({ runbook }) => runbook)];
      expect(places.some((place) => alarm.AlarmDescription.endsWith(`What to do: ${place}`))).toBe(true);
      expect(alarm.AlarmActions).toHaveLength(1);
    },
  );

  test('that a text names has its section in the README', () => {
    const readme = readFileSync(`${root}README.md`, 'utf8');
    const anchors = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-'),
    );
    const places = [...Object.values(RUNBOOK), ...Object.values(FAILURE_ALARMS).map(({ runbook }) => runbook)];
    for (const place of places) expect(anchors).toContain(place.replace('README.md#', ''));
  });

  test('is there for each queue of failures, the stream, the clock, and each function’s errors and throttling', () => {
    const ids = alarms.map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''));
    for (const id of ['deliveryfailed', 'relayfailed', 'relaylate', 'clocksilent', 'lifecyclesilent', 'apierrors'])
      expect(ids).toContain(id);
    for (const { properties } of ofType(resources, 'AWS::Lambda::Function')) {
      const name = properties.Environment.Variables.SERVICE.replaceAll('-', '');
      for (const kind of ['errors', 'throttles']) expect(ids).toContain(`${name}${kind}`);
    }
  });
});

describe('every custom metric', () => {
  test('that the code counts is one of the known failures, and each of those is counted somewhere', () => {
    expect([...new Set(metricsCounted)].toSorted()).toEqual([...FAILURE_METRICS].toSorted());
  });

  test.each(FAILURE_METRICS)('%s has an alarm of its own stage', (name) => {
    const [alarm, ...others] = alarms.filter(({ properties }) => properties.MetricName === name);
    expect(others).toEqual([]);
    expect(alarm?.properties).toMatchObject({
      Namespace: 'Livline',
      Dimensions: [{ Name: 'stage', Value: 'prod' }],
      Statistic: 'Sum',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    });
  });

  test('is written under the stage of the function that counts it', () => {
    for (const { properties } of ofType(resources, 'AWS::Lambda::Function')) {
      expect(properties.Environment.Variables.STAGE).toBe('prod');
    }
  });
});

describe('the way of an alarm', () => {
  const byId = (reference: unknown): Resource | undefined => resources.find(({ id }) => id === targetOf(reference));
  const topics = new Set(alarms.map(({ properties }) => targetOf(properties.AlarmActions[0])));
  const [topic] = ofType(resources, 'AWS::SNS::Topic');

  test('leads to one topic, which lets CloudWatch of this account publish and nobody without TLS', () => {
    expect([...topics]).toEqual([topic?.id]);
    const [policy] = ofType(resources, 'AWS::SNS::TopicPolicy');
    expect(policy?.properties.Topics.map(targetOf)).toEqual([topic?.id]);
    const statements = policy?.properties.PolicyDocument.Statement;
    expect(statements).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    );
    expect(statements).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    );
  });

  test('goes on through the topic’s key, which CloudWatch may use for this account', () => {
    const exported = JSON.stringify(topic?.properties.KmsMasterKeyId);
    const key = ofType(resources, 'AWS::KMS::Key').find(({ id }) => exported.includes(id));
    expect(key?.properties.KeyPolicy.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    );
  });

  test('ends at somebody', () => {
    const [subscription] = ofType(resources, 'AWS::SNS::Subscription');
    expect(byId(subscription?.properties.TopicArn)).toBe(topic);
    expect(subscription?.properties).toMatchObject({ Protocol: 'email', Endpoint: 'alarms@example.dk' });
    const paged = ofType(
      resourcesOf(appWith({ alarmUrl: 'https://pager.example.dk/x' }, 'prod')),
      'AWS::SNS::Subscription',
    );
    expect(paged.map(({ properties }) => properties.Protocol)).toEqual(['https']);
  });

  test('that ends nowhere stops the synthesis of prod with one sentence, and of no other stage', () => {
    expect(() => appWith({}, 'prod')).toThrow(
      /^Nobody gets the alarms of the stage prod: give -c alarmEmail=<address> or -c alarmUrl=<https URL>\.$/,
    );
    expect(() => appWith({}, 'dev', 'test')).not.toThrow();
    expect(stagesChosen('dev').map(({ name }) => name)).toEqual(['dev']);
    expect(stagesChosen(undefined)).toHaveLength(3);
    expect(() => stagesChosen('acceptance')).toThrow('There is no stage acceptance');
  });
});
