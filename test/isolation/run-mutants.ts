import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { startVitest } from 'vitest/node';
import { tableTemplate } from '#infra/local/table.ts';
import { synthesisedPolicies } from '#test/support/role-policies.ts';
import { MUTANTS, type Mutant, type Outcome, titlesOf, WHOLE } from './mutants.ts';

/** Puts in the mutation as the module is loaded. A text that is not there exactly once ends the run. */
function mutating({ file, without }: Mutant): Plugin {
  return {
    name: 'livline-mutation',
    enforce: 'pre',
    // What vitest keeps of transformed modules serves all mutants but for the one module that is not the same.
    configureVitest: ({ defineCacheKeyGenerator }) =>
      defineCacheKeyGenerator(({ id }) => (id.endsWith(`/${file}`) ? false : undefined)),
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

/** Runs each mutant's tests, and those of all without a mutation, as projects of one vitest. */
async function run(dynamodbEndpoint: string, wanted: RegExp): Promise<Readonly<Record<string, Outcome>>> {
  const mutants = MUTANTS.filter(({ name }) => wanted.test(name));
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
  const whole = { name: WHOLE, tests, titles: mutants.map(titlesOf).filter(Boolean).join('|'), plugins: [], file: '' };
  const mutated = mutants.map((mutant) => ({ ...mutant, titles: titlesOf(mutant), plugins: [mutating(mutant)] }));
  const projects = [whole, ...mutated];
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const mutatedPolicies = fileURLToPath(new URL('./mutated-policies.ts', import.meta.url));
  const provide = { dynamodbEndpoint, template: await tableTemplate(), policies: synthesisedPolicies() };
  const vitest = await startVitest('test', [], {
    root,
    config: false,
    watch: false,
    reporters: [{}],
    fsModuleCache: true,
    projects: projects.map(({ name, tests, titles, plugins, file }) => ({
      plugins,
      test: {
        name,
        root,
        provide: { ...provide, titles },
        pool: 'threads',
        testTimeout: 60_000,
        hookTimeout: 180_000,
        include: [...tests],
        setupFiles: ['test/isolation/named-alone.ts', 'test/support/denials.ts'],
        globalSetup: file.startsWith('infra/') ? [mutatedPolicies] : [],
      },
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
  const outcomes = await run(process.argv[2] as string, new RegExp(process.argv[3] ?? ''));
  process.stdout.write(`\n${JSON.stringify(outcomes)}`);
  process.exit(0);
}
