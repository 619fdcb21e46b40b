import { isDeepStrictEqual } from 'node:util';
import { WAITS_S } from '#shared/webhooks/schedule.ts';
import type { Arrival } from './chaos.ts';
import { verified } from './receiver.ts';

/** What one endpoint should have got. */
export interface Expected {
  readonly secret: string;
  /** The events that the feed has for it. */
  readonly feed: readonly { readonly id: string }[];
}

const headersOf = ({ headers }: Arrival): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

function signatureFault(arrival: Arrival, secret: string): string | undefined {
  try {
    const request = { url: arrival.path, headers: headersOf(arrival), body: arrival.body };
    const { id } = verified(secret, request, new Date(arrival.at)) as { id: string };
    return id === arrival.headers['webhook-id'] ? undefined : 'webhook-id is not the id of the event';
  } catch (error) {
    return `does not verify: ${error instanceof Error ? error.message : error}`;
  }
}

/** What is wrong with an attempt as the one after `before`, which was attempt `made`. */
function successionFaults(before: Arrival, arrival: Arrival, made: number): string[] {
  const timestamp = ({ headers }: Arrival) => Number(headers['webhook-timestamp']);
  const wait = WAITS_S[made];
  return [
    arrival.body !== before.body ? 'has other bytes than the attempt before' : '',
    timestamp(arrival) <= timestamp(before) ? 'has no new timestamp' : '',
    wait === undefined ? 'is one attempt too many' : '',
    arrival.at - before.at < (wait ?? 0) * 1000 ? `came before its time (${arrival.at - before.at} ms)` : '',
  ].filter((fault) => fault !== '');
}

/**
 * All that is wrong with what arrived at an endpoint, in words; nothing where every signature is good, an id stays the
 * same on every attempt and its bytes too, timestamps are new, the schedule is kept, and the ids are exactly the feed's.
 */
export function faultsOf(arrivals: readonly Arrival[], { secret, feed }: Expected): string[] {
  const faults: string[] = [];
  const attempts = Map.groupBy(arrivals, ({ headers }) => String(headers['webhook-id']));
  for (const [id, ofOne] of attempts) {
    ofOne.forEach((arrival, made) => {
      const before = ofOne[made - 1];
      const signature = signatureFault(arrival, secret);
      const found = [...(signature ? [signature] : []), ...(before ? successionFaults(before, arrival, made) : [])];
      faults.push(...found.map((fault) => `attempt ${made + 1} of ${id} ${fault}`));
    });
    const shown = feed.find((event) => event.id === id);
    if (!shown) faults.push(`${id} is not in the feed`);
    else if (!isDeepStrictEqual(JSON.parse(ofOne[0]?.body ?? ''), shown)) faults.push(`${id} differs from the feed`);
  }
  for (const { id } of feed) if (!attempts.has(id)) faults.push(`${id} never arrived`);
  return faults;
}
