import { describe, expect, inject, test } from 'vitest';
import { policiesOf } from '#test/support/policies.ts';
import type { Policies, PolicyDocument } from '#test/support/role-policies.ts';

/** The policies of the suite, and whether they say what AWS's would. */
const synthesised = inject('policies');
const table = Object.values(synthesised.arns).find((arn) => arn.includes(':table/')) as string;

const ROWS = {
  'ForAllValues:StringLike': {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM's own variable
    'dynamodb:LeadingKeys': ['T#${aws:PrincipalTag/municipality}#*'],
  },
};
const GUARD = { Null: { 'dynamodb:LeadingKeys': 'false' } };
const documentOf = (...Statement: object[]): PolicyDocument => ({ Version: '2012-10-17', Statement });

/** Policies in which `relay` works inside one municipality, with this statement. */
function under(statement: object): ReturnType<typeof policiesOf> {
  const role = 'arn:aws:iam::111122223333:role';
  const trust = documentOf({
    Effect: 'Allow',
    Action: ['sts:AssumeRole', 'sts:TagSession'],
    Principal: { AWS: `${role}/relayrole` },
    Condition: {
      StringLike: { 'aws:RequestTag/municipality': '????' },
      'ForAllValues:StringEquals': { 'aws:TagKeys': ['municipality'] },
    },
  });
  const tenant = documentOf({
    Effect: 'Allow',
    Action: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    Resource: [table, `${table}/index/list`],
    ...statement,
  });
  const roles: Policies['roles'] = {
    relayrole: { arn: `${role}/relayrole`, identity: documentOf(), trust: documentOf() },
    relaytenantrole: { arn: `${role}/relaytenantrole`, identity: tenant, trust },
  };
  return policiesOf({ ...synthesised, encryptedBy: {}, roles });
}

const guarded = under({ Condition: { ...ROWS, ...GUARD } });
const inside = { function: 'relay', municipality: '0630' } as const;

const allowed = (asked: Promise<void>): Promise<boolean> =>
  asked.then(
    () => true,
    (error: Error) => {
      if (error.name !== 'AccessDeniedException') throw error;
      return false;
    },
  );

/** Whether a command is allowed. */
const may = (
  command: string,
  input: object,
  { by = inside, policies = guarded }: { by?: Parameters<typeof guarded.decide>[0]; policies?: typeof guarded } = {},
): Promise<boolean> => allowed(policies.requireAllowed(by, command, input));

const get = (pk: string) => ({ Key: { pk, sk: 'A' } });
const put = (pk: string) => ({ Put: { Item: { pk, sk: 'A' } } });
const query = (pk: string, IndexName?: string) => ({
  IndexName,
  KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :low AND :high',
  ExpressionAttributeNames: { '#pk': IndexName === undefined ? 'pk' : `${IndexName}Pk`, '#sk': 'sk' },
  ExpressionAttributeValues: { ':pk': pk, ':low': 'a', ':high': 'b' },
});
const batch = (...keys: string[]) => ({ RequestItems: { records: { Keys: keys.map((pk) => ({ pk, sk: 'A' })) } } });

describe('under the session of a municipality', () => {
  test('its rows are read and written, in the table and in an index that is granted', async () => {
    expect(await may('GetItem', get('T#0630#R#1'))).toBe(true);
    expect(await may('BatchGetItem', batch('T#0630#R#1', 'T#0630#E#1'))).toBe(true);
    expect(await may('Query', query('T#0630#EVENTS'))).toBe(true);
    expect(await may('Query', query('T#0630#L#families', 'list'))).toBe(true);
    expect(await may('TransactWriteItems', { TransactItems: [put('T#0630#R#1'), put('T#0630#E#1')] })).toBe(true);
  });

  test('those of another are not, nor what belongs to none', async () => {
    for (const pk of ['T#0631#R#1', 'T#06300#R#1', 'T#063#R#1', 'T#*#R#1', 'M#0630', 'C#client']) {
      expect(await may('GetItem', get(pk)), pk).toBe(false);
      expect(await may('Query', query(pk, 'list')), pk).toBe(false);
    }
  });

  test('an index that is not granted, an action that is not granted, and what names no key are denied', async () => {
    expect(await may('Query', query('T#0630#DUE', 'due'))).toBe(false);
    expect(await may('DeleteItem', get('T#0630#R#1'))).toBe(false);
    expect(await may('TransactWriteItems', { TransactItems: [put('T#0630#R#1'), { Delete: get('T#0630#R#2') }] })).toBe(
      false,
    );
    expect(await may('Scan', {})).toBe(false);
    expect(await may('Scan', { IndexName: 'list' })).toBe(false);
    expect(await may('ExecuteStatement', { Statement: 'SELECT * FROM "records"' })).toBe(false);
  });

  test('a batch or a transaction that mixes two municipalities is denied as a whole', async () => {
    expect(await may('BatchGetItem', batch('T#0630#R#1', 'T#0631#R#1'))).toBe(false);
    expect(await may('TransactWriteItems', { TransactItems: [put('T#0630#R#1'), put('T#0631#E#1')] })).toBe(false);
    const update = { Update: get('T#0631#R#1') };
    expect(await may('TransactWriteItems', { TransactItems: [put('T#0630#R#1'), update] })).toBe(false);
  });
});

describe('a session', () => {
  test('without a municipality, or of another one, reads nothing', async () => {
    for (const municipality of ['', '0631', '063', '*', '06?0', '0*']) {
      const by = { ...inside, municipality };
      expect(await may('GetItem', get('T#0630#R#1'), { by }), municipality).toBe(false);
    }
  });

  test('is opened by the function it belongs to alone, for one code of four characters and with no other tag', async () => {
    const opens = (tags: Record<string, string>) => allowed(guarded.requireSession('relay', tags));
    expect(await opens({ municipality: '0630' })).toBe(true);
    for (const municipality of ['', '063', '06300', '*', '06?0', '????', '063*']) {
      expect(await opens({ municipality }), municipality).toBe(false);
    }
    expect(await opens({})).toBe(false);
    expect(await opens({ municipality: '0630', role: 'operator' })).toBe(false);
  });
});

test('an answer about one municipality is none about another', async () => {
  const [mine, nobody] = [
    { ...inside, municipality: '0766' },
    { ...inside, municipality: '0000' },
  ];
  const asked = [
    [inside, 'T#0630#X#1', true],
    [mine, 'T#0766#X#1', true],
    [mine, 'T#0630#X#1', false],
    [mine, 'T#0000#X#1', false],
    [nobody, 'T#0000#X#1', true],
    [nobody, 'T#0630#X#1', false],
    [inside, 'T#0000#X#1', false],
    [inside, 'T#0630', false],
  ] as const;
  for (const [by, pk, expected] of asked) expect(await may('GetItem', get(pk), { by }), pk).toBe(expected);
});

describe('the Null guard', () => {
  const Action = ['dynamodb:Scan', 'dynamodb:PartiQLSelect'];
  const scanning = under({ Action, Condition: { ...ROWS, ...GUARD } });
  const unguarded = under({ Action, Condition: ROWS });

  test('refuses a request that names no key, were the action ever granted', async () => {
    expect(await may('Scan', {}, { policies: scanning })).toBe(false);
    // ForAllValues alone holds where there is nothing to look at.
    expect(await may('Scan', {}, { policies: unguarded })).toBe(true);
  });
});

test('a denial names role, action and kinds of rows, and no value', async () => {
  await expect(guarded.requireAllowed(inside, 'GetItem', get('T#0631#R#secret'))).rejects.toThrow(
    'relaytenantrole may not GetItem T#…#R#',
  );
});

test('a pattern that looks beyond the kind of a row, or a condition that is not told, is refused by the tests', () => {
  const looking = (pattern: string) => () =>
    under({ Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [pattern] } } });
  expect(looking('T#*#K#*')).not.toThrow();
  expect(looking('T#*#K#inbox#*')).toThrow('looks beyond');
  expect(looking('T#*#K#inbox')).toThrow('looks beyond');
  expect(looking('T#0630#K#*')).toThrow('names a municipality');
  expect(() => under({ Condition: { StringEquals: { 'dynamodb:Attributes': ['view'] } } })).toThrow(
    'dynamodb:Attributes',
  );
});

test('the roles that are deployed are understood', () => {
  expect(Object.keys(synthesised.roles)).toContain('tenantapirole');
  policiesOf(synthesised);
});
