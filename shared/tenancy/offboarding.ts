import type { Instant } from '../time.ts';

/** How far a municipality has left. */
export interface Offboarding {
  readonly startedAt: Instant;
}
