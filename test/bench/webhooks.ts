import { setTimeout as pause } from 'node:timers/promises';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { deliverQueue } from '#functions/deliver/app.ts';
import { relayStream } from '#functions/relay/app.ts';
import { encodeKey, recordKey } from '#shared/table/keys.ts';
import type { Post } from '#shared/webhooks/egress.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { measureUnits } from '#test/support/unit-cases.ts';
import type { Benchmark, Figure } from './report.ts';
import { startWorld, type World } from './world.ts';

const ENDPOINTS = 10;
/** A fifth of the endpoints hangs. */
const HANGING = 2;
const HANG_MS = 20_000;
const EVENTS = 30;
/** Milliseconds between two events: far from what saturates the emulator, so that waiting is what is measured. */
const PACE_MS = 250;
const TYPES = ['family.created'];
const FAMILY = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'] };

const CONTEXT = { awsRequestId: 'bench' };
const TAKEN = { status: 204, durationMs: 0 };

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** The workers in real time: a hint is a call of the deliver function after its delay, as many at once as there are. */
function startWorkers({ store, now, code }: World, post: Post) {
  const running = new Set<Promise<unknown>>();
  let ended = false;
  const deliver = deliverQueue({
    store,
    now,
    post,
    endpoints: webhookEndpoints({ allowLocal: false }),
    random: Math.random,
    sendHints: async (hints) => hints.forEach(start),
  });
  function start({ delayS, ...hint }: DelayedHint): void {
    const run = async () => {
      if (delayS > 0) await pause(delayS * 1000, undefined, { ref: false });
      if (ended) return;
      await deliver({ Records: [{ messageId: 'm', body: JSON.stringify(hint) }] } as never, CONTEXT);
    };
    const work = run().finally(() => running.delete(work));
    running.add(work);
  }
  const relay = relayStream({ store, now, sendHints: async (hints) => hints.forEach(start) });
  return {
    relay: (eventId: string) => {
      const image = { type: { S: 'event' }, municipality: { S: code }, eventId: { S: eventId } };
      return relay(
        { Records: [{ eventName: 'INSERT', dynamodb: { SequenceNumber: eventId, NewImage: image } }] } as never,
        CONTEXT,
      );
    },
    end: () => {
      ended = true;
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
    let over = false;
    const workers = startWorkers(world, async ({ url, body }) => {
      if (slow.has(url)) {
        await pause(HANG_MS, undefined, { ref: false });
        // A run that is over has no table any more for its result.
        if (over) await new Promise(() => {});
        return { error: 'TIMEOUT', durationMs: HANG_MS };
      }
      latencies.push(Date.now() - Date.parse((JSON.parse(body) as { time: string }).time));
      return TAKEN;
    });
    const started = performance.now();
    const wanted = EVENTS * (ENDPOINTS - hanging);
    for (let event = 0; event < EVENTS; event += 1) {
      const { id } = await world.send('POST', '/families', { body: FAMILY });
      const { pk, sk } = recordKey(id);
      const Key = { pk: encodeKey(['T', world.code, ...pk]), sk: encodeKey(sk) };
      const { Item } = await world.store.client.send(new GetCommand({ TableName: world.store.tableName, Key }));
      await workers.relay(String(Item?.['lastEvent']));
      await pause(PACE_MS);
    }
    while (latencies.length < wanted && performance.now() - started < 120_000) await pause(20);
    if (latencies.length < wanted) throw new Error(`Only ${latencies.length} of ${wanted} arrived`);
    const seconds = (performance.now() - started) / 1000;
    over = true;
    workers.end();
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
    const rounds: { alone: Run; beside: Run }[] = [];
    for (let round = 0; round < 3; round += 1) rounds.push({ alone: await run(0), beside: await run(HANGING) });
    const sorted = (pick: (round: { alone: Run; beside: Run }) => Run) =>
      rounds.flatMap((round) => pick(round).latencies).sort((a, b) => a - b);
    const [alone, beside] = [sorted(({ alone }) => alone), sorted(({ beside }) => beside)];
    const ratios = rounds
      .map((round) => percentile(round.beside.latencies, 0.5) / percentile(round.alone.latencies, 0.5))
      .sort((a, b) => a - b);
    const rate = rounds.map(({ alone: { perSecond } }) => perSecond).sort((a, b) => a - b)[1] ?? Number.NaN;
    return [
      ms('alone', alone),
      ms(`beside ${HANGING} of ${ENDPOINTS} that hang ${HANG_MS / 1000} s`, beside),
      {
        name: 'beside / alone, p50',
        value: (ratios[1] ?? Number.NaN).toFixed(2),
        spread: ratios.map((each) => each.toFixed(2)).join('–'),
        target: '≤ 1.10',
        met: (ratios[1] ?? Number.NaN) <= 1.1,
      },
      {
        name: 'beside / alone, p99',
        value: (percentile(beside, 0.99) / percentile(alone, 0.99)).toFixed(2),
      },
      { name: 'deliveries a second at this pace', value: rate.toFixed(1) },
      ...(await unitFigures()),
    ];
  },
};
