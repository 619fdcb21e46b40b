import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { TenantSessions } from './tenant-session.ts';

/** The table, and the clients that speak to it. */
export interface Store {
  readonly tableName: string;
  /** Works under the function's own role, which reaches what is kept outside the municipalities. */
  readonly client: DynamoDBDocumentClient;
  /** Works under the function's tenant role in a session for one municipality, and reaches that one alone. */
  readonly tenantClient: (code: string) => DynamoDBDocumentClient;
}

/** A client and the table it speaks to. */
export interface TableClient {
  readonly tableName: string;
  readonly client: DynamoDBDocumentClient;
}

/**
 * Opens the table. Region, endpoint and the function's own credentials come from the environment, as in every AWS SDK.
 * Without sessions, as in the operators' function, no municipality is reached. The clients share one connection pool.
 */
export function openStore(tableName: string, sessions?: TenantSessions): Store {
  const own = new DynamoDBClient({});
  const tenants = new Map<string, DynamoDBDocumentClient>();
  const documents = (client: DynamoDBClient) =>
    DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  return {
    tableName,
    client: documents(own),
    tenantClient(code) {
      const known = tenants.get(code);
      if (known) return known;
      if (!sessions) throw new Error('This function has no way into a municipality');
      const { requestHandler } = own.config;
      const client = documents(new DynamoDBClient({ requestHandler, credentials: sessions(code) }));
      tenants.set(code, client);
      return client;
    },
  };
}
