import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { type BatchFailures, failuresOf } from '#functions/sources.ts';
import { type Principals, principalsOf } from '#shared/auth/principals.ts';
import { workerContext } from '#shared/auth/system.ts';
import { count, faultOf, log } from '#shared/log.ts';
import type { Store } from '#shared/table/store.ts';
import type { SendHints } from '#shared/webhooks/hints.ts';
import { relayAll } from '#shared/webhooks/relay.ts';

export interface RelayDeps {
  readonly store: Store;
  readonly sendHints: SendHints;
  readonly now: () => Date;
}

/** An event's row in the stream, as far as the relay needs it: the row itself is read from the table. */
const EventImage = z.object({
  type: z.literal('event'),
  municipality: z.string().regex(/^\d{4}$/),
  eventId: z.string(),
});

interface Arrival {
  /** The record's sequence number in the stream, by which Lambda knows it. */
  readonly identifier: string;
  readonly municipality: string;
  readonly eventId: string;
}

const identifierOf = ({ dynamodb }: DynamoDBRecord): string => dynamodb?.SequenceNumber ?? '';

function arrivalOf(record: DynamoDBRecord): Arrival {
  const image = unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>);
  return { identifier: identifierOf(record), ...EventImage.parse(image) };
}

/** Relays the arrivals of one municipality. Gives the identifiers of those that failed. */
async function relayArrivals(
  { store, sendHints, principals, now }: RelayDeps & { readonly principals: Principals },
  code: string,
  arrivals: readonly Arrival[],
  requestId: string,
): Promise<string[]> {
  try {
    const ctx = await workerContext(store, code, requestId, now());
    // Of one that is suspended all stays due in the table: the clock brings it once it is at work again.
    if (!ctx) return [];
    const ids = arrivals.map(({ eventId }) => eventId);
    const failed = new Set(await relayAll(ctx, ids, { principals, sendHints }));
    return arrivals.filter(({ eventId }) => failed.has(eventId)).map(({ identifier }) => identifier);
  } catch (error) {
    log.error('municipality not relayed', { requestId, municipality: code, ...faultOf(error) });
    return arrivals.map(({ identifier }) => identifier);
  }
}

/** The stream's events, municipality by municipality. What failed is given back; the reconciler finds it in the table too. */
export const relayStream = (deps: RelayDeps) => {
  const principals = principalsOf(deps.store, deps.now);
  return async (event: DynamoDBStreamEvent, { awsRequestId }: { awsRequestId: string }): Promise<BatchFailures> => {
    const failed: string[] = [];
    const byMunicipality = new Map<string, Arrival[]>();
    for (const record of event.Records) {
      try {
        const arrival = arrivalOf(record);
        byMunicipality.set(arrival.municipality, [...(byMunicipality.get(arrival.municipality) ?? []), arrival]);
      } catch (error) {
        log.error('stream record unreadable', { requestId: awsRequestId, ...faultOf(error) });
        count('PoisonRecords', 1);
        failed.push(identifierOf(record));
      }
    }
    for (const [code, arrivals] of byMunicipality) {
      failed.push(...(await relayArrivals({ ...deps, principals }, code, arrivals, awsRequestId)));
    }
    return failuresOf(failed);
  };
};
