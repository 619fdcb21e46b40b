import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';
import type { PostRequest } from '#shared/webhooks/egress.ts';

/** What a receiver makes of a request with the Standard Webhooks library at that time: the event, or an error. */
export function verified(secret: string, { headers, body }: PostRequest, at: Date): unknown {
  // The library compares the timestamp with the clock of the machine.
  vi.setSystemTime(at);
  try {
    return new Webhook(secret).verify(body, { ...headers });
  } finally {
    vi.useRealTimers();
  }
}
