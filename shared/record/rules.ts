import type { Context } from '../context.ts';
import { invalid } from '../errors.ts';
import { type Instant, plusSeconds } from '../time.ts';

/** Clocks differ: an instant this much ahead of ours, in seconds, is not yet called future. */
const CLOCK_SKEW_S = 60;

/** Throws 422 when an instant has not come yet. */
export function refuseFuture(ctx: Context, pointer: string, at: Instant | undefined): void {
  if (at !== undefined && at > ctx.now && at > plusSeconds(ctx.now, CLOCK_SKEW_S))
    throw invalid(pointer, 'This lies in the future.');
}

/** Throws 422 when an instant lies before that at which its record began. */
export function refuseBefore(pointer: string, at: Instant | undefined, start: Instant): void {
  if (at !== undefined && plusSeconds(at, CLOCK_SKEW_S) < start) throw invalid(pointer, 'This lies before it began.');
}
