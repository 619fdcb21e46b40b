import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/database.ts'],
    setupFiles: ['test/support/leak-watch.ts', 'test/support/denials.ts'],
    // Crash and simulation tests take seconds on a quiet machine; these bounds let them end on a busy one.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // Each file has a table of its own, so files run side by side; two cores carry two of them and the database.
    maxWorkers: 2,
  },
});
