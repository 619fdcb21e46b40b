import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { adminApi } from '#functions/admin-api/app.ts';
import { tenantApi } from '#functions/tenant-api/app.ts';
import { startDatabase } from '#infra/local/database.ts';
import { createTable, tableTemplate } from '#infra/local/table.ts';
import { keyrings } from '#shared/privacy/keyring.ts';
import { openStore } from '#shared/table/store.ts';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/tenancy/scopes.ts';
import { noSecrets } from '#test/support/issuer.ts';
import { proxyEvent } from '#test/support/proxy-event.ts';
import { standInKeys } from '#test/support/stand-in-keys.ts';
import type { Plant } from '#test/support/unit-cases.ts';

const CODE = '0630';
const OPERATOR = 'operator';
const CLIENT = 'bench-client';
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

/** A request by the benchmarks' client, as API Gateway hands it to the function. */
export const tenantEvent = (method: string, path: string, options: Sent = {}) =>
  proxyEvent({
    method,
    path: `/v1/municipalities/${CODE}${path}`,
    claims: claimsOf(CLIENT, TENANT_SCOPES),
    ...options,
  });

/** A provisioned municipality in a database in memory. */
export interface World extends Plant {
  /** Environment of a function: what Lambda and the stack would set. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

/** Starts the database and provisions a municipality through the admin API, as an operator would. */
export async function startWorld(): Promise<World> {
  const [{ endpoint, stop }, template] = await Promise.all([startDatabase(), tableTemplate()]);
  const tableName = `bench-${randomUUID()}`;
  const environment = {
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    TABLE_NAME: tableName,
  };
  Object.assign(process.env, environment);
  await createTable(new DynamoDBClient({}), tableName, template);
  const keys = standInKeys();
  // The emulator knows no roles: a session is the same access key again.
  const session = { accessKeyId: 'bench', secretAccessKey: 'bench', sessionToken: 'bench', expiration: LATER };
  const store = openStore(tableName, { sessions: () => async () => session, keyrings: keyrings(keys) });
  const now = () => new Date();
  const identity = {
    createClient: async () => ({ clientId: CLIENT, clientSecret: 'unused' }),
    deleteClient: async () => undefined,
    ...noSecrets,
  };
  const admin = adminApi({ store, identity, keys, now, tokenUrl: 'https://token.invalid', operatorClientId: OPERATOR });
  const post = () => Promise.resolve({ status: 204, durationMs: 0 });
  const tenant = tenantApi({ store, now, post, allowLocal: false });

  const provisioned = await admin(
    proxyEvent({
      method: 'POST',
      path: '/v1/admin/municipalities',
      claims: claimsOf(OPERATOR, ADMIN_SCOPES),
      body: { code: CODE },
    }),
  );
  if (provisioned.statusCode !== 201) throw new Error(`Provisioning answered ${provisioned.statusCode}`);
  return {
    store,
    template,
    code: CODE,
    now,
    environment,
    stop,
    send: async (method, path, options) => {
      const { statusCode, body } = await tenant(tenantEvent(method, path, options));
      if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${body}`);
      return JSON.parse(body);
    },
  };
}
