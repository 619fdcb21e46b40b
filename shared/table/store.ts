import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Keyrings } from '../crypto/keyring.ts';
import type { TenantSessions } from './tenant-session.ts';

/** The table, the clients that speak to it, and the keys to what is sealed in it. */
export interface Store {
  readonly tableName: string;
  /** The table with the keys of persons. */
  readonly keysTableName: string;
  /** Works under the function's own role, which reaches what is kept outside the municipalities. */
  readonly client: DynamoDBDocumentClient;
  /** Works under the function's tenant role in a session for one municipality, and reaches that one alone. */
  readonly tenantClient: (code: string) => DynamoDBDocumentClient;
  /** The keys of a municipality, unwrapped under the same role. */
  readonly keyrings: Keyrings;
}

/** What a function works with inside municipalities. */
export interface Inside {
  readonly keysTableName: string;
  readonly sessions: TenantSessions;
  readonly keyrings: Keyrings;
}

/** A client and the table it speaks to. */
export interface TableClient {
  readonly tableName: string;
  /** Where the keys of persons lie, which no row outside municipalities is. */
  readonly keysTableName: string;
  readonly client: DynamoDBDocumentClient;
}

/**
 * Opens the table. Region, endpoint and the function's own credentials come from the environment, as in every AWS SDK.
 * Without a way inside, as in the operators' function, no municipality is reached. The clients share one connection pool.
 */
export function openStore(tableName: string, inside?: Inside): Store {
  const own = new DynamoDBClient({});
  const tenants = new Map<string, DynamoDBDocumentClient>();
  const documents = (client: DynamoDBClient) =>
    DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  return {
    tableName,
    keysTableName: inside?.keysTableName ?? '',
    client: documents(own),
    tenantClient(code) {
      const known = tenants.get(code);
      if (known) return known;
      if (!inside) throw new Error('This function has no way into a municipality');
      const { requestHandler } = own.config;
      const client = documents(new DynamoDBClient({ requestHandler, credentials: inside.sessions(code) }));
      tenants.set(code, client);
      return client;
    },
    keyrings(code, sealing, readPersonKey) {
      if (!inside) throw new Error('This function has no way into a municipality');
      return inside.keyrings(code, sealing, readPersonKey);
    },
  };
}
