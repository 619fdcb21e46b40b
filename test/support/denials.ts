import { afterEach } from 'vitest';

/**
 * Calls that IAM would have denied. The code under test may catch what a denied call throws, and go on; the test that
 * made it fails all the same, unless it says that it expects it.
 */
const denials: Error[] = [];

/** Remembers a denial until somebody looks. */
export function recordDenial(error: Error): void {
  denials.push(error);
}

/** What was denied while this ran, which then fails no test. */
export async function denialsOf(run: () => Promise<unknown>): Promise<string[]> {
  const before = denials.length;
  await run();
  return denials.splice(before).map(({ message }) => message);
}

afterEach(() => {
  const [first] = denials.splice(0);
  if (first) throw first;
});
