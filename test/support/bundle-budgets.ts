import type { FunctionName } from '#infra/service-function.ts';

/**
 * Bytes that a function's code may have, 95,000 of them what asks STS and KMS and seals for sessions. Each thousand costs a cold start about 60 µs to be read and understood, so what
 * grows past its budget should be worth it; then the budget grows too.
 */
export const BUNDLE_BUDGETS: Readonly<Record<FunctionName, number>> = {
  'tenant-api': 602_000,
  'admin-api': 438_000,
  'public-api': 15_000,
  inbox: 535_000,
  relay: 410_000,
  deliver: 485_000,
  // It applies messages that were received and not applied, so it has every resource.
  clock: 550_000,
  // It hands over every resource, to S3. Nobody waits for its start.
  lifecycle: 755_000,
};
