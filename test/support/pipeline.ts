import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { clockRound } from '#functions/clock/app.ts';
import { deliverQueue } from '#functions/deliver/app.ts';
import { relayStream } from '#functions/relay/app.ts';
import { duePartition, encodeKey } from '#shared/table/keys.ts';
import type { Store } from '#shared/table/store.ts';
import type { Post, PostRequest, PostResult } from '#shared/webhooks/egress.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { type DelayedHint, LONGEST_DELAY_S, type SendHints } from '#shared/webhooks/hints.ts';
import { sendingFrom } from './iam.ts';
import { inspect } from './leaks.ts';
import type { Livline } from './livline.ts';

/** An event as the stream names it. */
export interface Committed {
  readonly municipality: string;
  readonly eventId: string;
}

/** A POST that a receiver saw, and when, in milliseconds since 1970. */
export interface Received extends PostRequest {
  readonly at: number;
}

/** What a pipeline is made of; a test puts in a part that fails. */
export interface Parts {
  /** What comes between a worker and its table. */
  readonly around: (store: Store) => Store;
  readonly post: Post;
  readonly sendHints: SendHints;
  readonly random: () => number;
}

const CONTEXT = { awsRequestId: 'test-request' };
const MINUTE_MS = 60_000;
/** The clock looks this far ahead, in milliseconds. */
const AHEAD_MS = 90_000;

/**
 * The three workers of one municipality's events over a Livline's table, with a queue that keeps its delays and a
 * receiver that answers as the test says.
 */
export function startPipeline(livline: Livline, code: string) {
  const queue: { readonly hint: DelayedHint; readonly at: number }[] = [];
  const received: Received[] = [];
  const time = () => livline.now().getTime();
  let answer: (request: PostRequest) => PostResult | Promise<PostResult> = () => ({ status: 204, durationMs: 1 });

  const parts: Parts = {
    around: (store) => store,
    sendHints: async (hints) => {
      for (const hint of hints) {
        // The clock sweeps every municipality of the table; those of other tests are no matter here.
        if (hint.municipality !== code) continue;
        if (hint.delayS < 0 || hint.delayS > LONGEST_DELAY_S) throw new RangeError(`SQS refuses ${hint.delayS} s`);
        queue.push({ hint, at: time() + Math.ceil(hint.delayS) * 1000 });
      }
    },
    post: async (request) => {
      received.push({ ...request, at: time() });
      inspect('A webhook', request);
      return answer(request);
    },
    random: () => 0,
  };

  /** The workers, made of these parts. */
  function workers(some: Partial<Parts> = {}) {
    const { around, post, sendHints, random } = { ...parts, ...some };
    const { now } = livline;
    const storeOf = (name: 'relay' | 'deliver' | 'clock') => around(livline.storeOf(name));
    const endpoints = webhookEndpoints({ allowLocal: false });
    const relay = relayStream({ store: storeOf('relay'), sendHints: sendingFrom('relay', sendHints), now });
    const deliver = deliverQueue({
      store: storeOf('deliver'),
      now,
      post,
      sendHints: sendingFrom('deliver', sendHints),
      endpoints,
      random,
    });
    const clock = clockRound({
      store: storeOf('clock'),
      sendHints: sendingFrom('clock', sendHints),
      handOn: livline.handOn('clock'),
      now,
    });
    return {
      relay: (events: readonly Committed[]) => relay({ Records: events.map(streamRecord) } as never, CONTEXT),
      /** In the lane of slow endpoints, which takes every hint, unless the hint says that it comes through the ordinary one. */
      deliver: ({ delayS: _, ...hint }: DelayedHint) =>
        deliver(
          { Records: [{ messageId: 'message', body: JSON.stringify({ isSlow: true, ...hint }) }] } as never,
          CONTEXT,
        ),
      clock: () => clock({}, CONTEXT),
      /** The clock's look at this municipality alone, as a message of its queue asks for it. */
      turn: () => clock({ Records: [{ body: JSON.stringify({ municipality: code }) }] }, CONTEXT),
    };
  }
  const healthy = workers();

  /** Puts into the queue what the APIs have sent to it. */
  async function takeHints(): Promise<void> {
    const sent = livline.hints.splice(0);
    livline.hints.push(...sent.filter(({ municipality }) => municipality !== code));
    await parts.sendHints(sent);
  }

  /** Hands the hints whose time has come to the deliver function, until there is none. */
  async function drain(by = healthy): Promise<void> {
    for (;;) {
      await takeHints();
      const at = queue.findIndex((message) => message.at <= time());
      const [message] = at === -1 ? [] : queue.splice(at, 1);
      if (!message) return;
      await by.deliver(message.hint);
    }
  }

  /** When the clock would next find something, at a whole minute; Infinity where nothing is due. */
  async function nextRound(): Promise<number> {
    const { Items = [] } = await livline.store.client.send(
      new QueryCommand({
        TableName: livline.store.tableName,
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :pk',
        ExpressionAttributeValues: { ':pk': encodeKey(['T', code, ...duePartition]) },
        Limit: 1,
      }),
    );
    const due = Date.parse(String(Items[0]?.['dueSk']).split('#')[0] ?? '');
    if (Number.isNaN(due)) return Number.POSITIVE_INFINITY;
    return MINUTE_MS * Math.max(Math.ceil((due - AHEAD_MS) / MINUTE_MS), Math.floor(time() / MINUTE_MS) + 1);
  }

  return {
    queue,
    received,
    parts,
    workers,
    ...healthy,
    drain,
    /** Answers whatever is posted from now on. */
    answer(with_: typeof answer) {
      answer = with_;
    },
    /** Relays what this municipality committed since the last time. */
    relayFresh: () => healthy.relay(livline.takeStream().filter(({ municipality }) => municipality === code)),
    /**
     * Lets time pass until nothing is on its way any more: messages arrive at their time, the clock comes every minute.
     * Minutes in which nothing can happen are skipped.
     */
    async untilQuiet(by = healthy, rounds = 200): Promise<void> {
      for (let round = 0; round < rounds; round += 1) {
        await drain(by);
        const tick = await nextRound();
        const next = Math.min(tick, ...queue.map(({ at }) => at));
        if (next === Number.POSITIVE_INFINITY) return;
        livline.advance((next - time()) / 1000);
        if (next === tick) await by.clock();
      }
      throw new Error(`Something is still on its way after ${rounds} rounds`);
    },
  };
}

export type Pipeline = ReturnType<typeof startPipeline>;

const streamRecord = ({ municipality, eventId }: Committed) => ({
  eventName: 'INSERT' as const,
  dynamodb: {
    SequenceNumber: `seq-${eventId}`,
    NewImage: { type: { S: 'event' }, municipality: { S: municipality }, eventId: { S: eventId } },
  },
});
