import { inject } from 'vitest';
import type { HandOn } from '#functions/rounds.ts';
import type { FunctionName } from '#infra/service-function.ts';
import { type Buckets, objectKey } from '#shared/archive/bucket.ts';
import type { KeyMaker } from '#shared/crypto/key-maker.ts';
import type { KeyBinding, KeyOpener } from '#shared/crypto/key-opener.ts';
import type { CertificateKey, CertificateSigner } from '#shared/tenancy/certificates.ts';
import type { WakeClock } from '#shared/tenancy/grant-operations.ts';
import type { IdentityProvider } from '#shared/tenancy/identity.ts';
import type { SendHints } from '#shared/webhooks/hints.ts';
import { recordDenial } from './denials.ts';
import { type IamRequest, type Principal, policiesOf } from './policies.ts';
import { ACCOUNT, REGION } from './role-policies.ts';

/**
 * IAM between the code under test and what stands in for AWS. One for all that a test file starts, since it remembers what
 * it was asked. What it denies is thrown as AWS would throw it, and fails the test whatever becomes of that.
 */
const iam = policiesOf(inject('policies'));

async function noted(asked: Promise<void>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    recordDenial(error as Error);
    throw error;
  }
}

/** Before a command goes to DynamoDB. */
export const requireRows = (by: Principal, command: string, input: unknown): Promise<void> =>
  noted(iam.requireAllowed(by, command, input));

/** Before a session is opened in which a function works inside one municipality. */
export const requireSession = (name: FunctionName, municipality: string): Promise<void> =>
  noted(iam.requireSession(name, { municipality }));

/** Before any other call. */
export const requireCall = (by: Principal, request: IamRequest): Promise<void> => noted(iam.requireCall(by, request));

/** The ARN of what CDK knows by this name, such as the queue `delivery`. */
export const arnOf = iam.arnOf;

/** A function's way to the queue of deliveries. */
export const sendingFrom =
  (name: FunctionName, send: SendHints): SendHints =>
  async (hints) => {
    const queues = new Set(hints.map(({ isSlow }) => (isSlow ? 'slowdelivery' : 'delivery')));
    for (const queue of queues)
      await requireCall({ function: name }, { action: 'sqs:SendMessage', resource: arnOf(queue) });
    return send(hints);
  };

/** A function's way to the queue of municipalities that its round did not reach. */
export const handingOn =
  (name: 'clock' | 'lifecycle', send: (codes: readonly string[]) => void): HandOn =>
  async (codes) => {
    await requireCall({ function: name }, { action: 'sqs:SendMessage', resource: arnOf(`${name}turns`) });
    send(codes);
  };

/** A function's way to ask the clock to look at a municipality. */
export const wakingClock =
  (name: FunctionName, wake: (code: string) => void): WakeClock =>
  async (code) => {
    await requireCall({ function: name }, { action: 'sqs:SendMessage', resource: arnOf('clockturns') });
    wake(code);
  };

/** A function's way to the bucket, to keep objects of a municipality: in a session of its tenant role there. */
export const keepingIn =
  (name: FunctionName, buckets: Buckets): Buckets =>
  (municipality, shelf) => {
    const bucket = buckets(municipality, shelf);
    const { put, get } = bucket;
    const ask = (action: string, object: string) =>
      requireCall(
        { function: name, municipality },
        { action, resource: `${arnOf('bucket')}/${objectKey(municipality, shelf, object)}` },
      );
    return {
      async put(object, body, type) {
        // A large object is written in parts, and given up where that fails.
        for (const action of ['s3:PutObject', 's3:AbortMultipartUpload']) await ask(action, object);
        return put(object, body, type);
      },
      async get(object) {
        // Whether it is there is looked up by its prefix, for which S3 needs another right than for the object.
        const context = { 's3:prefix': objectKey(municipality, shelf, object) };
        const list = { action: 's3:ListBucket', resource: arnOf('bucket'), context };
        await requireCall({ function: name, municipality }, list);
        const found = await get(object);
        if (found) await ask('s3:GetObject', object);
        return found;
      },
      async delete(object) {
        await ask('s3:DeleteObject', object);
        await bucket.delete(object);
      },
    };
  };

/** A function's way to the key that signs certificates. */
export function signingBy(
  name: FunctionName,
  { sign, publicKey }: CertificateSigner & CertificateKey,
): CertificateSigner & CertificateKey {
  const ask = (action: string) => requireCall({ function: name }, { action, resource: arnOf('certificates') });
  return {
    sign: async (claims) => ask('kms:Sign').then(() => sign(claims)),
    publicKey: async () => ask('kms:GetPublicKey').then(publicKey),
  };
}

/** The key of any municipality: policies know them by their tags. */
const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/municipality`;
const tagged = (by: 'Request' | 'Resource', code: string) => ({
  [`aws:${by}Tag/livline:municipality`]: code,
  [`aws:${by}Tag/livline:stage`]: 'prod',
});
const bound = ({ municipality, purpose }: KeyBinding) => ({
  'kms:EncryptionContext:municipality': municipality,
  'kms:EncryptionContext:purpose': purpose,
  'kms:EncryptionContextKeys': ['municipality', 'purpose'],
});

/** A function's way to the key service, to make keys of municipalities: under its own role. */
export function makingKeys(name: FunctionName, keys: KeyMaker & { ownerOf(keyId: string): string }): KeyMaker {
  const by = { function: name };
  const use = (code: string, action: string, resource = KEY, binding = {}) =>
    requireCall(by, { action: `kms:${action}`, resource, context: { ...tagged('Resource', code), ...binding } });
  const alias = (code: string) => KEY.replace('key/municipality', `alias/livline/prod/${code}`);
  return {
    async createKey(code, note) {
      const context = { ...tagged('Request', code), 'aws:TagKeys': ['livline:municipality', 'livline:stage'] };
      for (const action of ['kms:CreateKey', 'kms:TagResource']) {
        await requireCall(by, { action, resource: action === 'kms:CreateKey' ? '*' : KEY, context });
      }
      for (const action of ['DescribeKey', 'EnableKeyRotation', 'CreateAlias']) await use(code, action);
      await use(code, 'CreateAlias', alias(code));
      return keys.createKey(code, note);
    },
    async newDataKey(keyId, binding) {
      await use(keys.ownerOf(keyId), 'GenerateDataKeyWithoutPlaintext', KEY, bound(binding));
      return keys.newDataKey(keyId, binding);
    },
    async discardKey(code, keyId) {
      for (const action of ['DescribeKey', 'ScheduleKeyDeletion']) await use(code, action);
      return keys.discardKey(code, keyId);
    },
    async destroyKey(code, keyId) {
      for (const action of ['DescribeKey', 'DisableKey', 'ScheduleKeyDeletion', 'DeleteAlias']) await use(code, action);
      await use(code, 'DeleteAlias', alias(code));
      return keys.destroyKey(code, keyId);
    },
  };
}

/** A function's way to the key service, to unwrap what belongs to a municipality: in a session of its tenant role there. */
export const unwrappingBy = (name: FunctionName, keys: KeyOpener & { ownerOf(keyId: string): string }): KeyOpener => ({
  async unwrap(keyId, wrapped, binding) {
    await requireCall(
      { function: name, municipality: binding.municipality },
      {
        action: 'kms:Decrypt',
        resource: KEY,
        context: { ...tagged('Resource', keys.ownerOf(keyId)), ...bound(binding) },
      },
    );
    return keys.unwrap(keyId, wrapped, binding);
  },
});

const ISSUER_ACTIONS = {
  createClient: 'CreateUserPoolClient',
  deleteClient: 'DeleteUserPoolClient',
  addSecret: 'AddUserPoolClientSecret',
  listSecrets: 'ListUserPoolClientSecrets',
  deleteSecret: 'DeleteUserPoolClientSecret',
} as const satisfies Record<keyof IdentityProvider, string>;

/** A function's way to the token issuer. */
export function managingClients(name: FunctionName, identity: IdentityProvider): IdentityProvider {
  const asked = Object.entries(ISSUER_ACTIONS).map(([method, action]) => [
    method,
    async (...args: readonly unknown[]) => {
      await requireCall({ function: name }, { action: `cognito-idp:${action}`, resource: arnOf('clients') });
      return (identity[method as keyof IdentityProvider] as (...given: readonly unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(asked) as IdentityProvider;
}
