/**
 * One JSON line per event, with Powertools' field names so that existing queries work, without its cold-start cost.
 * Logs hold ids, codes and counts, never a value of the record: callers pass only those, and a test greps for the rest.
 */
type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

function write(level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Fields): void {
  const line = {
    level,
    message,
    timestamp: new Date().toISOString(),
    service: process.env['SERVICE'] ?? 'livline',
    ...fields,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export const log = {
  info: (message: string, fields: Fields = {}): void => write('INFO', message, fields),
  warn: (message: string, fields: Fields = {}): void => write('WARN', message, fields),
  error: (message: string, fields: Fields = {}): void => write('ERROR', message, fields),
};

/** What may be logged of an error: its name and where it was thrown, not its message, which can quote a value. */
export function faultOf(error: unknown): Fields {
  if (!(error instanceof Error)) return { error: typeof error };
  const at = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '));
  return { error: error.name, at: at?.trim() };
}

/** The custom metrics. Each counts a failure, and has an alarm (infra/failure-alarms.ts) and a section in the runbook. */
export const FAILURE_METRICS = [
  'ErasureFailures',
  'Failures',
  'LifecycleFailures',
  'PoisonRecords',
  'SweepFailures',
  'UnappliedMessages',
  'UncountedRequests',
  'UnsignedDeliveries',
] as const;
export type FailureMetric = (typeof FAILURE_METRICS)[number];

/**
 * Writes a count in CloudWatch's embedded metric format: a log line that becomes a metric without a call. The stage is its
 * one dimension, so that each stage has its own alarm; the service stands in the line.
 */
export function count(metric: FailureMetric, value: number): void {
  const line = {
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        { Namespace: 'Livline', Dimensions: [['stage']], Metrics: [{ Name: metric, Unit: 'Count' }] },
      ],
    },
    service: process.env['SERVICE'] ?? 'livline',
    stage: process.env['STAGE'] ?? 'local',
    [metric]: value,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
