import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod';
import { type BatchFailures, failuresOf } from '#functions/sources.ts';
import { workerContext } from '#shared/context.ts';
import { count, faultOf, log } from '#shared/log.ts';
import type { Store } from '#shared/table/store.ts';
import type { SendHints } from '#shared/webhooks/hints.ts';
import { relay } from '#shared/webhooks/relay.ts';

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

/** Relays the arrivals of one municipality; if that fails, one by one, so that a poisoned one holds up no other. */
async function relayAll(
  deps: RelayDeps,
  code: string,
  arrivals: readonly Arrival[],
  requestId: string,
): Promise<string[]> {
  const attempt = async (some: readonly Arrival[]): Promise<void> => {
    const ctx = await workerContext(deps.store, code, requestId, deps.now());
    if (!ctx) throw new Error('An event of a municipality that is not provisioned');
    await relay(
      ctx,
      some.map(({ eventId }) => eventId),
      deps.sendHints,
    );
  };
  try {
    await attempt(arrivals);
    return [];
  } catch (error) {
    log.warn('relaying one by one', { requestId, municipality: code, count: arrivals.length, ...faultOf(error) });
  }
  const failed: string[] = [];
  for (const arrival of arrivals) {
    await attempt([arrival]).catch((error: unknown) => {
      log.error('event not relayed', { requestId, municipality: code, eventId: arrival.eventId, ...faultOf(error) });
      failed.push(arrival.identifier);
    });
  }
  return failed;
}

/** The stream's events, municipality by municipality. What failed is given back; the reconciler finds it in the table too. */
export const relayStream =
  (deps: RelayDeps) =>
  async (event: DynamoDBStreamEvent, { awsRequestId }: { awsRequestId: string }): Promise<BatchFailures> => {
    const failed: string[] = [];
    const byMunicipality = new Map<string, Arrival[]>();
    for (const record of event.Records) {
      try {
        const arrival = arrivalOf(record);
        byMunicipality.set(arrival.municipality, [...(byMunicipality.get(arrival.municipality) ?? []), arrival]);
      } catch (error) {
        log.error('stream record unreadable', { requestId: awsRequestId, ...faultOf(error) });
        failed.push(identifierOf(record));
      }
    }
    for (const [code, arrivals] of byMunicipality) failed.push(...(await relayAll(deps, code, arrivals, awsRequestId)));
    if (failed.length > 0) count('PoisonRecords', failed.length);
    return failuresOf(failed);
  };
