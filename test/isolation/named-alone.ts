import { beforeEach, inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The titles of the tests that run; the others of their files are passed over. */
    readonly titles: string;
  }
}

const titles = new RegExp(inject('titles'), 's');

beforeEach(({ task, skip }) => {
  if (!titles.test(task.fullTestName)) skip();
});
