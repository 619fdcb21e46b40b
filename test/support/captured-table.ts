import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { createTables, keysTableOf } from '#infra/local/table.ts';
import type { FunctionName } from '#infra/service-function.ts';
import { keyrings } from '#shared/crypto/keyring.ts';
import type { Store } from '#shared/table/store.ts';
import { requireRows, requireSession, unwrappingBy } from './iam.ts';
import { inspect } from './leaks.ts';
import type { Principal } from './policies.ts';
import { standInKeys } from './stand-in-keys.ts';

/** One request that went to DynamoDB. */
export interface Captured {
  /** Undefined for what a test itself looks at. */
  readonly by: Principal | undefined;
  /** Its name in DynamoDB's API, such as `GetItem` or `TransactWriteItems`. */
  readonly command: string;
  // biome-ignore lint/suspicious/noExplicitAny: the inputs of any command
  readonly input: any;
}

interface Fault {
  readonly at: 'sending' | 'answer';
  readonly command: string;
  /** How many requests of that name pass before. */
  passing: number;
  /** Whether nothing that follows is done either. */
  readonly lasting: boolean;
}

/** What DynamoDB refuses and its emulator lets pass: two operations on one item in a transaction. */
function refuseWhatOnlyAwsRefuses({ command, input }: Captured): void {
  if (command !== 'TransactWriteItems') return;
  const rows = (input as TransactWriteCommandInput).TransactItems?.map(({ Put, Update, Delete, ConditionCheck }) => {
    const { pk, sk } = Put?.Item ?? (Update ?? Delete ?? ConditionCheck)?.Key ?? {};
    return `${pk} ${sk}`;
  });
  if (new Set(rows).size !== rows?.length) throw new Error('A transaction has two operations on one item');
}

/**
 * A table of its own in the emulator, every request to it seen and put to IAM, and its faults in the test's hands. An access key of its
 * own gives each a database of its own there: one for all grows slow with what is in it, by a factor of four over the run.
 */
export async function startTable(now = () => new Date()) {
  const settings = {
    endpoint: inject('dynamodbEndpoint'),
    region: 'eu-central-1',
    credentials: { accessKeyId: randomUUID().replaceAll('-', ''), secretAccessKey: 'test' },
  };
  const client = new DynamoDBClient(settings);
  const { requestHandler } = client.config;
  const tableName = `livline-${randomUUID()}`;
  await createTables(client, tableName, inject('template'));

  const captured: Captured[] = [];
  const committed: Captured[] = [];
  let roundTrips = 0;
  let inFlight = 0;
  let fault: Fault | undefined;
  let ended = false;
  const breakHere = (): never => {
    ended = fault?.lasting ?? false;
    throw new Error('The connection broke');
  };
  function clientOf(by: Principal | undefined): DynamoDBDocumentClient {
    // The session is asked for with the first request of the client, and is there for all that follow.
    let session: Promise<void> | undefined;
    const documents = DynamoDBDocumentClient.from(new DynamoDBClient({ ...settings, requestHandler }), {
      marshallOptions: { removeUndefinedValues: true },
    });
    documents.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const command = String(commandName).replace(/Command$/, '');
          const request = { by, command, input: structuredClone(args.input) };
          refuseWhatOnlyAwsRefuses(request);
          const meant = fault?.command === request.command && fault.passing-- <= 0;
          const at = meant ? fault?.at : undefined;
          if (ended || at === 'sending') breakHere();
          // First, so that requests stand in the order in which they were made; what IAM then denies fails the test.
          captured.push(request);
          if (by?.municipality !== undefined) {
            session ??= requireSession(by.function, by.municipality);
            await session;
          }
          if (by) await requireRows(by, command, request.input);
          // At rest, in keys and in events alike nothing is in clear.
          if (by) inspect('A request to the table', request.input);
          if (inFlight === 0) roundTrips += 1;
          inFlight += 1;
          const answer = await next(args).finally(() => {
            inFlight -= 1;
          });
          committed.push(request);
          if (at === 'answer') breakHere();
          return answer;
        },
      { step: 'initialize', name: 'capture' },
    );
    return documents;
  }

  const keys = standInKeys();

  /** The table as a function reaches it; without one, as the test itself looks at it. */
  function openStore(name?: FunctionName): Store {
    const tenants = new Map<string, DynamoDBDocumentClient>();
    const own = clientOf(name && { function: name });
    return {
      tableName,
      keysTableName: keysTableOf(tableName),
      client: own,
      keyrings: keyrings(name ? unwrappingBy(name, keys) : keys, now),
      tenantClient(code) {
        if (!name) return own;
        const known = tenants.get(code) ?? clientOf({ function: name, municipality: code });
        tenants.set(code, known);
        return known;
      },
    };
  }
  const stores = new Map<FunctionName, Store>();

  async function faulty<Result>(by: Fault, run: () => Promise<Result>): Promise<Result> {
    fault = by;
    try {
      return await run();
    } finally {
      fault = undefined;
      ended = false;
    }
  }

  return {
    keys,
    /** The table as the test itself looks at it. */
    store: openStore(),
    /** The table as one of the functions reaches it. */
    storeOf(name: FunctionName): Store {
      const known = stores.get(name) ?? openStore(name);
      stores.set(name, known);
      return known;
    },
    /** Every request that was sent. */
    captured,
    /** Those of them that succeeded. */
    committed,
    /** Whether the process has ended in a test that lets it. */
    hasEnded: () => ended,
    /** The requests that were sent while this ran. */
    async requestsOf(run: () => Promise<unknown>): Promise<Captured[]> {
      const before = captured.length;
      await run();
      return captured.slice(before);
    },
    /** How often what ran waited for the database: requests under way together count once. */
    async roundTripsOf(run: () => Promise<unknown>): Promise<number> {
      const before = roundTrips;
      await run();
      return roundTrips - before;
    },
    /** Runs while every request of this name is lost: before it is sent, or its answer. */
    cutOff: <Result>(at: Fault['at'], command: string, run: () => Promise<Result>) =>
      faulty({ at, command, passing: 0, lasting: false }, run),
    /** Runs until the process ends at the first request of this name that does not pass: nothing is done afterwards. */
    killedAt: <Result>(at: Fault['at'], command: string, run: () => Promise<Result>, passing = 0) =>
      faulty({ at, command, passing, lasting: true }, run),
  };
}
