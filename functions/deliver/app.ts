import type { SQSEvent } from 'aws-lambda';
import { type BatchFailures, failuresOf } from '#functions/sources.ts';
import { principalsOf } from '#shared/auth/principals.ts';
import { faultOf, log } from '#shared/log.ts';
import { type DeliverDeps, deliver } from '#shared/webhooks/deliver.ts';
import { Hint } from '#shared/webhooks/hints.ts';

/** The queue's hints, one look at a delivery for each. A hint that cannot be read is dropped: the row brings it back. */
export const deliverQueue = (given: Omit<DeliverDeps, 'principals'>) => {
  const deps: DeliverDeps = { ...given, principals: principalsOf(given.store, given.now) };
  return async (event: SQSEvent, { awsRequestId }: { awsRequestId: string }): Promise<BatchFailures> => {
    const failed: string[] = [];
    for (const { body, messageId } of event.Records) {
      const hint = hintOf(body);
      if (!hint) {
        log.warn('hint unreadable', { requestId: awsRequestId });
        continue;
      }
      try {
        await deliver(deps, hint, awsRequestId);
      } catch (error) {
        log.error('delivery not looked at', {
          requestId: awsRequestId,
          deliveryId: hint.deliveryId,
          ...faultOf(error),
        });
        failed.push(messageId);
      }
    }
    return failuresOf(failed);
  };
};

function hintOf(body: string): Hint | undefined {
  try {
    return Hint.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}
