import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { App } from '#functions/http.ts';
import { PLENTY } from '#test/support/plenty.ts';
import { TYPICAL_FAMILY } from '#test/support/typical-family.ts';
import { FLOODING, IN_FLIGHT, type Pace, startFlood } from './flooder.ts';
import { type Benchmark, type Figure, ratio } from './report.ts';
import { interleaved, ratioOf, type Summary } from './statistics.ts';
import { openTenantApi, startWorld, type World } from './world.ts';

const ROUNDS = 15;
/** Turns of the mix in a round. */
const TURNS = 20;
const TARGET = 1.2;

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Milliseconds of each request of the other municipality's client: it reads a record and a list, and writes. */
async function round({ send }: World, id: string): Promise<number[]> {
  const mix = [
    () => send('GET', `/families/${id}`),
    () => send('GET', '/families', { query: { limit: '20' } }),
    () => send('POST', '/families', { body: TYPICAL_FAMILY }),
  ];
  const times: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const request of mix) {
      const started = performance.now();
      await request();
      times.push(performance.now() - started);
    }
  }
  return times.sort((a, b) => a - b);
}

/** A round beside a flood in this process; where there is a quota, once it is spent. */
async function beside(api: App, pace: Pace, limited: boolean, run: () => Promise<number[]>): Promise<number[]> {
  const flood = startFlood(api, pace);
  try {
    while (limited && flood.refused() === 0) await pause(5);
    return await run();
  } finally {
    await flood.stop();
  }
}

/** A round beside a flood in a process of its own. */
async function besideProcess(child: ChildProcess, pace: Pace, run: () => Promise<number[]>): Promise<number[]> {
  const told = (word: string) =>
    once(child, 'message').then(([said]) => {
      if (said !== word) throw new Error(`The neighbour said ${said}`);
    });
  const spent = told('spent');
  child.send(pace);
  await spent;
  const times = await run();
  const stopped = told('stopped');
  child.send('stop');
  await stopped;
  return times;
}

/** Starts the neighbour. Deployed it has a machine of its own; here it may have what the others leave of this one's. */
function startNeighbour({ environment }: World): ChildProcess {
  const child = fork(join(import.meta.dirname, 'flood-neighbour.ts'), {
    env: { ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  setPriority(child.pid ?? 0, constants.priority.PRIORITY_LOW);
  return child;
}

const ms = (name: string, rounds: readonly number[][]): Figure => {
  const all = rounds.flat().sort((a, b) => a - b);
  return { name, value: `${percentile(all, 0.5).toFixed(1)} ms`, spread: `p99 ${percentile(all, 0.99).toFixed(1)} ms` };
};

async function measure(world: World, child: ChildProcess): Promise<Figure[]> {
  const { id } = await world.send('POST', '/families', { body: TYPICAL_FAMILY });
  const limited = openTenantApi(world.store, world.now);
  const unlimited = openTenantApi(world.store, world.now, { quotaPerMinute: PLENTY });
  const run = () => round(world, id);
  const contenders = {
    alone: run,
    gateway: () => beside(limited, 'gateway', true, run),
    unbounded: () => beside(limited, 'unbounded', true, run),
    apart: () => besideProcess(child, 'unbounded', run),
    unlimited: () => beside(unlimited, 'gateway', false, run),
  };
  await interleaved(contenders, 2);
  const rounds = await interleaved(contenders, ROUNDS);
  const medians = (name: keyof typeof rounds) => rounds[name].map((times) => percentile(times, 0.5));
  const toAlone = (name: keyof typeof rounds) => ratioOf(medians(name), medians('alone'));
  const untargeted = (name: string, { median, lower, upper }: Summary): Figure => ({
    name,
    value: median.toFixed(2),
    spread: `${lower.toFixed(2)}–${upper.toFixed(2)}`,
  });
  return [
    ms('alone', rounds.alone),
    ms('beside a flood at the gateway’s pace, one process', rounds.gateway),
    ms('beside a flood as fast as it can, one process', rounds.unbounded),
    ms('beside a flood as fast as it can, its process apart', rounds.apart),
    ms('beside a flood at the gateway’s pace without a quota', rounds.unlimited),
    ratio('at the gateway’s pace, one process / alone, p50', toAlone('gateway'), TARGET),
    ratio('as fast as it can, its process apart / alone, p50', toAlone('apart'), TARGET),
    // Nothing that is deployed does this: an execution environment is never handed a second request before the first is answered.
    untargeted('as fast as it can, one process / alone, p50', toAlone('unbounded')),
    untargeted('without a quota / alone, p50', toAlone('unlimited')),
  ];
}

export const flood: Benchmark = {
  title: `Latency of one municipality beside another that floods, ${IN_FLIGHT} requests in flight, its quota spent; p50`,
  run: async () => {
    const world = await startWorld({ neighbours: [FLOODING] });
    const child = startNeighbour(world);
    try {
      return await measure(world, child);
    } finally {
      child.kill();
      await world.stop();
    }
  },
};
