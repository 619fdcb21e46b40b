import { describe, expect, inject, it } from 'vitest';
import type { FunctionName } from '#infra/service-function.ts';
import { policiesOf } from '#test/support/policies.ts';
import { ACCOUNT, type PolicyDocument, REGION } from '#test/support/role-policies.ts';

/** What the functions may do to keys, by their roles and the keys' own policies as they are synthesised for prod. */
const synthesised = inject('policies');
const iam = policiesOf(synthesised);
const STATIC = ['key', 'certificates'].map((name) => [name, iam.arnOf(name)] as const);
const FUNCTIONS = Object.keys(synthesised.roles)
  .filter((id) => /(?<!tenant)role$/.test(id))
  .map((id) => id.replace(/role$/, '').replace(/^(\w+)api$/, '$1-api') as FunctionName);
const MUNICIPALITY_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/municipality`;
const FACES_THE_INTERNET = FUNCTIONS.filter((name) => name.endsWith('-api') || name === 'inbox');

const CHANGES = [
  'TagResource',
  'UntagResource',
  'PutKeyPolicy',
  'CreateGrant',
  'CreateAlias',
  'DeleteAlias',
  'DisableKey',
  'DisableKeyRotation',
  'ScheduleKeyDeletion',
].map((action) => `kms:${action}`);

const tags = (by: 'Request' | 'Resource', municipality: string, stage = 'prod') => ({
  [`aws:${by}Tag/livline:municipality`]: municipality,
  [`aws:${by}Tag/livline:stage`]: stage,
});
const BOTH_TAGS = { 'aws:TagKeys': ['livline:municipality', 'livline:stage'] };

describe.each(STATIC)('the deployed key %s', (_, resource) => {
  it.each(FUNCTIONS)('is changed, tagged, disabled and deleted by %s in no way', async (name) => {
    for (const municipality of [undefined, '0630']) {
      if (municipality && !synthesised.roles[`${name.replaceAll('-', '')}tenantrole`]) continue;
      for (const action of CHANGES) {
        const context = { ...tags('Request', '0630'), ...tags('Resource', '0630'), ...BOTH_TAGS };
        expect(await iam.decide({ function: name, municipality }, { action, resource, context }), action).toBe(false);
      }
    }
  });

  it('denies it by its own policy, so that a role which allows everything is refused too', async () => {
    const everything: PolicyDocument = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }],
    };
    const roles = Object.fromEntries(
      Object.entries(synthesised.roles).map(([id, role]) => [id, { ...role, identity: everything }]),
    );
    const careless = policiesOf({ ...synthesised, roles });
    for (const action of CHANGES) {
      expect(await careless.decide({ function: 'admin-api' }, { action, resource }), action).toBe(false);
      const other = { action, resource: MUNICIPALITY_KEY };
      expect(await careless.decide({ function: 'admin-api' }, other), action).toBe(true);
    }
  });

  it('is changed by whoever deploys', () => {
    const denials = synthesised.keyPolicies[resource]?.Statement.filter(({ Effect }) => Effect === 'Deny');
    expect(denials).toEqual([
      expect.objectContaining({
        Condition: { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/livline-prod-*` } },
      }),
    ]);
    for (const { arn } of Object.values(synthesised.roles)) expect(arn).toContain(':role/livline-prod-');
  });
});

describe('the key of a municipality', () => {
  it('is deleted and disabled by no function that faces the internet', async () => {
    expect(FACES_THE_INTERNET).toEqual(expect.arrayContaining(['tenant-api', 'admin-api', 'public-api', 'inbox']));
    for (const name of FACES_THE_INTERNET) {
      for (const action of ['kms:ScheduleKeyDeletion', 'kms:DisableKey', 'kms:DeleteAlias', 'kms:PutKeyPolicy']) {
        const asked = { action, resource: MUNICIPALITY_KEY, context: tags('Resource', '0630') };
        expect(await iam.decide({ function: name }, asked), `${name} ${action}`).toBe(false);
      }
    }
  });

  it('is tagged when it is made, and given no other tags afterwards', async () => {
    const tag = (context: object) =>
      iam.decide(
        { function: 'admin-api' },
        { action: 'kms:TagResource', resource: MUNICIPALITY_KEY, context: { ...BOTH_TAGS, ...context } },
      );
    expect(await tag(tags('Request', '0630'))).toBe(true);
    expect(await tag({ ...tags('Request', '0630'), ...tags('Resource', '0766') })).toBe(false);
    expect(await tag({ ...tags('Request', '0630', 'test'), ...tags('Resource', '0630') })).toBe(false);
    expect(await tag({ ...tags('Request', '0630'), ...tags('Resource', '0630', 'test') })).toBe(false);
    expect(await tag({ ...tags('Request', '0630'), 'aws:TagKeys': ['livline:stage', 'other'] })).toBe(false);
    for (const name of FUNCTIONS.filter((each) => each !== 'admin-api')) {
      const asked = { action: 'kms:TagResource', resource: MUNICIPALITY_KEY, context: tags('Request', '0630') };
      expect(await iam.decide({ function: name }, asked), name).toBe(false);
    }
  });
});
