import { describe, expect, test } from 'vitest';
import { allMunicipalities } from '#shared/register/register.ts';
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
/** The statements of a function's own role, or with `tenant` of the role it takes inside a municipality. */
const of = (name: string, tenant = false): readonly Statement[] =>
  statements.filter(({ role }) => role.startsWith(`${name}${tenant ? 'tenant' : ''}role`));

/** Statements about rows, not about the stream. */
const STREAM = /Stream|GetRecords|GetShardIterator/;
const aboutRows = (of: readonly Statement[]): readonly Statement[] =>
  of.filter(({ actions }) => actions.some((action) => action.startsWith('dynamodb:') && !STREAM.test(action)));

/** The statements that let an action be done on a row with this key, in a session for 0630 where it is a tenant role. */
const allows =
  (some: readonly Statement[]) =>
  (action: string, key: string, index?: string): boolean =>
    aboutRows(some).some(({ actions, resources, condition }) => {
      const arn = JSON.stringify(resources);
      const rows: readonly string[] = condition['ForAllValues:StringLike']['dynamodb:LeadingKeys'];
      const patterns = rows.map((row) => row.replace(TAG, '0630').replaceAll('*', '.*'));
      return (
        actions.includes(`dynamodb:${action}`) &&
        (index === undefined || arn.includes(`/index/${index}"`)) &&
        patterns.some((pattern) => new RegExp(`^${pattern}$`).test(key))
      );
    });
const TAG = ['$', '{aws:PrincipalTag/municipality}'].join('');
/** Whether a function may do it under its own role. */
const may = (name: string, action: string, key: string, index?: string) => allows(of(name))(action, key, index);
/** Whether it may under its tenant role, in a session for 0630. */
const mayInside = (name: string, action: string, key: string, index?: string) =>
  allows(of(name, true))(action, key, index);

describe('the permissions', () => {
  test('never include Scan, PartiQL or a wildcard action', () => {
    const actions = statements.flatMap((statement) => statement.actions);
    expect(actions.filter((action) => /\*|Scan|PartiQL/.test(action))).toEqual([]);
  });

  test('name a resource each, but for the one action that knows none, for keys that are known by their tags, and for the objects of one municipality', () => {
    const objects = /\/[a-z]+\/\$\{aws:PrincipalTag\/municipality\}\/\*"/;
    const wide = statements
      .filter(({ resources }) => JSON.stringify(resources).replace(objects, '"').includes('*'))
      .filter(({ condition }) => !JSON.stringify(condition ?? {}).includes('Tag/livline:stage'))
      .filter(({ resources }) => !JSON.stringify(resources).includes(':alias/livline/prod/*'));
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
      const { StringEquals: equal } = condition ?? {};
      if (equal?.['aws:ResourceTag/livline:stage'] === undefined)
        expect(equal, role).toHaveProperty(['kms:ViaService']);
    }
  });
});

const ALL = ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'];
const INSIDE = ['T#0630#R#1', 'T#0630#E#1', 'T#0630#K#inbox', 'T#0630#L#families', 'T#0630#DUE', 'T#0630#SEQUENCE'];
const WORKERS = ['tenantapi', 'accessapi', 'archiveapi', 'inbox', 'relay', 'deliver', 'clock', 'lifecycle'];

describe('what proves the record', () => {
  const PROOF = ['T#0630#E#1', 'T#0630#A#1', 'T#0630#SEQUENCE', 'T#0630#AUDIT', 'T#0630#LOG'];
  const FACING_THE_INTERNET = ['tenantapi', 'accessapi', 'archiveapi', 'inbox', 'adminapi', 'publicapi'];
  const either = (name: string, action: string, key: string) => may(name, action, key) || mayInside(name, action, key);

  test('is deleted by no function, but by lifecycle when a municipality leaves', () => {
    for (const key of PROOF) {
      for (const name of [...WORKERS, 'adminapi', 'publicapi']) {
        expect(either(name, 'DeleteItem', key), `${name} DeleteItem ${key}`).toBe(false);
        expect(either(name, 'BatchWriteItem', key), `${name} BatchWriteItem ${key}`).toBe(name === 'lifecycle');
      }
    }
  });

  test('is updated by no function that faces the internet, and no entry of the access log by any', () => {
    for (const key of PROOF) {
      for (const name of FACING_THE_INTERNET) expect(either(name, 'UpdateItem', key), `${name} ${key}`).toBe(false);
    }
    for (const name of WORKERS) expect(either(name, 'UpdateItem', 'T#0630#A#1'), name).toBe(false);
    expect(WORKERS.filter((name) => either(name, 'UpdateItem', 'T#0630#E#1'))).toEqual(['relay', 'clock', 'lifecycle']);
  });

  test('has ends that no function writes which faces the internet', () => {
    for (const key of ['T#0630#SEQUENCE', 'T#0630#AUDIT', 'T#0630#LOG']) {
      for (const name of FACING_THE_INTERNET) expect(either(name, 'PutItem', key), `${name} ${key}`).toBe(false);
    }
  });

  test('is out of reach of every function as far as its work does not need it', () => {
    const writers = (action: string, key: string) => WORKERS.filter((name) => mayInside(name, action, key));
    expect(writers('PutItem', 'T#0630#A#1')).toEqual(['tenantapi', 'archiveapi', 'lifecycle']);
    expect(writers('PutItem', 'T#0630#D#1')).toEqual(['tenantapi', 'relay', 'deliver', 'clock']);
    // The health of an endpoint, and the watch for a grant of its owner.
    expect(writers('PutItem', 'T#0630#W#1')).toEqual(['relay', 'deliver', 'clock']);
    // archive-api notes on an erasure that its archive is to be deleted.
    expect(writers('PutItem', 'T#0630#R#1')).toEqual([
      'tenantapi',
      'archiveapi',
      'inbox',
      'deliver',
      'clock',
      'lifecycle',
    ]);
    expect(writers('DeleteItem', 'T#0630#D#1')).toEqual([]);
  });
});

describe('the rows', () => {
  test('of a municipality are out of reach of every function’s own role', () => {
    for (const name of [...WORKERS, 'adminapi', 'publicapi']) {
      for (const action of ALL) {
        for (const key of INSIDE) expect(may(name, action, key), `${name} ${action} ${key}`).toBe(false);
      }
    }
  });

  test('of another municipality are out of reach of every tenant role', () => {
    for (const name of WORKERS) {
      for (const action of ALL) {
        for (const key of INSIDE.map((inside) => inside.replace('0630', '0766'))) {
          expect(mayInside(name, action, key), `${name} ${action} ${key}`).toBe(false);
        }
      }
      for (const statement of aboutRows(of(name, true))) {
        const rows: string[] = statement.condition['ForAllValues:StringLike']['dynamodb:LeadingKeys'];
        for (const row of rows) expect(row).toMatch(/^[TM]#\$\{aws:PrincipalTag\/municipality\}(?:#|$)/);
      }
    }
  });

  test('of a municipality are read and written by tenant-api inside it, and its grants read before', () => {
    for (const action of ['GetItem', 'BatchGetItem', 'PutItem', 'DeleteItem', 'ConditionCheckItem']) {
      expect(mayInside('tenantapi', action, 'T#0630#R#1'), action).toBe(true);
    }
    expect(mayInside('tenantapi', 'Query', 'T#0630#L#families', 'list')).toBe(true);
    expect(mayInside('tenantapi', 'Query', 'M#0630#F', 'list')).toBe(true);
    expect(mayInside('tenantapi', 'PutItem', 'M#0630#F')).toBe(false);
    expect(mayInside('tenantapi', 'UpdateItem', 'M#0630#Q')).toBe(true);
    expect(mayInside('tenantapi', 'PutItem', 'M#0630#Q') || mayInside('tenantapi', 'GetItem', 'M#0630#Q')).toBe(false);
    for (const key of ['C#client', 'M#0630', 'M#0630#G']) {
      expect(may('tenantapi', 'BatchGetItem', key), key).toBe(true);
      for (const action of ['PutItem', 'UpdateItem', 'DeleteItem']) {
        expect(may('tenantapi', action, key), `${action} ${key}`).toBe(false);
      }
    }
    expect(may('tenantapi', 'Query', 'MUNICIPALITIES', 'list')).toBe(false);
  });

  test('that say who has access are written by access-api inside the municipality that gives it, and by nobody else there', () => {
    for (const action of ['GetItem', 'Query', 'PutItem', 'DeleteItem']) {
      expect(mayInside('accessapi', action, 'M#0630#G'), action).toBe(true);
      for (const name of WORKERS) {
        expect(mayInside(name, action, 'M#0766#G'), `${name} ${action}`).toBe(false);
        // Lifecycle reads and erases what is kept about a municipality that leaves.
        const others = name !== 'accessapi' && !(name === 'lifecycle' && ['Query', 'DeleteItem'].includes(action));
        if (others) expect(mayInside(name, action, 'M#0630#G'), `${name} ${action}`).toBe(false);
      }
    }
    expect(mayInside('tenantapi', 'GetItem', 'C#client')).toBe(false);
  });

  test('of the record are out of reach of access-api, which tells events of its own and reads none', () => {
    for (const action of ALL) {
      for (const key of INSIDE.filter((inside) => !inside.startsWith('T#0630#E#'))) {
        expect(mayInside('accessapi', action, key), `${action} ${key}`).toBe(false);
      }
    }
    expect(mayInside('accessapi', 'PutItem', 'T#0630#E#1')).toBe(true);
    expect(mayInside('accessapi', 'Query', 'T#0630#EVENTS', 'list')).toBe(false);
  });

  test('that say when clients were used are written by the functions that let them in, and erased with their clients', () => {
    for (const name of ['tenantapi', 'accessapi']) {
      for (const action of ['BatchGetItem', 'PutItem']) expect(may(name, action, 'U#client'), action).toBe(true);
    }
    for (const name of [...WORKERS, 'adminapi']) {
      for (const action of ['UpdateItem', 'DeleteItem', 'Query']) {
        if (name === 'adminapi' && action === 'Query') continue;
        expect(may(name, action, 'U#client'), `${name} ${action}`).toBe(false);
      }
    }
  });

  test('of control are the operators’, with what municipalities see of programmes', () => {
    const control = ['M#0630', 'M#0630#G', 'M#0630#F', 'P#carelink', 'C#client', 'F#programme'];
    for (const key of control) expect(may('adminapi', 'PutItem', key), key).toBe(true);
    for (const list of ['PROGRAMMES', 'CLIENTS#partner#carelink']) {
      expect(may('adminapi', 'Query', list, 'list')).toBe(true);
    }
    expect(may('adminapi', 'PutItem', 'U#client')).toBe(false);
    expect(of('adminapi', true)).toEqual([]);
  });

  test('that prove a message are read by inbox, and those of the record written, no others', () => {
    expect(may('inbox', 'GetItem', 'M#0630')).toBe(true);
    expect(mayInside('inbox', 'GetItem', 'T#0630#R#1')).toBe(true);
    expect(mayInside('inbox', 'Query', 'T#0630#CASE#27', 'case')).toBe(true);
    for (const key of ['T#0630#R#1', 'T#0630#E#1', 'T#0630#K#inbox', 'T#0630#B#family#1']) {
      expect(mayInside('inbox', 'PutItem', key), key).toBe(true);
    }
    expect(mayInside('inbox', 'UpdateItem', 'M#0630#Q')).toBe(true);
    for (const key of ['T#0630#D#1', 'T#0630#SEQUENCE', 'M#0630#F', 'M#0630#G', 'M#0630', 'C#client']) {
      for (const action of ['PutItem', 'UpdateItem', 'DeleteItem']) {
        expect(mayInside('inbox', action, key) || may('inbox', action, key), key).toBe(false);
      }
    }
    // The owner of a connection needs a live grant, and with it a client that is not revoked.
    expect(may('inbox', 'GetItem', 'C#client')).toBe(true);
    expect(mayInside('inbox', 'Query', 'T#0630#L#children', 'list')).toBe(false);
  });

  test('of control are never written by relay, deliver or clock', () => {
    for (const name of ['relay', 'deliver', 'clock']) {
      expect(may(name, 'GetItem', 'M#0630'), name).toBe(true);
      // The owner of an endpoint or a connection needs a live grant.
      expect(may(name, 'GetItem', 'C#client'), name).toBe(true);
      expect(mayInside(name, 'GetItem', 'C#client'), name).toBe(false);
      expect(mayInside(name, 'UpdateItem', 'T#0630#D#1'), name).toBe(true);
      for (const either of [may, mayInside]) {
        expect(either(name, 'UpdateItem', 'C#client'), name).toBe(false);
        expect(either(name, 'PutItem', 'C#client'), name).toBe(false);
        expect(either(name, 'UpdateItem', 'M#0630'), name).toBe(false);
      }
    }
    expect(may('clock', 'Query', 'MUNICIPALITIES', 'list')).toBe(true);
    expect(mayInside('clock', 'Query', 'T#0630#DUE', 'due')).toBe(true);
    expect(mayInside('clock', 'Query', 'T#0630#CASE#27', 'case')).toBe(true);
  });

  test('are out of public-api’s reach', () => {
    expect(of('publicapi').flatMap(({ actions }) => actions)).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents']);
  });
});

test('objects are written by lifecycle alone and archives read by archive-api too, those of the session’s municipality, on their shelf', () => {
  const aboutObjects = statements.filter(({ actions }) => actions.some((action) => action.startsWith('s3:')));
  expect(aboutObjects.map(({ role, sid }) => `${role.split('tenantrole')[0]} ${sid}`).toSorted()).toEqual([
    'archiveapi ListArchive',
    'archiveapi ReadArchive',
    'lifecycle KeepArchive',
    'lifecycle KeepHandover',
    'lifecycle ListArchive',
    'lifecycle ListHandover',
  ]);
  for (const { sid = '', role, actions, resources: objects, condition } of aboutObjects) {
    expect(role).toMatch(sid.startsWith('Keep') ? /^lifecycletenantrole/ : /tenantrole/);
    const shelf = sid.endsWith('Archive') ? 'archive' : 'handover';
    if (sid.startsWith('List')) {
      expect(actions).toEqual(['s3:ListBucket']);
      expect(condition).toEqual({ StringLike: { 's3:prefix': `${shelf}/${TAG}/*` } });
      continue;
    }
    if (sid === 'ReadArchive') expect(actions).toEqual(['s3:GetObject']);
    // What a municipality takes with it is deleted by its expiry alone.
    else expect(actions.includes('s3:DeleteObject')).toBe(shelf === 'archive');
    expect(JSON.stringify(objects)).toContain(`/${shelf}/${TAG}/*`);
  }
});

test('clients are made in the one user pool by admin-api and access-api alone, and unmade by them and by lifecycle', () => {
  const cognito = statements.filter(({ actions }) => actions.some((action) => action.startsWith('cognito-idp:')));
  expect(cognito).toHaveLength(3);
  const { role, actions } = cognito.find((statement) => statement.role.startsWith('lifecycle')) as Statement;
  expect({ role, actions }).toEqual({
    role: expect.stringMatching(/^lifecyclerole/),
    actions: ['cognito-idp:DeleteUserPoolClient'],
  });
  for (const name of ['adminapi', 'accessapi']) {
    expect(cognito.find((statement) => statement.role.startsWith(`${name}role`))?.actions, name).toEqual([
      'cognito-idp:AddUserPoolClientSecret',
      'cognito-idp:CreateUserPoolClient',
      'cognito-idp:DeleteUserPoolClient',
      'cognito-idp:DeleteUserPoolClientSecret',
      'cognito-idp:ListUserPoolClientSecrets',
    ]);
  }
});

test('a tenant role is taken by its own function alone, for one municipality that exists, under no other tag', () => {
  const roles = ofType(resources, 'AWS::IAM::Role').filter(({ id }) => /tenantrole/.test(id));
  expect(roles.map(({ id }) => id.split('tenantrole')[0]).sort()).toEqual([...WORKERS].sort());
  for (const { id, properties } of roles) {
    const [statement, ...others] = properties.AssumeRolePolicyDocument.Statement;
    expect(others).toEqual([]);
    expect(statement.Action).toEqual(['sts:AssumeRole', 'sts:TagSession']);
    expect(JSON.stringify(statement.Principal)).toContain(`${id.split('tenantrole')[0]}role`);
    expect(statement.Condition.StringEquals['aws:RequestTag/municipality']).toEqual(
      allMunicipalities().map(({ code }) => code),
    );
    expect(statement.Condition['ForAllValues:StringEquals']).toEqual({ 'aws:TagKeys': ['municipality'] });
  }
});

test('a data key is unwrapped under a tenant role alone, by the key of its municipality, for it and for a purpose of the function', () => {
  const unwrapping = statements.filter(({ sid }) => sid === 'UnwrapKeys');
  expect(unwrapping.map(({ role }) => role.split('role')[0]).sort()).toEqual(
    ['tenantapi', 'accessapi', 'archiveapi', 'inbox', 'deliver', 'clock', 'lifecycle']
      .map((name) => `${name}tenant`)
      .sort(),
  );
  const all = ['fields', 'secrets', 'lookup', 'integrity'];
  const purposes: Readonly<Record<string, readonly string[]>> = {
    tenantapi: all,
    accessapi: ['lookup', 'integrity'],
    archiveapi: ['fields', 'integrity'],
    inbox: all,
    deliver: ['secrets', 'integrity'],
    clock: ['fields', 'lookup', 'integrity'],
    lifecycle: all,
  };
  for (const { role, actions, condition } of unwrapping) {
    expect(actions).toEqual(['kms:Decrypt']);
    expect(condition.StringEquals).toEqual({
      'aws:ResourceTag/livline:stage': 'prod',
      'aws:ResourceTag/livline:municipality': TAG,
      'kms:EncryptionContext:municipality': TAG,
      'kms:EncryptionContext:purpose': purposes[role.split('tenantrole')[0] ?? ''],
    });
  }
  const others = statements.filter(({ sid, actions }) => actions.includes('kms:Decrypt') && sid !== 'UnwrapKeys');
  for (const { resources: named, role } of others) expect(JSON.stringify(named), role).not.toContain('*');
});

test('keys are ended by lifecycle alone, and only those of municipalities of its stage', () => {
  const ending = statements.filter(({ actions }) => actions.includes('kms:DisableKey'));
  expect(ending.map(({ role }) => role)).toEqual([expect.stringMatching(/^lifecyclerole/)]);
  expect(ending[0]?.condition).toEqual({
    StringEquals: { 'aws:ResourceTag/livline:stage': 'prod' },
    Null: { 'aws:ResourceTag/livline:municipality': 'false' },
  });
});

test('certificates are signed by lifecycle alone, and their public key is shown by admin-api', () => {
  const by = (action: string) => statements.filter(({ actions }) => actions.includes(action));
  expect(by('kms:Sign').map(({ role }) => role)).toEqual([expect.stringMatching(/^lifecyclerole/)]);
  expect(by('kms:GetPublicKey').map(({ role }) => role)).toEqual([expect.stringMatching(/^adminapirole/)]);
  for (const { resources: named } of [...by('kms:Sign'), ...by('kms:GetPublicKey')]) {
    expect(JSON.stringify(named)).toContain('certificates');
  }
});

test('rows are erased by lifecycle alone: those of the municipality of its session, clients, and notes of keys that were made', () => {
  const erasing = statements.filter(({ actions }) => actions.includes('dynamodb:BatchWriteItem'));
  expect(erasing.map(({ role, condition }) => [role.slice(0, 13), condition['ForAllValues:StringLike']])).toEqual(
    expect.arrayContaining([
      ['lifecycletena', { 'dynamodb:LeadingKeys': [`T#${TAG}#*`, `M#${TAG}#*`] }],
      ['lifecycletena', { 'dynamodb:LeadingKeys': [`T#${TAG}#Y#*`] }],
      ['lifecyclerole', { 'dynamodb:LeadingKeys': ['C#*', 'U#*', 'KEY#*'] }],
    ]),
  );
  expect(erasing).toHaveLength(3);
});

test('the keys of persons are made by whoever writes the record, read by archive-api, ended by lifecycle, and out of reach of access-api, deliver and relay', () => {
  const table = ofType(resources, 'AWS::DynamoDB::Table').find(({ id }) => id.startsWith('keys'));
  const onKeys = statements.filter(({ sid }) => /PersonKeys$/.test(sid ?? ''));
  const inTable = JSON.stringify(table?.id).slice(1, -1);
  for (const { resources: named, condition } of onKeys) {
    expect(JSON.stringify(named)).toContain(inTable);
    expect(condition['ForAllValues:StringLike']).toEqual({ 'dynamodb:LeadingKeys': [`T#${TAG}#Y#*`] });
  }
  const elsewhere = statements.filter((each) => !onKeys.includes(each));
  expect(JSON.stringify(elsewhere.map((each) => each.resources))).not.toContain(inTable);
  const made = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem'];
  expect(
    Object.fromEntries(onKeys.map(({ role, actions }) => [role.split('tenantrole')[0], [...actions].sort()])),
  ).toEqual({
    tenantapi: made,
    inbox: made,
    clock: made,
    archiveapi: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
    lifecycle: [
      'dynamodb:BatchGetItem',
      'dynamodb:BatchWriteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
    ],
  });
});
