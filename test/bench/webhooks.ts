import { setTimeout as pause } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { deliverQueue } from '#functions/deliver/app.ts';
import { relayStream } from '#functions/relay/app.ts';
import { callersOf } from '#infra/local/callers.ts';
import { DELIVERIES, SLOW_DELIVERIES } from '#infra/local/product.ts';
import { startQueueSource } from '#infra/local/queue-source.ts';
import { createQueue, startQueueServer } from '#infra/local/queues.ts';
import { encodeKey, recordKey } from '#shared/table/keys.ts';
import type { Post } from '#shared/webhooks/egress.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { queueHints } from '#shared/webhooks/hints.ts';
import { measureUnits } from '#test/support/unit-cases.ts';
import type { Benchmark, Figure } from './report.ts';
import { startWorld, type World } from './world.ts';

const ENDPOINTS = 10;
/** A fifth of the endpoints hangs, then two fifths. */
const HANGING = [2, 4] as const;
const HANG_MS = 20_000;
const EVENTS = 20;
/** Milliseconds between two events: far from what saturates the emulator, so that waiting is what is measured. */
const PACE_MS = 500;
const TYPES = ['family.created'];
const FAMILY = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'] };

const CONTEXT = { awsRequestId: 'bench' };
const TAKEN = { status: 204, durationMs: 0 };

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/**
 * The workers in real time: the relay, and deliver behind the two queues of the local product with as many workers as it
 * has, in AWS a stage's concurrency.
 */
async function startWorkers({ store, now, code }: World, post: Post) {
  const queues = await startQueueServer(callersOf('bench'));
  const client = new SQSClient({ endpoint: queues.endpoint });
  const [url, slowUrl] = await Promise.all(
    ['delivery', 'slow-delivery'].map((name) => createQueue(client, queues.endpoint, name)),
  );
  process.env['AWS_ENDPOINT_URL_SQS'] = queues.endpoint;
  const sendHints = queueHints({ url: url as string, slowUrl: slowUrl as string });
  const endpoints = webhookEndpoints({ allowLocal: false });
  const handler = deliverQueue({ store, now, post, endpoints, random: Math.random, sendHints });
  const sources = [
    { queueUrl: url as string, concurrency: DELIVERIES },
    { queueUrl: slowUrl as string, concurrency: SLOW_DELIVERIES },
  ].map((lane) =>
    startQueueSource({ ...lane, client, handler, invocation: { functionName: 'deliver', timeout: 30_000 } }),
  );
  const relay = relayStream({ store, now, sendHints });
  return {
    relay: (eventId: string) => {
      const image = { type: { S: 'event' }, municipality: { S: code }, eventId: { S: eventId } };
      return relay(
        { Records: [{ eventName: 'INSERT', dynamodb: { SequenceNumber: eventId, NewImage: image } }] } as never,
        CONTEXT,
      );
    },
    end: async () => {
      await Promise.race([Promise.all(sources.map(({ stop }) => stop())), pause(1_000)]);
      await queues.stop();
    },
  };
}

interface Run {
  /** Milliseconds from commit to POST at the healthy endpoints, sorted. */
  readonly latencies: readonly number[];
  /** Deliveries to them each second. */
  readonly perSecond: number;
}

/** Commits events at a steady pace and sees when they are posted, with some endpoints hanging or none. */
async function run(hanging: number): Promise<Run> {
  const world = await startWorld();
  try {
    const slow = new Set<string>();
    for (let number = 0; number < ENDPOINTS; number += 1) {
      const url = `https://receiver-${number}.example.dk/`;
      await world.send('POST', '/webhook-endpoints', { body: { url, types: TYPES } });
      if (number < hanging) slow.add(url);
    }
    await pause(5);
    const latencies: number[] = [];
    let answered = 0;
    let over = false;
    let measuring = false;
    const workers = await startWorkers(world, async ({ url, body }) => {
      if (!measuring) {
        answered += 1;
        return TAKEN;
      }
      if (slow.has(url)) {
        await pause(HANG_MS, undefined, { ref: false });
        // A run that is over has no table any more for its result.
        if (over) await new Promise(() => {});
        return { error: 'TIMEOUT', durationMs: HANG_MS };
      }
      latencies.push(Date.now() - Date.parse((JSON.parse(body) as { time: string }).time));
      return TAKEN;
    });
    const commit = async () => {
      const { id } = await world.send('POST', '/families', { body: FAMILY });
      const { pk, sk } = recordKey(id);
      const Key = { pk: encodeKey(['T', world.code, ...pk]), sk: encodeKey(sk) };
      const { Item } = await world.store.client.send(new GetCommand({ TableName: world.store.tableName, Key }));
      await workers.relay(String(Item?.['lastEvent']));
    };
    // Every endpoint has answered before some begin to hang: each of those may have five attempts under way.
    await commit();
    while (answered < ENDPOINTS) await pause(20);
    await pause(200);
    measuring = true;
    const started = performance.now();
    const wanted = EVENTS * (ENDPOINTS - hanging);
    for (let event = 0; event < EVENTS; event += 1) {
      await commit();
      await pause(PACE_MS);
    }
    while (latencies.length < wanted && performance.now() - started < 120_000) await pause(20);
    if (latencies.length < wanted) throw new Error(`Only ${latencies.length} of ${wanted} arrived`);
    const seconds = (performance.now() - started) / 1000;
    over = true;
    await workers.end();
    return { latencies: latencies.sort((a, b) => a - b), perSecond: wanted / seconds };
  } finally {
    await world.stop();
  }
}

/** What a delivered event costs in write units, beside the least that the same guarantee can cost. */
async function unitFigures(): Promise<Figure[]> {
  const world = await startWorld();
  try {
    const cases = await measureUnits(world);
    const of = (operation: string) => cases.find((each) => each.operation === operation);
    const [relayed, delivered] = [of('relay of an event to one endpoint'), of('delivery at the first attempt')];
    if (!relayed || !delivered) throw new Error('The cases are called otherwise');
    const total = relayed.units.write + delivered.units.write;
    const least = relayed.least.write + delivered.least.write;
    return [
      {
        name: 'write units of a delivered event, from the commit on',
        value: `${total}`,
        spread: `relay ${relayed.units.write} + deliver ${delivered.units.write}`,
        target: `= ${least}`,
        met: total === least,
      },
    ];
  } finally {
    await world.stop();
  }
}

const ms = (name: string, latencies: readonly number[]): Figure => ({
  name,
  value: `${percentile(latencies, 0.5).toFixed(0)} ms`,
  spread: `p99 ${percentile(latencies, 0.99).toFixed(0)} ms`,
});

export const webhooks: Benchmark = {
  title: `Webhooks: commit to POST at ${ENDPOINTS} endpoints, ${EVENTS} events, the emulator's part included; p50`,
  run: async () => {
    const rounds: Record<number, Run>[] = [];
    for (let round = 0; round < 3; round += 1) {
      const runs: Record<number, Run> = {};
      for (const hanging of [0, ...HANGING]) runs[hanging] = await run(hanging);
      rounds.push(runs);
    }
    const latenciesOf = (hanging: number) =>
      rounds.flatMap((runs) => runs[hanging]?.latencies ?? []).sort((a, b) => a - b);
    const ratios = (hanging: number, share: number): Figure => {
      const each = rounds
        .map((runs) => percentile(runs[hanging]?.latencies ?? [], share) / percentile(runs[0]?.latencies ?? [], share))
        .sort((a, b) => a - b);
      const median = each[1] ?? Number.NaN;
      return {
        name: `beside ${hanging} / alone, p${share * 100}`,
        value: median.toFixed(2),
        spread: each.map((one) => one.toFixed(2)).join('–'),
        target: '≤ 1.10',
        met: median <= 1.1,
      };
    };
    const rate = rounds.map((runs) => runs[0]?.perSecond ?? 0).sort((a, b) => a - b)[1] ?? Number.NaN;
    return [
      ms('alone', latenciesOf(0)),
      ...HANGING.flatMap((hanging) => [
        ms(`beside ${hanging} of ${ENDPOINTS} that hang ${HANG_MS / 1000} s`, latenciesOf(hanging)),
        ratios(hanging, 0.5),
        ratios(hanging, 0.99),
      ]),
      { name: 'deliveries a second at this pace', value: rate.toFixed(1) },
      ...(await unitFigures()),
    ];
  },
};
