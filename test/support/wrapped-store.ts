import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Store } from '#shared/table/store.ts';

/** Sends one command. */
export type Send = (command: { readonly input: object }) => Promise<unknown>;

/** The store with something between each of its clients and the table. */
export function wrappedStore(store: Store, around: (send: Send) => Send): Store {
  const wrap = (client: DynamoDBDocumentClient) =>
    ({ send: around((command) => client.send(command as never)) }) as unknown as DynamoDBDocumentClient;
  return {
    tableName: store.tableName,
    keysTableName: store.keysTableName,
    client: wrap(store.client),
    tenantClient: (code) => wrap(store.tenantClient(code)),
    keyrings: store.keyrings,
  };
}

/** Fails whatever touches the row of one event, as for an item that has grown too large; batches of reads pass. */
export const poisoned =
  (eventId: string) =>
  (send: Send): Send =>
  (command) =>
    JSON.stringify(command.input).includes(`#E#${eventId}"`) && !('RequestItems' in command.input)
      ? Promise.reject(new Error('Item size has exceeded'))
      : send(command);
