import { type SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { queueHints } from '#shared/webhooks/hints.ts';

const hint = { municipality: '0630', deliveryId: 'dlv_1', eventId: 'evt_1', endpointId: 'endpoint-1', delayS: 0 };

afterEach(() => vi.restoreAllMocks());

/** What is asked of SQS for these hints. */
async function requestsFor(
  hints: Parameters<ReturnType<typeof queueHints>>[0],
): Promise<SendMessageBatchCommandInput[]> {
  const send = vi.spyOn(SQSClient.prototype, 'send').mockResolvedValue(undefined as never);
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  await queueHints({ url: 'https://sqs.test/delivery', slowUrl: 'https://sqs.test/slow-delivery' })(hints);
  vi.unstubAllEnvs();
  return send.mock.calls.map(([{ input }]) => input as SendMessageBatchCommandInput);
}

describe('hints', () => {
  it('are messages grouped by endpoint, ten in a request', async () => {
    const hints = Array.from({ length: 23 }, (_, place) => ({ ...hint, endpointId: `endpoint-${place % 3}` }));
    const requests = await requestsFor(hints);
    expect(requests.map(({ Entries }) => Entries?.length)).toEqual([10, 10, 3]);
    for (const { QueueUrl, Entries = [] } of requests) {
      expect(QueueUrl).toBe('https://sqs.test/delivery');
      expect(new Set(Entries.map(({ Id }) => Id)).size).toBe(Entries.length);
    }
    const entries = requests.flatMap(({ Entries = [] }) => Entries);
    const { delayS: _, ...body } = hint;
    for (const [place, { MessageGroupId, MessageBody }] of entries.entries()) {
      expect(MessageGroupId).toBe(`endpoint-${place % 3}`);
      expect(JSON.parse(MessageBody ?? '')).toEqual({ ...body, endpointId: MessageGroupId });
    }
  });

  it.each([
    [0, 0],
    [0.001, 1],
    [5, 5],
    [299.2, 300],
    [900, 900],
  ])('that are to arrive in %d s arrive after %d s, never before', async (delayS, delay) => {
    const [request] = await requestsFor([{ ...hint, delayS }]);
    expect(request?.Entries?.map(({ DelaySeconds }) => DelaySeconds)).toEqual([delay]);
  });

  it('that are none ask nothing of SQS', async () => {
    expect(await requestsFor([])).toEqual([]);
  });
});

describe('hints for slow endpoints', () => {
  it('go to a queue of their own, whose concurrency is apart from that of all others', async () => {
    const requests = await requestsFor([
      { ...hint, isSlow: true },
      { ...hint, deliveryId: 'dlv_2' },
    ]);
    const sent = requests.map(({ QueueUrl, Entries = [] }) => [
      QueueUrl,
      JSON.parse(Entries[0]?.MessageBody ?? '').deliveryId,
    ]);
    expect(sent).toEqual([
      ['https://sqs.test/delivery', 'dlv_2'],
      ['https://sqs.test/slow-delivery', 'dlv_1'],
    ]);
  });
});
