import { randomUUID } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { AssumeRoleCommand, type AssumeRoleCommandInput, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Callers, callersOf, isOurs } from '#infra/local/callers.ts';
import { createTable } from '#infra/local/table.ts';
import { createTokenService } from '#infra/local/token-service.ts';
import { type Served, served } from '../support/served.ts';

const accessKeyId = randomUUID().replaceAll('-', '');
const ours = { accessKeyId, secretAccessKey: 'any' };
const role = 'arn:aws:iam::000000000000:role/tenant';
const START = Date.parse('2026-11-20T09:00:00Z');
const wanted: AssumeRoleCommandInput = {
  RoleArn: role,
  RoleSessionName: 'municipality-0630',
  DurationSeconds: 900,
  Tags: [{ Key: 'municipality', Value: '0630' }],
};

let clock = START;
let callers: Callers;
let server: Served;

beforeAll(async () => {
  callers = callersOf(accessKeyId, () => clock);
  server = await served({ '/sts': createTokenService({ callers, roles: [role] }) });
});

beforeEach(() => {
  clock = START;
});

afterAll(() => server.stop());

async function assume(changes: Partial<AssumeRoleCommandInput> = {}, credentials: object = ours) {
  const settings = { endpoint: `${server.url}/sts`, region: 'eu-central-1', maxAttempts: 1 };
  const sts = new STSClient({ ...settings, credentials: credentials as typeof ours });
  const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleCommand({ ...wanted, ...changes }));
  const session = {
    accessKeyId: String(Credentials?.AccessKeyId),
    secretAccessKey: String(Credentials?.SecretAccessKey),
    sessionToken: String(Credentials?.SessionToken),
  };
  return { session, expiration: Credentials?.Expiration, user: AssumedRoleUser?.Arn };
}

/** A request as somebody with these credentials signs it. */
const signedBy = (key: string, sessionToken?: string, host = '127.0.0.1:3000') => ({
  headers: {
    host,
    authorization: `AWS4-HMAC-SHA256 Credential=${key}/20261120/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=0`,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  },
});

describe('the token service', () => {
  it('gives a session of its own to each who asks, which says its municipality and when it ends', async () => {
    const [first, second] = await Promise.all([assume(), assume({ Tags: [{ Key: 'municipality', Value: '0766' }] })]);
    expect(first.expiration).toEqual(new Date(START + 900_000));
    expect(first.user).toBe('arn:aws:sts::000000000000:assumed-role/tenant/municipality-0630');
    expect(first.session.sessionToken).not.toBe(second.session.sessionToken);
    expect(first.session.secretAccessKey).not.toBe(second.session.secretAccessKey);
    const whose = [first, second].map(({ session }) => callers.of(signedBy(accessKeyId, session.sessionToken)));
    expect(whose).toEqual([{ municipality: '0630' }, { municipality: '0766' }]);
  });

  it.each<[string, Partial<AssumeRoleCommandInput>, string]>([
    ['another role', { RoleArn: 'arn:aws:iam::000000000000:role/admin' }, 'AccessDenied'],
    ['no tag', { Tags: [] }, 'AccessDenied'],
    ['another tag', { Tags: [{ Key: 'tenant', Value: '0630' }] }, 'AccessDenied'],
    ['two tags', { Tags: [...(wanted.Tags ?? []), { Key: 'role', Value: 'admin' }] }, 'AccessDenied'],
    ['a tag twice', { Tags: [...(wanted.Tags ?? []), { Key: 'municipality', Value: '0766' }] }, 'AccessDenied'],
    ['a wildcard for a municipality', { Tags: [{ Key: 'municipality', Value: '*' }] }, 'AccessDenied'],
    ['a municipality and more', { Tags: [{ Key: 'municipality', Value: '0630#' }] }, 'AccessDenied'],
    ['too short a time', { DurationSeconds: 899 }, 'ValidationError'],
    ['too long a time', { DurationSeconds: 3601 }, 'ValidationError'],
    ['a name that is none', { RoleSessionName: 'municipality <0630>' }, 'ValidationError'],
  ])('refuses %s', async (_what, changes, name) => {
    await expect(assume(changes)).rejects.toMatchObject({ name });
  });

  it('hears nobody without the access key of the installation, and no session', async () => {
    await expect(assume({}, { ...ours, accessKeyId: 'somebodyelse' })).rejects.toThrow('security token');
    const { session } = await assume();
    await expect(assume({}, session)).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('a session', () => {
  it('reaches the same tables as the functions do themselves', async () => {
    const settings = { endpoint: inject('dynamodbEndpoint'), region: 'eu-central-1' };
    const own = new DynamoDBClient({ ...settings, credentials: ours });
    const TableName = `session-${randomUUID()}`;
    await createTable(own, TableName, inject('template'));
    const Key = { pk: { S: 'T#0630#R#1' }, sk: { S: 'A' } };
    await own.send(new PutItemCommand({ TableName, Item: Key }));
    const { session } = await assume();
    const tenant = new DynamoDBClient({ ...settings, credentials: session });
    expect((await tenant.send(new GetItemCommand({ TableName, Key }))).Item).toEqual(Key);
  });

  it('ends when its time is over', async () => {
    const { session } = await assume();
    const request = signedBy(accessKeyId, session.sessionToken);
    clock += 900_000 - 1;
    expect(callers.of(request)).toEqual({ municipality: '0630' });
    clock += 1;
    expect(callers.of(request)).toBeUndefined();
  });
});

describe('a caller', () => {
  it('is a function of the installation, under a loopback name and with its access key', () => {
    expect(callers.of(signedBy(accessKeyId))).toEqual({});
    expect(isOurs(signedBy(accessKeyId), accessKeyId)).toBe(true);
    for (const stranger of [
      signedBy('somebodyelse'),
      signedBy(accessKeyId, undefined, 'rebound.example'),
      signedBy(accessKeyId, 'a token that nobody gave'),
      { headers: { host: '127.0.0.1' } },
    ]) {
      expect(callers.of(stranger)).toBeUndefined();
      expect(isOurs(stranger, accessKeyId)).toBe(false);
    }
  });
});
