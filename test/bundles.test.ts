import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { bundleFunctions } from '#infra/bundle.ts';
import { createTables, keysTableOf } from '#infra/local/table.ts';
import type { FunctionEnvironments, FunctionName } from '#infra/service-function.ts';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { encodeKey, eventKey, type Key, recordKey } from '#shared/table/keys.ts';
import { BUNDLE_BUDGETS } from './support/bundle-budgets.ts';
import { signedBy } from './support/case-system.ts';
import { type Invoked, invokeBundle } from './support/invoke-bundle.ts';
import { proxyEvent } from './support/proxy-event.ts';
import { type StandIn, standIn, standInKms, standInQueue, standInTokens, standInUserPool } from './support/stand-in.ts';

const NAMES = Object.keys(BUNDLE_BUDGETS) as FunctionName[];
const CLIENT = { ClientId: 'administrator', ClientSecret: 'shown-once' };
const tableName = `bundles-${randomUUID()}`;

const database = new DynamoDBClient({
  endpoint: inject('dynamodbEndpoint'),
  region: 'eu-central-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

/** A row of the municipality as the database holds it, and as the stream brings it. */
async function rowOf({ pk, sk }: Key) {
  const where = { pk: { S: encodeKey(['T', '0766', ...pk]) }, sk: { S: encodeKey(sk) } };
  const { Item = {} } = await database.send(new GetItemCommand({ TableName: tableName, Key: where }));
  return Item;
}

let directory: string;
let environments: FunctionEnvironments;
let userPool: StandIn;
let queue: StandIn;
let tokens: StandIn;
let keys: StandIn;
let caseSystem: StandIn;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'livline-bundles-'));
  [userPool, queue, tokens, keys, caseSystem] = await Promise.all([
    standInUserPool(CLIENT),
    standInQueue(),
    standInTokens('test'),
    standInKms(),
    standIn(() => ({})),
  ]);
  const table = {
    TABLE_NAME: tableName,
    KEYS_TABLE_NAME: keysTableOf(tableName),
    TENANT_ROLE_ARN: 'arn:aws:iam::000000000000:role/tenant',
  };
  const worker = { ...table, DELIVERY_QUEUE_URL: `${queue.url}/000000000000/delivery` };
  const slow = { SLOW_DELIVERY_QUEUE_URL: `${queue.url}/000000000000/slow-delivery` };
  environments = {
    'tenant-api': { ...worker, PER_TENANT: '0' },
    'access-api': {
      ...table,
      CLOCK_QUEUE_URL: `${queue.url}/000000000000/clock-turns`,
      USER_POOL_ID: 'eu-central-1_pool',
      TOKEN_URL: 'https://token.test/oauth2/token',
      PER_TENANT: '0',
    },
    'archive-api': { ...table, BUCKET_NAME: 'objects', PER_TENANT: '0' },
    'admin-api': {
      TABLE_NAME: tableName,
      USER_POOL_ID: 'eu-central-1_pool',
      TOKEN_URL: 'https://token.test/oauth2/token',
      OPERATOR_CLIENT_ID: 'operator',
      RECOVERY_DELAY_S: '259200',
      STAGE: 'dev',
    },
    'public-api': { TOKEN_URL: 'https://token.test/oauth2/token' },
    inbox: table,
    relay: worker,
    deliver: { ...worker, ...slow },
    clock: { ...worker, CLOCK_QUEUE_URL: `${queue.url}/000000000000/clock-turns` },
    lifecycle: {
      ...table,
      LIFECYCLE_QUEUE_URL: `${queue.url}/000000000000/lifecycle-turns`,
      BUCKET_NAME: 'objects',
      USER_POOL_ID: 'eu-central-1_pool',
      STAGE: 'dev',
    },
  };
  await Promise.all([
    createTables(database, tableName, inject('template')),
    bundleFunctions({ outputDirectory: directory }),
  ]);
});

afterAll(async () => {
  await Promise.all([userPool, queue, tokens, keys, caseSystem].map(({ stop }) => stop()));
  await rm(directory, { recursive: true, force: true });
});

/** Invokes a function's bundle as it is deployed. Whatever it does, it leaves standard error alone. */
async function invoke(name: FunctionName, event: object): Promise<Invoked> {
  const invoked = await invokeBundle(
    name,
    join(directory, name, 'index.cjs'),
    {
      ...environments[name],
      AWS_ENDPOINT_URL_DYNAMODB: inject('dynamodbEndpoint'),
      AWS_ENDPOINT_URL_SQS: queue.url,
      AWS_ENDPOINT_URL_STS: tokens.url,
      AWS_ENDPOINT_URL_KMS: keys.url,
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: userPool.url,
      // Where a case system on this machine may stand in for one; no deployed stage has it.
      LOCAL_WEBHOOKS: '1',
    },
    event,
  );
  expect(invoked.stderr, name).toBe('');
  return invoked;
}

const claimsOf = (clientId: string, scopes: readonly string[]) => ({
  client_id: clientId,
  scope: scopes.map((scope) => `${RESOURCE_SERVER}/${scope}`).join(' '),
  token_use: 'access',
});
const asOperator = claimsOf('operator', ADMIN_SCOPES);
const asAdministrator = claimsOf(CLIENT.ClientId, TENANT_SCOPES);
const inTenant = (path: string) => `/v1/municipalities/0766${path}`;

/** The answer of an API's function, its body parsed, and the lines it logged. */
async function ask(name: FunctionName, request: Parameters<typeof proxyEvent>[0]) {
  const { result, log } = await invoke(name, proxyEvent(request));
  return { status: result.statusCode as number, headers: result.headers, text: result.body as string, log };
}

const tenant = async (method: string, path: string, body?: unknown) => {
  const answer = await ask('tenant-api', { method, path: inTenant(path), claims: asAdministrator, body });
  return { ...answer, body: JSON.parse(answer.text) };
};

describe('one event goes through the deployed bundles, each in a process of its own', () => {
  const state = { familyId: '', eventId: '', hint: '' };

  it('admin-api provisions a municipality, with a client from the user pool', async () => {
    const { status, text, log } = await ask('admin-api', {
      method: 'POST',
      path: '/v1/admin/municipalities',
      claims: asOperator,
      body: { code: '0766' },
    });
    expect(status).toBe(201);
    expect(JSON.parse(text)).toMatchObject({
      municipality: { code: '0766', name: 'Hedensted' },
      client: { clientId: CLIENT.ClientId, clientSecret: CLIENT.ClientSecret },
    });
    expect(userPool.taken.map(({ headers }) => headers['x-amz-target'])).toEqual([
      'AWSCognitoIdentityProviderService.CreateUserPoolClient',
    ]);
    expect(log.join()).not.toContain(CLIENT.ClientSecret);
  });

  it('tenant-api answers a GET, and takes a webhook endpoint and a family', async () => {
    const missing = await tenant('GET', `/families/${randomUUID()}`);
    expect(missing).toMatchObject({ status: 404, body: { type: '/problems/not_found' }, log: [] });
    expect(missing.headers['content-type']).toBe('application/problem+json');

    expect(await tenant('POST', '/webhook-endpoints', { url: caseSystem.url })).toMatchObject({ status: 201 });
    const created = await tenant('POST', '/families', { alias: 'Familien ved åen', kind: 'almen' });
    expect(created).toMatchObject({ status: 201, headers: { etag: '"1"' }, log: [] });
    state.familyId = created.body.id;
    const read = await tenant('GET', `/families/${state.familyId}`);
    expect(read).toMatchObject({ status: 200, body: created.body });
  });

  it('relay numbers the event of a stream record and hints at its delivery', async () => {
    state.eventId = (await rowOf(recordKey(state.familyId)))['lastEvent']?.S ?? '';
    const event = await rowOf(eventKey(state.eventId));
    const { result } = await invoke('relay', {
      Records: [
        {
          eventID: '1',
          eventName: 'INSERT',
          eventVersion: '1.1',
          eventSource: 'aws:dynamodb',
          awsRegion: 'eu-central-1',
          eventSourceARN: `arn:aws:dynamodb:eu-central-1:000000000000:table/${tableName}/stream/2026-11-20T09:00:00.000`,
          dynamodb: {
            ApproximateCreationDateTime: 1_795_000_000,
            Keys: { pk: event['pk'], sk: event['sk'] },
            NewImage: event,
            SequenceNumber: '100000000000000000001',
            SizeBytes: 900,
            StreamViewType: 'NEW_IMAGE',
          },
        },
      ],
    });
    expect(result).toEqual({ batchItemFailures: [] });
    const [sent] = queue.taken;
    expect(sent?.headers['x-amz-target']).toBe('AmazonSQS.SendMessageBatch');
    state.hint = JSON.parse(sent?.text ?? '{}').Entries[0].MessageBody;
    expect(JSON.parse(state.hint)).toMatchObject({ municipality: '0766', eventId: state.eventId });
  });

  it('deliver posts it, signed, to the case system', async () => {
    const { result } = await invoke('deliver', {
      Records: [
        {
          messageId: randomUUID(),
          receiptHandle: 'handle',
          // An endpoint proves itself in the lane of slow endpoints.
          body: JSON.stringify({ ...JSON.parse(state.hint), isSlow: true }),
          attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1795000000000', MessageGroupId: 'endpoint' },
          messageAttributes: {},
          md5OfBody: '',
          eventSource: 'aws:sqs',
          eventSourceARN: 'arn:aws:sqs:eu-central-1:000000000000:delivery',
          awsRegion: 'eu-central-1',
        },
      ],
    });
    expect(result).toEqual({ batchItemFailures: [] });
    const [posted] = caseSystem.taken;
    expect(posted?.headers).toMatchObject({
      'webhook-id': state.eventId,
      'webhook-signature': expect.stringMatching(/^v1,/),
    });
    expect(JSON.parse(posted?.text ?? '{}')).toMatchObject({
      type: 'dk.livline.family.created',
      subject: state.familyId,
      sequence: '000000000001',
    });
  });

  it('inbox takes a message of a connection, and knows it again', async () => {
    const { body: connection } = await tenant('POST', '/connections', {
      name: 'DUBU',
      system: 'DUBU',
      kinds: ['case.linked'],
    });
    const caseRef = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };
    const raw = JSON.stringify({ type: 'case.linked', data: { objectId: state.familyId, caseRef } });
    const send = (headers: Record<string, string>) =>
      ask('inbox', { method: 'POST', path: inTenant(`/inbox/${connection.id}`), claims: undefined, raw, headers });
    const signed = signedBy(connection.secret, raw, {});
    for (let time = 1; time <= 2; time += 1)
      expect(await send(signed)).toMatchObject({ status: 202, text: '', log: [] });
    expect(await send({ ...signed, 'webhook-id': 'another' })).toMatchObject({ status: 401 });
    expect((await tenant('GET', `/families/${state.familyId}`)).body).toMatchObject({
      version: 2,
      caseRefs: [caseRef],
    });
  });

  it('clock makes its round and finds nothing left of it', async () => {
    const { result, log } = await invoke('clock', {
      version: '0',
      id: randomUUID(),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time: '2026-11-20T09:01:00Z',
      region: 'eu-central-1',
      resources: ['arn:aws:events:eu-central-1:000000000000:rule/every-minute'],
      detail: {},
    });
    expect(result).toBeNull();
    expect(log.filter((line) => line.includes('"ERROR"'))).toEqual([]);
    expect(caseSystem.taken).toHaveLength(1);
  });
});

describe('public-api hands out', () => {
  const get = (path: string) => ask('public-api', { method: 'GET', path, claims: undefined });

  it('whether it lives', async () => {
    expect(await get('/health')).toMatchObject({ status: 200, text: '{"status":"ok"}', log: [] });
  });

  it('the contract', async () => {
    const { status, text } = await get('/openapi.json');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) });
  });

  it.each([
    ['/docs', 'text/html'],
    ['/docs/swagger-ui-bundle.js', 'text/javascript'],
    ['/docs/swagger-ui.css', 'text/css'],
    ['/docs/start.js', 'text/javascript'],
  ])('the reference: %s', async (path, type) => {
    const { status, headers, text } = await get(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toContain(type);
    expect(text.length).toBeGreaterThan(50);
  });
});

describe('the code of a function', () => {
  it.each(NAMES)('%s keeps to its budget of bytes', async (name) => {
    const { size } = await stat(join(directory, name, 'index.cjs'));
    expect(size).toBeLessThanOrEqual(BUNDLE_BUDGETS[name]);
  });

  it.each(NAMES)('%s holds nothing that only tests, the local product or the deployment need', async (name) => {
    const { inputs } = JSON.parse(await readFile(join(directory, name, 'meta.json'), 'utf8')) as { inputs: object };
    const foreign =
      /^(?:test|infra\/(?!lean\/))\/?|node_modules\/(?:@cloud-copilot|oidc-provider|fauxqs|aws-cdk-lib|undici|@hono|standardwebhooks)\//;
    expect(Object.keys(inputs).filter((path) => foreign.test(path))).toEqual([]);
  });
});
