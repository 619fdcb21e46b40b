import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { adminApi } from '#functions/admin-api/app.ts';
import type { App } from '#functions/http.ts';
import { tenantApi } from '#functions/tenant-api/app.ts';
import { startDatabase } from '#infra/local/database.ts';
import { createTables, keysTableOf, tableTemplate } from '#infra/local/table.ts';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { keyrings } from '#shared/crypto/keyring.ts';
import { openStore, type Store } from '#shared/table/store.ts';
import type { QuotaDeps } from '#shared/tenancy/quota.ts';
import { noSecrets } from '#test/support/issuer.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';
import { standInTokens, standInUnwrapping } from '#test/support/stand-in.ts';
import { standInCertificates } from '#test/support/stand-in-certificates.ts';
import { standInKeys } from '#test/support/stand-in-keys.ts';
import type { Plant } from '#test/support/unit-cases.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

const CODE = '0630';
const OPERATOR = 'operator';
const clientOf = (code: string): string => `bench-client-${code}`;
const LATER = new Date('2100-01-01');

const claimsOf = (clientId: string, scopes: readonly string[]) => ({
  client_id: clientId,
  scope: scopes.map((scope) => `${RESOURCE_SERVER}/${scope}`).join(' '),
  token_use: 'access',
});

interface Sent {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly query?: Record<string, string>;
}

/** A request by a municipality's client, as API Gateway hands it to the function. */
export const tenantEvent = (method: string, path: string, options: Sent = {}, code = CODE) =>
  proxyEvent({
    method,
    path: `/v1/municipalities/${code}${path}`,
    claims: claimsOf(clientOf(code), TENANT_SCOPES),
    ...options,
  });

/** A provisioned municipality in a database in memory. */
export interface World extends Plant {
  /** Environment of a function: what Lambda and the stack would set. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** The function tenant-api of a world over its table, which the environment says where to find. */
export const openTenantApi = (store: Store, now: () => Date, quota: Pick<QuotaDeps, 'quotaPerMinute'> = {}): App =>
  tenantApi({ ...WEBHOOKS_UNUSED, store, now, ...quota });

/** The table. The emulator knows no roles: a session is the same access key again. */
export function openWorldStore(tableName: string, keys = standInKeys()): Store {
  const session = { accessKeyId: 'bench', secretAccessKey: 'bench', sessionToken: 'bench', expiration: LATER };
  return openStore(tableName, {
    keysTableName: keysTableOf(tableName),
    sessions: () => async () => session,
    keyrings: keyrings(keys),
  });
}

/** Starts the database and provisions municipalities through the admin API, as an operator would. */
export async function startWorld({
  neighbours = [] as readonly string[],
  now = () => new Date(),
} = {}): Promise<World> {
  const keys = standInKeys();
  const [database, tokens, kms, template] = await Promise.all([
    startDatabase(),
    standInTokens('bench'),
    standInUnwrapping(keys),
    tableTemplate(),
  ]);
  const tableName = `bench-${randomUUID()}`;
  const environment = {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
    AWS_ENDPOINT_URL_STS: tokens.url,
    AWS_ENDPOINT_URL_KMS: kms.url,
    TABLE_NAME: tableName,
    KEYS_TABLE_NAME: keysTableOf(tableName),
    TENANT_ROLE_ARN: 'arn:aws:iam::000000000000:role/tenant',
    DELIVERY_QUEUE_URL: 'http://127.0.0.1:9/delivery',
  };
  Object.assign(process.env, environment);
  await createTables(new DynamoDBClient({}), tableName, template);
  const store = openWorldStore(tableName, keys);
  const identity = {
    createClient: async (name: string) => ({
      clientId: clientOf(/\d{4}/.exec(name)?.[0] ?? ''),
      clientSecret: 'unused',
    }),
    deleteClient: async () => undefined,
    ...noSecrets,
  };
  const certificates = standInCertificates();
  const admin = adminApi({
    store,
    identity,
    keys,
    certificates,
    now,
    tokenUrl: 'https://token.invalid',
    operatorClientId: OPERATOR,
    recoveryDelayS: 0,
  });
  const tenant = openTenantApi(store, now, { quotaPerMinute: PLENTY });

  const claims = claimsOf(OPERATOR, ADMIN_SCOPES);
  for (const code of [CODE, ...neighbours]) {
    const { statusCode } = await admin(
      proxyEvent({ method: 'POST', path: '/v1/admin/municipalities', claims, body: { code } }),
    );
    if (statusCode !== 201) throw new Error(`Provisioning answered ${statusCode}`);
  }
  // Every process of a benchmark, the functions' own too, leases from one counter.
  const path = `/v1/admin/municipalities/${CODE}`;
  const raised = await admin(proxyEvent({ method: 'PATCH', path, claims, body: { quotaPerMinute: 1_000_000 } }));
  if (raised.statusCode !== 200) throw new Error(`Raising the quota answered ${raised.statusCode}`);
  return {
    store,
    template,
    code: CODE,
    now,
    environment,
    stop: async () => {
      await Promise.all([database, tokens, kms].map(({ stop }) => stop()));
    },
    send: async (method, path, options) => {
      const { statusCode, body } = await tenant(tenantEvent(method, path, options));
      if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${body}`);
      return JSON.parse(body);
    },
  };
}
