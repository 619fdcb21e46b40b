import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** The table and the client that speaks to it. */
export interface Store {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
}

/** Opens the table. Region, endpoint and credentials come from the environment, as in every AWS SDK. */
export function openStore(tableName: string): Store {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
    marshallOptions: { removeUndefinedValues: true },
  });
  return { client, tableName };
}
