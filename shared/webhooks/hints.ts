import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { faultOf, log } from '../log.ts';

/**
 * A hint says that somebody should look at a delivery now. It is no promise: the delivery's row is the truth, and a hint
 * that is lost, late or doubled changes nothing but the time.
 */
export const Hint = z.strictObject({
  municipality: z.string(),
  deliveryId: z.string(),
  eventId: z.string(),
  endpointId: z.string(),
  /** Whether it goes through the lane of slow endpoints. */
  isSlow: z.boolean().optional(),
});
export type Hint = z.infer<typeof Hint>;

/** SQS delays a message by at most this many seconds; what is due later is left to the sweeper. */
export const LONGEST_DELAY_S = 900;

/** A hint and the seconds after which it should arrive. */
export interface DelayedHint extends Hint {
  readonly delayS: number;
}

/** Sends hints on their way. */
export type SendHints = (hints: readonly DelayedHint[]) => Promise<void>;

const BATCH = 10;

/** The queues of the two lanes. Who never sends a hint to a slow endpoint knows the ordinary one alone. */
export interface HintQueues {
  readonly url: string;
  readonly slowUrl?: string;
}

/**
 * Hints as messages of a fair queue: grouped by endpoint, so that one with many does not hold up the others. Those for
 * slow endpoints go to a queue of their own, whose concurrency is apart.
 */
export function queueHints({ url, slowUrl = url }: HintQueues): SendHints {
  // Made with the first hint: most requests send none, and a client takes time to make.
  let sqs: SQSClient | undefined;
  const send = async (QueueUrl: string, hints: readonly DelayedHint[]) => {
    for (let start = 0; start < hints.length; start += BATCH) {
      const Entries = hints.slice(start, start + BATCH).map(({ delayS, ...hint }, at) => ({
        Id: String(at),
        MessageBody: JSON.stringify(hint),
        MessageGroupId: hint.endpointId,
        DelaySeconds: Math.min(Math.max(Math.ceil(delayS), 0), LONGEST_DELAY_S),
      }));
      sqs ??= new SQSClient({});
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
  return async (hints) => {
    await send(
      url,
      hints.filter(({ isSlow }) => !isSlow),
    );
    await send(
      slowUrl,
      hints.filter(({ isSlow }) => isSlow),
    );
  };
}

/**
 * Sends hints at deliveries that a request has just made due. A queue that cannot be reached fails no request, because its
 * rows are written: the clock finds them a minute later.
 */
export async function hintNow({ requestId }: Context, sendHints: SendHints, hints: readonly Hint[]): Promise<void> {
  if (hints.length === 0) return;
  try {
    await sendHints(hints.map((hint) => ({ ...hint, delayS: 0 })));
  } catch (error) {
    log.warn('hints not sent', { requestId, hints: hints.length, ...faultOf(error) });
  }
}
