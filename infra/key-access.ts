import { Aws, type Stack, Validations } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IKey, Key } from 'aws-cdk-lib/aws-kms';
import { KEY_PURPOSES, type KeyPurpose } from '#shared/crypto/purposes.ts';
import { HERE, type TenantFunction } from './table-access.ts';

/**
 * Who may do what with the municipalities' keys. They are made while the product runs, so no policy can name them: they
 * are known by their tags, which are set when a key is made and never changed afterwards.
 */
const MUNICIPALITY_TAG = 'aws:ResourceTag/livline:municipality';
const STAGE_TAG = 'aws:ResourceTag/livline:stage';

/** The municipality that a request wants to tag a key with. */
const REQUESTED = '$' + '{aws:RequestTag/livline:municipality}';

const arnOf = (stack: Stack, resource: string): string => `arn:aws:kms:${stack.region}:${Aws.ACCOUNT_ID}:${resource}`;
const EVERY_KEY = 'key/*';
const aliasesOf = (stage: string): string => `alias/livline/${stage}/*`;

/** Lets the operators' function make a key for a municipality, and wrapped data keys by it that it never sees in clear. */
export function grantKeyMaking(role: Role, stack: Stack, stage: string): void {
  acknowledgeNamelessKeys(role, stack, stage);
  const ofStage = { StringEquals: { [STAGE_TAG]: stage } };
  role.addToPolicy(
    new PolicyStatement({
      sid: 'MakeKeys',
      actions: ['kms:CreateKey', 'kms:TagResource'],
      // A key that is being made has no name yet.
      resources: ['*'],
      conditions: {
        StringEquals: { 'aws:RequestTag/livline:stage': stage },
        'ForAllValues:StringEquals': { 'aws:TagKeys': ['livline:municipality', 'livline:stage'] },
        // A key that has the tags keeps them: it may be given none but those that it has.
        StringEqualsIfExists: { [MUNICIPALITY_TAG]: REQUESTED, [STAGE_TAG]: stage },
      },
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      sid: 'UseKeys',
      actions: ['kms:DescribeKey', 'kms:EnableKeyRotation', 'kms:CreateAlias', 'kms:GenerateDataKeyWithoutPlaintext'],
      resources: [arnOf(stack, EVERY_KEY)],
      conditions: ofStage,
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      sid: 'NameKeys',
      actions: ['kms:CreateAlias'],
      resources: [arnOf(stack, aliasesOf(stage))],
    }),
  );
}

/** What would change who may use a key, what it is known by, or whether it exists. */
const CHANGES_OF_A_KEY = [
  'kms:TagResource',
  'kms:UntagResource',
  'kms:PutKeyPolicy',
  'kms:CreateGrant',
  'kms:CreateAlias',
  'kms:UpdateAlias',
  'kms:DeleteAlias',
  'kms:DisableKey',
  'kms:DisableKeyRotation',
  'kms:ScheduleKeyDeletion',
];

/**
 * Denies every function of the stage any change of a key that the stage is deployed with, whatever its role allows. The
 * stacks' roles are known by the stage's name, with which CloudFormation begins the names of all roles it makes.
 */
export function denyChangesByFunctions(key: Key, stage: string): void {
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: 'NoFunctionChangesIt',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: CHANGES_OF_A_KEY,
      resources: ['*'],
      conditions: { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${Aws.ACCOUNT_ID}:role/livline-${stage}-*` } },
    }),
  );
}

/** Lets a function end a municipality's key. */
export function grantKeyDestruction(role: Role, stack: Stack, stage: string): void {
  acknowledgeNamelessKeys(role, stack, stage);
  role.addToPolicy(
    new PolicyStatement({
      sid: 'DestroyKeys',
      actions: ['kms:DescribeKey', 'kms:DisableKey', 'kms:ScheduleKeyDeletion', 'kms:DeleteAlias'],
      resources: [arnOf(stack, EVERY_KEY)],
      // The stage's other keys have no municipality, so it can end none of those.
      conditions: { StringEquals: { [STAGE_TAG]: stage }, Null: { [MUNICIPALITY_TAG]: 'false' } },
    }),
  );
  role.addToPolicy(
    new PolicyStatement({
      sid: 'UnnameKeys',
      actions: ['kms:DeleteAlias'],
      resources: [arnOf(stack, aliasesOf(stage))],
    }),
  );
}

/** Lets a role use the key of certificates: sign by it, or show its public part. */
export function grantCertificates(role: Role, key: IKey, action: 'kms:Sign' | 'kms:GetPublicKey'): void {
  role.addToPolicy(new PolicyStatement({ sid: 'Certify', actions: [action], resources: [key.keyArn] }));
}

/**
 * The purposes of the keys that each function unwraps, which it needs for its work and for what it writes: a function that
 * changes a record seals its fields, keys what it is looked up by, and proves the row. The relay reads nothing sealed.
 */
export const UNWRAPPED: Readonly<Record<TenantFunction, readonly KeyPurpose[]>> = {
  'tenant-api': KEY_PURPOSES,
  // It keeps keyed fingerprints of requests and writes events. It opens nothing of the record.
  'access-api': ['lookup', 'integrity'],
  // It opens what is archived, enters that in the access log, and says of an erasure that its archive is deleted.
  'archive-api': ['fields', 'integrity'],
  inbox: KEY_PURPOSES,
  relay: [],
  // It signs what it posts, and disables endpoints. It opens nothing of the record.
  deliver: ['secrets', 'integrity'],
  clock: ['fields', 'lookup', 'integrity'],
  // It seals everything anew where that is asked for, secrets too.
  lifecycle: KEY_PURPOSES,
};

/** Lets a tenant role unwrap the data keys for these purposes of the municipality that its session is tagged with. */
export function grantUnwrapping(role: Role, stack: Stack, stage: string, purposes: readonly KeyPurpose[]): void {
  acknowledgeNamelessKeys(role, stack, stage);
  role.addToPolicy(
    new PolicyStatement({
      sid: 'UnwrapKeys',
      actions: ['kms:Decrypt'],
      resources: [arnOf(stack, EVERY_KEY)],
      conditions: {
        StringEquals: {
          [STAGE_TAG]: stage,
          [MUNICIPALITY_TAG]: HERE,
          'kms:EncryptionContext:municipality': HERE,
          'kms:EncryptionContext:purpose': purposes,
        },
      },
    }),
  );
}

function acknowledgeNamelessKeys(role: Role, stack: Stack, stage: string): void {
  const reason = 'The municipalities’ keys are made while the product runs: their tags say which they are.';
  const resources = ['*', arnOf(stack, EVERY_KEY), arnOf(stack, aliasesOf(stage))];
  const ids = resources.map((arn) => `AwsSolutions-IAM5[Resource::${arn.replace(Aws.ACCOUNT_ID, '<AWS::AccountId>')}]`);
  Validations.of(role).acknowledge(...ids.map((id) => ({ id, reason })));
}
