import type { FunctionName } from '#infra/service-function.ts';

/**
 * Bytes that a function's code may have, 95,000 of them what asks STS for sessions and KMS for keys, and seals. Each
 * thousand costs a cold start about 60 µs to be read and understood, so what grows past its budget should be worth it; then
 * the budget grows too.
 */
export const BUNDLE_BUDGETS: Readonly<Record<FunctionName, number>> = {
  // With 25,000 for sending hints at deliveries that are resent, and 6,000 for the types of events by name.
  'tenant-api': 675_000,
  // With 25,000 for waking the clock after a grant.
  'access-api': 530_000,
  // It reads archives from S3. Few wait for its start.
  'archive-api': 700_000,
  // With 2,000 for telling the nearest query parameter, and for members of one name.
  'admin-api': 473_000,
  'public-api': 15_000,
  inbox: 570_000,
  relay: 435_000,
  deliver: 508_000,
  // It applies messages that were received and not applied, so it has every resource.
  clock: 590_000,
  // It hands over every resource, to S3. Nobody waits for its start.
  lifecycle: 840_000,
};
