import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { MUTANTS, type Outcome, WHOLE, WITHOUT_LAYER_1 } from './mutants.ts';

/**
 * A test proves a guard only if it fails without it. So each guard is taken away in turn, and the tests that stand for it
 * must notice, each for its own reason; with every guard in place they pass.
 */
let outcomes: Readonly<Record<string, Outcome>>;
beforeAll(async () => {
  const script = fileURLToPath(new URL('./run-mutants.ts', import.meta.url));
  // Nothing of this run's own settings: the one below is a run of its own.
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV|TEST|DEV|PROD|MODE$)/.test(name));
  const { stdout } = await promisify(execFile)(process.execPath, [script, inject('dynamodbEndpoint')], {
    env: Object.fromEntries(own),
    maxBuffer: 10_000_000,
  });
  outcomes = JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1));
}, 1_800_000);

describe('the suite', () => {
  it('passes with every guard in place', () => {
    expect(outcomes[WHOLE]?.failed).toEqual([]);
    expect(outcomes[WHOLE]?.passed).toBeGreaterThan(10);
  });

  it.each(MUTANTS)('notices when $name is gone', ({ name, because }) => {
    expect(outcomes[name]?.failed.join('\n')).toMatch(because);
  });

  it.each(WITHOUT_LAYER_1)(
    'needs no other layer than IAM where $name is gone: nothing is even provisioned',
    ({ name }) => {
      expect(outcomes[name]?.passed).toBe(0);
      expect(outcomes[name]?.failed).toEqual([expect.stringMatching(/tenantrole\w+ may not /)]);
    },
  );
});
