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

/**
 * Feeds a standard queue to a function as Lambda's event source mapping does, one message at a time: a message is
 * deleted once the function has taken it, and otherwise comes back when its visibility timeout is over.
 */
export function startQueueSource(source: QueueSource): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const pollers = Array.from({ length: source.concurrency }, () => poll(source, stopping.signal));
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(source: QueueSource, signal: AbortSignal): Promise<void> {
  const receive = new ReceiveMessageCommand({
    QueueUrl: source.queueUrl,
    MaxNumberOfMessages: 1,
    WaitTimeSeconds: WAIT,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });
  while (!signal.aborted) {
    try {
      const { Messages: [message] = [] } = await source.client.send(receive, { abortSignal: signal });
      if (message !== undefined) await take(source, message);
    } catch (error) {
      if (signal.aborted) return;
      complain(`The queue of ${source.invocation.functionName}`, error);
      await sleep(PAUSE, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function take({ client, queueUrl, handler, invocation }: QueueSource, message: Message): Promise<void> {
  try {
    const response = await invoke(handler, invocation, { Records: [recordOf(message, queueUrl)] });
    const failures = response?.batchItemFailures ?? [];
    if (failures.length > 0) return;
  } catch (error) {
    complain(`${invocation.functionName} failed on message ${message.MessageId}`, error);
    return;
  }
  await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
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
