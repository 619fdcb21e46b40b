import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';

/** A guard, and the product without it. */
export interface Mutant {
  /** Which guard is gone. */
  readonly name: string;
  /** The module that holds it, and what of its text becomes what. */
  readonly file: string;
  readonly without: readonly (readonly [from: string, to: string])[];
  /** The tests of the suite that are to notice. */
  readonly tests: readonly string[];
  /** What one of them says when it does. */
  readonly because: RegExp;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the escaping of what callers put into keys',
    file: 'shared/table/keys.ts',
    without: [['segment.replace(UNSAFE,', 'segment.replace(/^$/,']],
    tests: ['test/table/keys.test.ts'],
    because: /can be read back/,
  },
];

/** What became of the tests of one mutant. */
export interface Outcome {
  readonly passed: number;
  /** Name and first message of each test that failed. */
  readonly failed: readonly string[];
}

/** The run without any mutation is one more. */
export const WHOLE = 'nothing';

/** Puts in the mutation as the module is loaded. A text that is not there exactly once ends the run. */
function mutating({ file, without }: Mutant): Plugin {
  return {
    name: 'livline-mutation',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith(`/${file}`)) return undefined;
      return without.reduce((text, [from, to]) => {
        const parts = text.split(from);
        if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`);
        return parts.join(to);
      }, code);
    },
  };
}

/**
 * Runs each mutant's tests, and those of all without a mutation, as projects of one vitest: they share its start, its
 * workers and the database that `LIVLINE_DATABASE` names.
 */
async function run(): Promise<Readonly<Record<string, Outcome>>> {
  const { startVitest } = await import('vitest/node');
  const whole = { name: WHOLE, tests: [...new Set(MUTANTS.flatMap(({ tests }) => tests))], plugins: [] };
  const projects = [whole, ...MUTANTS.map((mutant) => ({ ...mutant, plugins: [mutating(mutant)] }))];
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const vitest = await startVitest('test', [], {
    root,
    config: false,
    watch: false,
    reporters: [{}],
    projects: projects.map(({ name, tests, plugins }) => ({
      plugins,
      test: { name, root, include: [...tests], globalSetup: ['test/support/database.ts'] },
    })),
  });
  const outcomes: Record<string, { passed: number; failed: string[] }> = {};
  for (const { name } of projects) outcomes[name] = { passed: 0, failed: [] };
  for (const module of vitest.state.getTestModules()) {
    const outcome = outcomes[module.project.name];
    for (const error of module.errors()) outcome?.failed.push(`${module.moduleId}: ${error.message}`);
    for (const test of module.children.allTests()) {
      const { state, errors = [] } = test.result();
      if (state === 'passed' && outcome) outcome.passed += 1;
      if (state === 'failed') outcome?.failed.push(`${test.fullName}: ${errors[0]?.message}`);
    }
  }
  for (const error of vitest.state.getUnhandledErrors()) outcomes[WHOLE]?.failed.push(String(error));
  await vitest.close();
  return outcomes;
}

if (import.meta.main) {
  const outcomes = await run();
  process.stdout.write(`\n${JSON.stringify(outcomes)}`);
  process.exit(0);
}
