import { afterEach, expect, vi } from 'vitest';
import { inspect, takeLeaks } from './leaks.ts';

/** Every line that a function logs, and every metric, is looked through, also where a test keeps it from being printed. */
vi.mock('#shared/log.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('#shared/log.ts')>();
  const watched =
    <Args extends unknown[]>(write: (...args: Args) => void) =>
    (...args: Args): void => {
      inspect('A log line', args);
      write(...args);
    };
  const { log, count } = original;
  return {
    ...original,
    log: { info: watched(log.info), warn: watched(log.warn), error: watched(log.error) },
    count: watched(count),
  };
});

afterEach(() => {
  expect(takeLeaks(), 'sensitive values left a function').toEqual([]);
});
