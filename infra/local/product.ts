import { devNull } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { callersOf } from './callers.ts';
import { takeDataFolder } from './data-folder.ts';
import { startDatabase } from './database.ts';
import { type Functions, loadFunctions } from './functions.ts';
import { startGateway } from './gateway.ts';
import { openInstallation } from './installation.ts';
import { createIssuer } from './issuer.ts';
import { openKeyService } from './key-service.ts';
import { ACCOUNT, REGION } from './lambda.ts';
import { startQueueSource } from './queue-source.ts';
import { BUCKET, createBucket, createQueue, startQueueServer } from './queues.ts';
import { startSchedule } from './schedule.ts';
import { takeSoon } from './startup-problem.ts';
import { openPositions, type Positions } from './stream-positions.ts';
import { startStreamSource } from './stream-source.ts';
import { createTables, keysTableOf, tableTemplate } from './table.ts';
import { createTokenService } from './token-service.ts';
import { createUserPool, USER_POOL_ID } from './user-pool.ts';

/** The product at work on this machine, empty but for what its data folder held. */
export interface LocalProduct {
  readonly apiUrl: string;
  readonly tokenUrl: string;
  readonly docsUrl: string;
  /** Who may provision municipalities. */
  readonly operator: { readonly clientId: string; readonly clientSecret: string };
  /** Ends all that was started. */
  readonly stop: () => Promise<void>;
}

export interface ProductOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** The base path of the API, such as `/livline`; the root when left out. */
  readonly basePath?: string;
  /** Where everything is kept; in memory when left out. */
  readonly dataDir?: string | undefined;
  /** Whether to delete first what the folder holds. */
  readonly fresh?: boolean;
  /** The time from one round of the clock to the next, in milliseconds; a minute, as in AWS, when left out. */
  readonly clockIntervalMs?: number;
  /** Whether webhooks may go to this machine, which no deployed stage lets them. */
  readonly allowLocalWebhooks: boolean;
  /** What must be done, through the front door, before the product says at `/health` that it is ready. */
  readonly prepare?: (product: LocalProduct) => Promise<void>;
  /** What to run; the product's own functions when left out. */
  readonly functions?: Functions;
}

const TABLE = 'livline';
const QUEUE = 'delivery';
const SLOW_QUEUE = 'slow-delivery';
/** The one role that all functions assume here to work in a municipality. In AWS each has its own. */
const TENANT_ROLE = `arn:aws:iam::${ACCOUNT}:role/tenant`;
/** The key that signs certificates of erasure. */
const SIGNING_ALIAS = 'alias/livline/local/certificates';
/** Deliveries under way at once, and those to slow endpoints. */
export const DELIVERIES = 8;
export const SLOW_DELIVERIES = 24;
/** How long what is under way may take when the product stops, in milliseconds. What is cut off is done again later. */
const PATIENCE = 1000;
const SCOPES = {
  admin: ADMIN_SCOPES.map((scope) => `${RESOURCE_SERVER}/${scope}`),
  all: [...TENANT_SCOPES, ...ADMIN_SCOPES].map((scope) => `${RESOURCE_SERVER}/${scope}`),
};

/**
 * Starts the whole product in this process, with DynamoDB Local beside it. Its functions read the environment when they
 * are first called, as in Lambda, so a process can do this once.
 * @throws StartupProblem if something outside is missing or in the way
 */
export async function startProduct(options: ProductOptions): Promise<LocalProduct> {
  const started: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    return await start(options, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  options: ProductOptions,
  started: (() => unknown)[],
  stop: () => Promise<void>,
): Promise<LocalProduct> {
  const { port, basePath = '', dataDir, fresh = false, allowLocalWebhooks, prepare } = options;
  const within = (name: string) => dataDir && join(dataDir, name);
  if (dataDir !== undefined) started.push((await takeSoon(() => takeDataFolder(dataDir, fresh))).release);
  const gateway = await takeSoon(() => startGateway(port, basePath));
  started.push(gateway.stop);

  // Java takes longest, so all else is made ready while it starts.
  const starting = startDatabase({ folder: within('database') });
  starting.then(
    (database) => started.push(database.stop),
    () => undefined,
  );
  const [installation, template, functions] = await Promise.all([
    openInstallation(SCOPES.admin, dataDir),
    tableTemplate(),
    options.functions ?? loadFunctions(),
  ]).catch(async (error: unknown) => {
    await starting.catch(() => undefined);
    throw error;
  });
  const callers = callersOf(installation.accessKeyId);
  const queues = await startQueueServer(callers);
  started.push(queues.stop);
  const database = await starting;

  const issuer = createIssuer(gateway.url, SCOPES.all, installation);
  setEnvironment({
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: installation.accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'emulators do not look',
    AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
    AWS_ENDPOINT_URL_SQS: queues.endpoint,
    AWS_ENDPOINT_URL_S3: queues.endpoint,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: `${gateway.url}/cognito`,
    AWS_ENDPOINT_URL_KMS: `${gateway.url}/kms`,
    AWS_ENDPOINT_URL_STS: `${gateway.url}/sts`,
    TABLE_NAME: TABLE,
    KEYS_TABLE_NAME: keysTableOf(TABLE),
    TENANT_ROLE_ARN: TENANT_ROLE,
    BUCKET_NAME: BUCKET,
    USER_POOL_ID,
    TOKEN_URL: issuer.tokenUrl,
    OPERATOR_CLIENT_ID: installation.operator.clientId,
    RECOVERY_DELAY_S: '5',
    STAGE: 'local',
    PER_TENANT: '1',
    LOCAL_WEBHOOKS: allowLocalWebhooks ? '1' : undefined,
  });
  const sqs = new SQSClient();
  const [streamArn, queueUrl, slowQueueUrl, clockQueueUrl, lifecycleQueueUrl] = await Promise.all([
    createTables(new DynamoDBClient(), TABLE, template),
    createQueue(sqs, queues.endpoint, QUEUE),
    createQueue(sqs, queues.endpoint, SLOW_QUEUE),
    createQueue(sqs, queues.endpoint, 'clock-turns'),
    createQueue(sqs, queues.endpoint, 'lifecycle-turns'),
    createBucket(new S3Client()),
  ]);
  const queueUrls = { queueUrl, slowQueueUrl, clockQueueUrl, lifecycleQueueUrl };
  setEnvironment({
    DELIVERY_QUEUE_URL: queueUrl,
    SLOW_DELIVERY_QUEUE_URL: slowQueueUrl,
    CLOCK_QUEUE_URL: clockQueueUrl,
    LIFECYCLE_QUEUE_URL: lifecycleQueueUrl,
  });
  const services = {
    '/cognito': createUserPool(SCOPES.all, installation),
    '/kms': openKeyService({ callers, signingAlias: SIGNING_ALIAS, folder: dataDir }),
    '/sts': createTokenService({ callers, roles: [TENANT_ROLE] }),
  };
  gateway.open({ handlers: functions, issuer, services });

  const { clientId, secrets } = installation.operator;
  const product: LocalProduct = {
    apiUrl: gateway.apiUrl,
    tokenUrl: issuer.tokenUrl,
    docsUrl: `${gateway.apiUrl}/docs`,
    operator: { clientId, clientSecret: secrets[0]?.value ?? '' },
    stop,
  };
  await prepare?.(product);
  started.push(
    startSources(functions, options, {
      // The emulator answers for table and stream alike; the SDK would look for the stream's under another name.
      streams: new DynamoDBStreamsClient({ endpoint: database.endpoint }),
      streamArn,
      positions: openPositions(streamArn, within('stream-positions.json')),
      ...queueUrls,
    }),
  );
  // What is started last is ended first: no request is taken whose database is about to end.
  started.push(gateway.drain);
  gateway.ready();
  return product;
}

interface Places {
  readonly streams: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly positions: Positions;
  readonly queueUrl: string;
  readonly slowQueueUrl: string;
  readonly clockQueueUrl: string;
  readonly lifecycleQueueUrl: string;
}

/** Starts what feeds the workers, as infra/stacks/events.ts does. Gives what stops it. */
function startSources(
  functions: Functions,
  { clockIntervalMs = 60_000 }: ProductOptions,
  { streams, streamArn, positions, queueUrl, slowQueueUrl, clockQueueUrl, lifecycleQueueUrl }: Places,
): () => Promise<unknown> {
  const sources = [
    startStreamSource({
      client: streams,
      streamArn,
      handler: functions.relay,
      invocation: { functionName: 'relay', timeout: 60_000 },
      filter: ({ eventName, dynamodb }) => eventName === 'INSERT' && dynamodb?.NewImage?.['type']?.S === 'event',
      positions,
    }),
    ...[
      { queueUrl, concurrency: DELIVERIES },
      { queueUrl: slowQueueUrl, concurrency: SLOW_DELIVERIES },
    ].map((lane) =>
      startQueueSource({
        ...lane,
        client: new SQSClient(),
        handler: functions.deliver,
        invocation: { functionName: 'deliver', timeout: 30_000 },
      }),
    ),
    ...turnSources(new SQSClient(), functions, { clock: clockQueueUrl, lifecycle: lifecycleQueueUrl }),
    startSchedule(functions.clock, { functionName: 'clock', timeout: 55_000 }, clockIntervalMs),
    startSchedule(functions.lifecycle, { functionName: 'lifecycle', timeout: 900_000 }, clockIntervalMs),
  ];
  return () => Promise.race([Promise.all(sources.map(({ stop }) => stop())), patience()]);
}

/** Feeds the municipalities that a round did not reach to the function whose round it was. */
const turnSources = (client: SQSClient, functions: Functions, queueUrls: { clock: string; lifecycle: string }) =>
  (['clock', 'lifecycle'] as const).map((functionName) =>
    startQueueSource({
      client,
      queueUrl: queueUrls[functionName],
      handler: functions[functionName],
      invocation: { functionName, timeout: functionName === 'clock' ? 55_000 : 900_000 },
      concurrency: 1,
    }),
  );

function setEnvironment(values: Readonly<Record<string, string | undefined>>): void {
  // Whatever the machine is set up for in AWS, this product must not find.
  const foreign = ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ENDPOINT_URL', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'];
  for (const name of foreign) delete process.env[name];
  process.env['AWS_CONFIG_FILE'] = devNull;
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = devNull;
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

function patience(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PATIENCE).unref();
  });
}
