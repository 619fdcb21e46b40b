import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFunctions } from '#infra/bundle.ts';
import { BUNDLE_BUDGETS } from '#test/support/bundle-budgets.ts';
import type { Benchmark, Figure } from './report.ts';

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

async function measure(directory: string): Promise<Figure[]> {
  await bundleFunctions({ outputDirectory: directory });
  return Promise.all(
    Object.entries(BUNDLE_BUDGETS).map(async ([name, budget]) => {
      const { size } = await stat(join(directory, name, 'index.cjs'));
      return { name, value: kilobytes(size), target: `≤ ${kilobytes(budget)}`, met: size <= budget };
    }),
  );
}

export const bytes: Benchmark = {
  title: 'Bytes of each function’s code, minified',
  run: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'livline-bench-'));
    try {
      return await measure(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
