import { describe, expect, test } from 'vitest';
import { appOf, ofType, resourcesOf, targetOf } from './templates.ts';

interface Statement {
  readonly role: string;
  readonly sid: string | undefined;
  readonly actions: readonly string[];
  readonly resources: readonly unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: IAM's own shape
  readonly condition: any;
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value]) as readonly T[];

const resources = resourcesOf(appOf('prod'));
const policies = ofType(resources, 'AWS::IAM::Policy');
const statements: readonly Statement[] = policies.flatMap(({ properties }) =>
  // biome-ignore lint/suspicious/noExplicitAny: IAM's own shape
  properties.PolicyDocument.Statement.map((statement: any) => ({
    role: targetOf(properties.Roles[0]) ?? '',
    sid: statement.Sid,
    actions: list(statement.Action),
    resources: list(statement.Resource),
    condition: statement.Condition,
  })),
);
const of = (role: string): readonly Statement[] => statements.filter((statement) => statement.role.startsWith(role));

/** Statements about rows, not about the stream. */
const STREAM = /Stream|GetRecords|GetShardIterator/;
const aboutRows = (of: readonly Statement[]): readonly Statement[] =>
  of.filter(({ actions }) => actions.some((action) => action.startsWith('dynamodb:') && !STREAM.test(action)));

/** Whether `role` may do `action` on a row with this partition key, as IAM would see it. */
function may(role: string, action: string, key: string, index?: string): boolean {
  return aboutRows(of(role)).some(({ actions, resources, condition }) => {
    const arn = JSON.stringify(resources);
    const rows: readonly string[] = condition['ForAllValues:StringLike']['dynamodb:LeadingKeys'];
    return (
      actions.includes(`dynamodb:${action}`) &&
      (index === undefined || arn.includes(`/index/${index}"`)) &&
      rows.some((row) => new RegExp(`^${row.replaceAll('*', '.*')}$`).test(key))
    );
  });
}

describe('the permissions', () => {
  test('never include Scan, PartiQL or a wildcard action', () => {
    const actions = statements.flatMap((statement) => statement.actions);
    expect(actions.filter((action) => /\*|Scan|PartiQL/.test(action))).toEqual([]);
  });

  test('name a resource each, but for the one action that knows none', () => {
    const wide = statements.filter(({ resources }) => JSON.stringify(resources).includes('*'));
    expect(wide.flatMap(({ role, actions }) => actions.map((action) => [role.slice(0, 5), action]))).toEqual([
      ['relay', 'dynamodb:ListStreams'],
    ]);
  });

  test('guard every statement about rows by leading keys that must be there', () => {
    const rows = aboutRows(statements);
    expect(rows.length).toBeGreaterThan(10);
    for (const { condition } of rows) {
      expect(condition['ForAllValues:StringLike']['dynamodb:LeadingKeys']).not.toContain('*');
      expect(condition.Null).toEqual({ 'dynamodb:LeadingKeys': 'false' });
    }
  });

  test('use the key through the service it is for', () => {
    for (const { role, actions, condition } of statements) {
      if (!actions.some((action) => action.startsWith('kms:Encrypt') || action.startsWith('kms:Generate'))) continue;
      expect(condition?.StringEquals, role).toHaveProperty(['kms:ViaService']);
    }
  });
});

describe('the rows', () => {
  test('of a municipality are read and written by tenant-api, its grants only read', () => {
    for (const action of ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem']) {
      expect(may('tenantapi', action, 'T#0630#R#1'), action).toBe(true);
    }
    expect(may('tenantapi', 'Query', 'T#0630#L#families', 'list')).toBe(true);
    expect(may('tenantapi', 'BatchGetItem', 'C#client')).toBe(true);
    expect(may('tenantapi', 'BatchGetItem', 'M#0630')).toBe(true);
    for (const action of ['PutItem', 'UpdateItem', 'DeleteItem']) {
      expect(may('tenantapi', action, 'C#client'), action).toBe(false);
      expect(may('tenantapi', action, 'M#0630'), action).toBe(false);
    }
    expect(may('tenantapi', 'Query', 'MUNICIPALITIES', 'list')).toBe(false);
  });

  test('of a municipality are closed to admin-api, but for the event of its provisioning and the programmes', () => {
    expect(may('adminapi', 'PutItem', 'T#0630#E#1')).toBe(true);
    expect(may('adminapi', 'PutItem', 'T#0630#R#1')).toBe(false);
    for (const action of ['GetItem', 'BatchGetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem']) {
      expect(may('adminapi', action, 'T#0630#E#1'), action).toBe(false);
    }
    for (const action of ['PutItem', 'DeleteItem']) expect(may('adminapi', action, 'T#0630#P#1'), action).toBe(true);
    for (const action of ['GetItem', 'BatchGetItem', 'Query', 'UpdateItem', 'ConditionCheckItem']) {
      expect(may('adminapi', action, 'T#0630#P#1'), action).toBe(false);
    }
    const control = ['M#0630', 'P#carelink', 'C#client', 'F#programme'];
    for (const key of control) expect(may('adminapi', 'PutItem', key), key).toBe(true);
    expect(may('adminapi', 'Query', 'PROGRAMMES', 'list')).toBe(true);
  });

  test('of a programme are written together: the operator’s and those inside municipalities by one statement', () => {
    const sharing = aboutRows(of('adminapi')).filter(({ condition }) =>
      JSON.stringify(condition).includes('"T#*#P#*"'),
    );
    expect(sharing.map(({ actions }) => actions)).toEqual([['dynamodb:DeleteItem', 'dynamodb:PutItem']]);
    expect(sharing[0]?.condition['ForAllValues:StringLike']).toEqual({ 'dynamodb:LeadingKeys': ['F#*', 'T#*#P#*'] });
  });

  test('that prove a message are read by inbox, and those of the record written, no others', () => {
    for (const key of ['T#0630#R#1', 'M#0630']) expect(may('inbox', 'BatchGetItem', key), key).toBe(true);
    const together = aboutRows(of('inbox')).filter(({ condition }) => JSON.stringify(condition).includes('"M#*"'));
    expect(together[0]?.condition['ForAllValues:StringLike']).toEqual({ 'dynamodb:LeadingKeys': ['T#*', 'M#*'] });
    expect(may('inbox', 'Query', 'T#0630#CASE#27', 'case')).toBe(true);
    for (const key of ['T#0630#R#1', 'T#0630#E#1', 'T#0630#K#inbox', 'T#0630#B#family#1']) {
      expect(may('inbox', 'PutItem', key), key).toBe(true);
    }
    for (const key of ['T#0630#D#1', 'T#0630#P#1', 'T#0630#SEQUENCE', 'M#0630', 'C#client']) {
      for (const action of ['PutItem', 'UpdateItem', 'DeleteItem']) expect(may('inbox', action, key), key).toBe(false);
    }
    expect(may('inbox', 'GetItem', 'C#client')).toBe(false);
    expect(may('inbox', 'Query', 'T#0630#L#children', 'list')).toBe(false);
    expect(may('clock', 'Query', 'T#0630#CASE#27', 'case')).toBe(true);
  });

  test('of control are never written by relay, deliver or clock', () => {
    for (const role of ['relay', 'deliver', 'clock']) {
      expect(may(role, 'GetItem', 'M#0630'), role).toBe(true);
      expect(may(role, 'UpdateItem', 'T#0630#E#1'), role).toBe(true);
      expect(may(role, 'GetItem', 'C#client'), role).toBe(false);
      expect(may(role, 'UpdateItem', 'M#0630'), role).toBe(false);
    }
    expect(may('clock', 'Query', 'MUNICIPALITIES', 'list')).toBe(true);
    expect(may('clock', 'Query', 'T#0630#DUE', 'due')).toBe(true);
  });

  test('are out of public-api’s reach', () => {
    expect(of('publicapi').flatMap(({ actions }) => actions)).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  });
});

test('clients are made and unmade in the one user pool, and by admin-api alone', () => {
  const cognito = statements.filter(({ actions }) => actions.some((action) => action.startsWith('cognito-idp:')));
  expect(cognito).toHaveLength(1);
  expect(cognito[0]).toMatchObject({
    role: expect.stringMatching(/^adminapi/),
    actions: ['cognito-idp:CreateUserPoolClient', 'cognito-idp:DeleteUserPoolClient'],
  });
});
