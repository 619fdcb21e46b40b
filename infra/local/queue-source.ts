import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteMessageCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { ACCOUNT, complain, type Invocation, invoke, type LambdaHandler, REGION } from './lambda.ts';

// biome-ignore lint/suspicious/noConfusingVoidType: a handler that reports nothing returns nothing
export type QueueHandler = LambdaHandler<SQSEvent, SQSBatchResponse | void>;

export interface QueueSource {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly handler: QueueHandler;
  readonly invocation: Invocation;
  /** The most invocations at once. */
  readonly concurrency: number;
}

/** How long one receive waits for a message, in seconds; the most that SQS allows. */
const WAIT = 20;
/** How long to wait before the next try when the queue does not answer, in milliseconds. */
const PAUSE = 1000;

/** Messages that SQS gives at most in one answer. */
const BATCH = 10;

/**
 * Feeds a standard queue to a function as Lambda's event source mapping does, one message at a time: a message is
 * deleted once the function has taken it, and otherwise comes back when its visibility timeout is over.
 */
export function startQueueSource(source: QueueSource): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = feed(source, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Receives messages as long as an invocation is free, and waits for those under way when it is to stop. */
async function feed(source: QueueSource, signal: AbortSignal): Promise<void> {
  const underWay = new Set<Promise<void>>();
  while (!signal.aborted) {
    const free = source.concurrency - underWay.size;
    if (free === 0) {
      await Promise.race(underWay);
      continue;
    }
    for (const message of await receive(source, Math.min(free, BATCH), signal)) {
      const taken = take(source, message).finally(() => underWay.delete(taken));
      underWay.add(taken);
    }
  }
  await Promise.all(underWay);
}

async function receive({ client, queueUrl, invocation }: QueueSource, most: number, signal: AbortSignal) {
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: most,
    WaitTimeSeconds: WAIT,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });
  try {
    return (await client.send(command, { abortSignal: signal })).Messages ?? [];
  } catch (error) {
    if (!signal.aborted) {
      complain(`The queue of ${invocation.functionName}`, error);
      await sleep(PAUSE, undefined, { signal }).catch(() => undefined);
    }
    return [];
  }
}

async function take({ client, queueUrl, handler, invocation }: QueueSource, message: Message): Promise<void> {
  try {
    const response = await invoke(handler, invocation, { Records: [recordOf(message, queueUrl)] });
    const failures = response?.batchItemFailures ?? [];
    if (failures.length > 0) return;
    await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
  } catch (error) {
    complain(`${invocation.functionName} failed on message ${message.MessageId}`, error);
  }
}

/** A message in Lambda's own shape, which spells the same names in lower case. */
function recordOf(message: Message, queueUrl: string): SQSRecord {
  const { MessageId, ReceiptHandle, Body, Attributes = {}, MessageAttributes = {}, MD5OfBody } = message;
  const attributes = Object.entries(MessageAttributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
    name,
    {
      dataType: DataType ?? 'String',
      stringListValues: [],
      binaryListValues: [],
      ...(StringValue !== undefined && { stringValue: StringValue }),
      ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
    },
  ]);
  return {
    messageId: MessageId ?? '',
    receiptHandle: ReceiptHandle ?? '',
    body: Body ?? '',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '',
      SenderId: ACCOUNT,
      ApproximateFirstReceiveTimestamp: '',
      ...Attributes,
    },
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:${queueUrl.split('/').at(-1)}`,
    awsRegion: REGION,
  };
}
