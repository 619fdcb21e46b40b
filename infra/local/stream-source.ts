import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { complain, type Invocation, invoke, type LambdaHandler } from './lambda.ts';
import type { Positions } from './stream-positions.ts';
import { streamRecord } from './stream-record.ts';

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that reports nothing returns nothing
export type StreamHandler = LambdaHandler<DynamoDBStreamEvent, DynamoDBBatchResponse | void>;

export interface StreamSource {
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly handler: StreamHandler;
  readonly invocation: Invocation;
  /** Whether the function is to see a record; what it is not to see counts as taken. */
  readonly filter: (record: DynamoDBRecord) => boolean;
  /** How far each shard has been read. */
  readonly positions: Positions;
}

/** Records handed over at once, at most. */
const BATCH = 100;
/** How long an idle shard is left alone, in milliseconds. */
const POLL = 150;
/** How often new shards are looked for, in milliseconds. */
const DISCOVER = 5000;
/** How long to wait before the next try when the database does not answer, in milliseconds. */
const PAUSE = 1000;
/** How often a record that fails is tried again before it is given up (infra/stacks/events.ts). */
const RETRIES = 3;
/** The wait before the first of these, in milliseconds; it doubles each time. */
const BACKOFF = 100;

/**
 * Feeds a table's stream to a function as Lambda's event source mapping does: shard by shard, in order, a batch at a
 * time, resuming where it was. A batch that fails is cut in two until the record that fails stands alone; that one is
 * tried three times more and then given up, with a line that names it. Its event is still pending in the table, where
 * the clock finds it, so giving up loses nothing.
 */
export function startStreamSource(source: StreamSource): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = followShards(source, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
      source.positions.save();
    },
  };
}

/** Reads every shard, a child only after its parent: records of one item follow each other over shards in that order. */
async function followShards(source: StreamSource, signal: AbortSignal): Promise<void> {
  const reading = new Map<string, Promise<void>>();
  const finished = new Set<string>();
  while (!signal.aborted) {
    try {
      const shards = await shardsOf(source, signal);
      const listed = new Set(shards.map(({ ShardId }) => ShardId));
      for (const { ShardId: id, ParentShardId: parent } of shards) {
        const isTurn = parent === undefined || !listed.has(parent) || finished.has(parent);
        if (id === undefined || reading.has(id) || !isTurn) continue;
        reading.set(
          id,
          readShard(source, id, signal).then(() => void finished.add(id)),
        );
      }
      await pause(DISCOVER, signal);
    } catch (error) {
      await complainAndPause(source, error, signal);
    }
  }
  await Promise.all(reading.values());
}

async function shardsOf({ client, streamArn }: StreamSource, abortSignal: AbortSignal): Promise<Shard[]> {
  const shards: Shard[] = [];
  let after: string | undefined;
  do {
    const { StreamDescription: page } = await client.send(
      new DescribeStreamCommand({ StreamArn: streamArn, ExclusiveStartShardId: after }),
      { abortSignal },
    );
    shards.push(...(page?.Shards ?? []));
    after = page?.LastEvaluatedShardId;
  } while (after !== undefined);
  return shards;
}

/** Reads one shard to its end, which an open shard has not, or until stopped. */
async function readShard(source: StreamSource, shardId: string, signal: AbortSignal): Promise<void> {
  let iterator: string | undefined;
  let isOpen = true;
  while (isOpen && !signal.aborted) {
    try {
      iterator ??= await iteratorOf(source, shardId, signal);
      const { Records: records = [], NextShardIterator: next } = await source.client.send(
        new GetRecordsCommand({ ShardIterator: iterator, Limit: BATCH }),
        { abortSignal: signal },
      );
      await deliver(
        source,
        records.map((record) => streamRecord(record, source.streamArn)).filter(source.filter),
        signal,
      );
      const last = records.at(-1)?.dynamodb?.SequenceNumber;
      if (last !== undefined) source.positions.set(shardId, last);
      iterator = next;
      isOpen = next !== undefined;
      if (isOpen && records.length === 0) await pause(POLL, signal);
    } catch (error) {
      // The next iterator starts after the last record that was taken.
      iterator = undefined;
      await complainAndPause(source, error, signal);
    }
  }
}

async function iteratorOf(
  source: StreamSource,
  shardId: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const { client, streamArn, positions } = source;
  const after = positions.get(shardId);
  const shard = { StreamArn: streamArn, ShardId: shardId };
  const fromStart = new GetShardIteratorCommand({ ...shard, ShardIteratorType: 'TRIM_HORIZON' });
  if (after === undefined) return (await client.send(fromStart, { abortSignal })).ShardIterator;
  try {
    const resume = { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after } as const;
    return (await client.send(new GetShardIteratorCommand({ ...shard, ...resume }), { abortSignal })).ShardIterator;
  } catch (error) {
    // Stopped for more than the 24 hours that a stream keeps: what is left of it.
    if (!(error instanceof TrimmedDataAccessException)) throw error;
    return (await client.send(fromStart, { abortSignal })).ShardIterator;
  }
}

/** Hands records over in order until each is taken or given up. */
async function deliver(
  source: StreamSource,
  records: readonly DynamoDBRecord[],
  signal: AbortSignal,
  attempt = 0,
): Promise<void> {
  if (records.length === 0) return;
  signal.throwIfAborted();
  const failed = await firstFailure(source, records);
  if (failed === undefined) return;

  const rest = records.slice(failed.index);
  if (rest.length > 1) {
    // A report says which record failed, an error only that one did.
    const cut = failed.isReported ? 1 : Math.ceil(rest.length / 2);
    await deliver(source, rest.slice(0, cut), signal);
    await deliver(source, rest.slice(cut), signal);
  } else if (attempt < RETRIES) {
    await sleep(BACKOFF * 2 ** attempt, undefined, { signal });
    await deliver(source, rest, signal, attempt + 1);
  } else {
    const numbers = rest.map(({ dynamodb }) => dynamodb?.SequenceNumber).join();
    complain(`${source.invocation.functionName} gave up stream record ${numbers}`, failed.error);
  }
}

interface Failure {
  readonly index: number;
  readonly isReported: boolean;
  readonly error: unknown;
}

/** The first record that the function did not take; all before it are taken. */
async function firstFailure(source: StreamSource, records: readonly DynamoDBRecord[]): Promise<Failure | undefined> {
  try {
    const response = await invoke(source.handler, source.invocation, { Records: [...records] });
    const failures = new Set(response?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    if (failures.size === 0) return undefined;
    const index = records.findIndex(({ dynamodb }) => failures.has(dynamodb?.SequenceNumber ?? ''));
    const error = new Error('it was reported as failed');
    // A report that names no record of the batch means the whole batch.
    return index < 0 ? { index: 0, isReported: false, error } : { index, isReported: true, error };
  } catch (error) {
    return { index: 0, isReported: false, error };
  }
}

async function complainAndPause(source: StreamSource, error: unknown, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  complain(`The stream of ${source.invocation.functionName}`, error);
  await pause(PAUSE, signal);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
