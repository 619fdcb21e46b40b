import type { FailureMetric } from '#shared/log.ts';

interface FailureAlarm {
  /** What a count means, for whoever is woken by it. */
  readonly meaning: string;
  /** The runbook's section: a heading of README.md as GitHub makes an anchor of it. */
  readonly runbook: string;
  /** For how many periods of five minutes in a row. One that is tried again by itself is given a second chance. */
  readonly periods: 1 | 2;
}

/** The alarm of each custom metric. A metric without one does not compile. */
export const FAILURE_ALARMS: Readonly<Record<FailureMetric, FailureAlarm>> = {
  ErasureFailures: {
    meaning: 'The erasure of a person failed. It is tried again every minute, and its deadline may be a legal one.',
    runbook: 'README.md#erasurefailures',
    periods: 2,
  },
  Failures: {
    meaning: 'A worker failed as a whole: relay, deliver, clock or lifecycle.',
    runbook: 'README.md#failures',
    periods: 2,
  },
  LifecycleFailures: {
    meaning: 'The lifecycle failed in one municipality: its erasures, its retention or its leave stand still.',
    runbook: 'README.md#lifecyclefailures',
    periods: 2,
  },
  PoisonRecords: {
    meaning: 'The relay met an event that it cannot read or send. The events of that object wait behind it.',
    runbook: 'README.md#poisonrecords',
    periods: 1,
  },
  SweepFailures: {
    meaning: 'The clock failed in one municipality: what is due there is not made good.',
    runbook: 'README.md#sweepfailures',
    periods: 2,
  },
  UnappliedMessages: {
    meaning: 'A message to an inbox is stored and could not be applied. It is tried again every minute.',
    runbook: 'README.md#unappliedmessages',
    periods: 2,
  },
  UncountedRequests: {
    meaning: 'The table did not answer when a quota was counted, and requests went on without being counted.',
    runbook: 'README.md#uncountedrequests',
    periods: 1,
  },
  UnsignedDeliveries: {
    meaning: 'A webhook could not be signed, because the secret of its endpoint does not open.',
    runbook: 'README.md#unsigneddeliveries',
    periods: 1,
  },
};
