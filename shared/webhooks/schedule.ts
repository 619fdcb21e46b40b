import { type Instant, plusSeconds } from '../time.ts';

/** Seconds to wait before attempt 1, 2, …: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. */
export const WAITS_S = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;

/** Jitter adds up to this share of the wait, so that what failed together does not come back together. Never less. */
const JITTER = 0.1;
const LONGEST_RETRY_AFTER_S = 86_400;

/** When the next attempt may be made after `made` attempts; undefined when the last one has been made. */
export function nextAttemptAt(made: number, now: Instant, random: number, retryAfterS = 0): Instant | undefined {
  const wait = WAITS_S[made];
  if (wait === undefined) return undefined;
  return plusSeconds(now, Math.max(wait * (1 + JITTER * random), retryAfterS));
}

/** Seconds that a Retry-After header asks for (RFC 9110 §10.2.3: seconds or a date), at most 24 h; 0 where it makes no sense. */
export function retryAfterSeconds(header: string | undefined, now: Instant): number {
  if (header === undefined) return 0;
  const text = header.trim();
  const seconds = /^\d{1,9}$/.test(text)
    ? Number(text)
    : /^[A-Z][a-z]{2}, /.test(text)
      ? (Date.parse(text) - Date.parse(now)) / 1000
      : 0;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_RETRY_AFTER_S) : 0;
}
