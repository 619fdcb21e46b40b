import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { App } from '#functions/http.ts';
import { tenantEvent } from './world.ts';

/** The municipality that floods. */
export const FLOODING = '0766';
/** Requests that it has under way at once. */
export const IN_FLIGHT = 20;

/** How fast it goes: a thousand a second, which is what the gateway lets through for all clients together, or as fast as it can. */
export type Pace = 'gateway' | 'unbounded';
const WAVE_MS = 20;

/** A flood that is under way. */
export interface Flood {
  /** Requests that were refused so far. */
  readonly refused: () => number;
  readonly stop: () => Promise<void>;
}

/** Sends reads until it is stopped: the next one as soon as the one before is answered, at the pace. */
export function startFlood(api: App, pace: Pace): Flood {
  const event = tenantEvent('GET', '/families', {}, FLOODING);
  let on = true;
  let refused = 0;
  const client = async () => {
    while (on) {
      const { statusCode } = await api(event);
      if (statusCode === 429) refused += 1;
      // Each request comes by the network, so the loop turns between two of them.
      await (pace === 'gateway' ? pause(WAVE_MS) : nextTurn());
    }
  };
  const clients = Promise.all(Array.from({ length: IN_FLIGHT }, client));
  return {
    refused: () => refused,
    stop: async () => {
      on = false;
      await clients;
    },
  };
}
