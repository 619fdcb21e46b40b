import type { Context } from '../auth/context.ts';
import { refuseCpr } from '../cpr.ts';
import { invalid } from '../errors.ts';
import { findMunicipality } from '../register/register.ts';
import { type Instant, plusSeconds } from '../time.ts';
import type { CaseRef } from './resource.ts';

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

/**
 * Throws 422 `looks_like_cpr` when a link to a case that the record did not have names the case by what looks like a CPR
 * number, unless the municipality's case numbers look like that.
 */
export function refuseCprInCases(
  { tenant }: Context,
  before: readonly CaseRef[] = [],
  after: readonly CaseRef[] = [],
): void {
  if (tenant.cprLikeCaseNumbers) return;
  const known = new Set(before.flatMap(({ caseId, caseNumber }) => [caseId, caseNumber]));
  for (const [at, link] of after.entries()) {
    for (const name of ['caseId', 'caseNumber'] as const) {
      const text = link[name];
      if (text !== undefined && !known.has(text)) refuseCpr(`/caseRefs/${at}/${name}`, text);
    }
  }
}

/** Throws 422 unless one of the 98 municipalities has this code. */
export function refuseUnknownMunicipality(pointer: string, code: string): void {
  if (!findMunicipality(code)) throw invalid(pointer, 'There is no municipality with this code.', 'invalid_value');
}
