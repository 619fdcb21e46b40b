import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import { findMunicipality } from '../register/register.ts';
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
  if (at !== undefined && plusSeconds(at, CLOCK_SKEW_S) < start)
    throw invalid(pointer, 'What happened to it cannot lie before it began.');
}

/** Throws 422 when one of these fields is another than it was: what a record is about stays, or its history would be another's. */
export function refuseChange<R extends object>(
  before: R | undefined,
  after: R,
  ...names: readonly (keyof R & string)[]
): void {
  const changed = before && names.find((name) => before[name] !== after[name]);
  if (changed !== undefined) throw invalid(`/${changed}`, 'This stays as it was. Create another record.');
}

/** Throws 422 unless one of the 98 municipalities has this code. */
export function refuseUnknownMunicipality(pointer: string, code: string): void {
  if (!findMunicipality(code)) throw invalid(pointer, 'There is no municipality with this code.', 'invalid_value');
}
