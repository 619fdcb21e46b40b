import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';

/** Sends municipalities that a round did not reach to the queue from which the same function takes them one at a time. */
export type HandOn = (codes: readonly string[]) => Promise<void>;

const Turn = z.strictObject({ municipality: z.string().regex(/^\d{4}$/) });

/** SQS takes at most so many messages in one request. */
const BATCH = 10;

/** A queue of municipalities whose turn it is, `delayS` seconds after they are sent. */
export function turnQueue(queueUrl: string, delayS = 0): HandOn {
  let sqs: SQSClient | undefined;
  return async (codes) => {
    sqs ??= new SQSClient({});
    for (let start = 0; start < codes.length; start += BATCH) {
      const Entries = codes.slice(start, start + BATCH).map((municipality) => ({
        Id: municipality,
        MessageBody: JSON.stringify({ municipality } satisfies z.infer<typeof Turn>),
        DelaySeconds: delayS,
      }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    }
  };
}

/** What starts a round: the schedule, or a message that names one municipality. */
export interface RoundEvent {
  readonly Records?: readonly { readonly body: string }[];
}

/** The municipalities that messages name; undefined if the schedule started the round, which is for all. */
export function municipalitiesNamed(event: unknown): string[] | undefined {
  const { Records } = (event ?? {}) as RoundEvent;
  return Records?.map(({ body }) => Turn.parse(JSON.parse(body)).municipality);
}

export interface RoundLimits {
  readonly now: () => Date;
  /** Municipalities at work at a time. */
  readonly atOnce: number;
  /** Milliseconds after which no further municipality is begun. */
  readonly roundMs: number;
  /** Milliseconds after which a municipality begins no further step, so that its backlog does not starve the rest. */
  readonly turnMs: number;
}

const MINUTE_MS = 60_000;

/**
 * Does some work for each municipality, a few at a time; whoever is done takes the next, so nobody waits for the slowest.
 * Each minute begins with another municipality. Returns those for which there was no time; the first ones always have
 * their turn.
 */
export async function takeTurns(
  codes: readonly string[],
  { now, atOnce, roundMs, turnMs }: RoundLimits,
  work: (code: string, hasTime: () => boolean) => Promise<void>,
): Promise<string[]> {
  const startedAt = now().getTime();
  const first = codes.length === 0 ? 0 : Math.floor(startedAt / MINUTE_MS) % codes.length;
  const waiting = [...codes.slice(first), ...codes.slice(0, first)];
  const takeNext = async (): Promise<void> => {
    for (let begun = false; waiting.length > 0; begun = true) {
      const turnStartsAt = now().getTime();
      if (begun && turnStartsAt - startedAt >= roundMs) return;
      await work(waiting.shift() as string, () => now().getTime() - turnStartsAt < turnMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, codes.length) }, takeNext));
  return waiting;
}
