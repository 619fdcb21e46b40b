import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScheduledEvent } from 'aws-lambda';
import { ACCOUNT, complain, type Invocation, invoke, type LambdaHandler, REGION } from './lambda.ts';

export type ScheduleHandler = LambdaHandler<ScheduledEvent, unknown>;

/**
 * Calls a function at once, so that what waited over a restart waits no longer, and then every `interval` milliseconds
 * with EventBridge's event. A call that takes longer than the interval is followed by the next without a pause, never
 * joined by it.
 */
export function startSchedule(
  handler: ScheduleHandler,
  invocation: Invocation,
  interval: number,
): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      const next = Date.now() + interval;
      try {
        await invoke(handler, invocation, scheduledEvent());
      } catch (error) {
        complain(`${invocation.functionName} failed`, error);
      }
      await sleep(Math.max(0, next - Date.now()), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

function scheduledEvent(): ScheduledEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: ACCOUNT,
    time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    region: REGION,
    resources: [`arn:aws:events:${REGION}:${ACCOUNT}:rule/every-minute`],
    detail: {},
  };
}
