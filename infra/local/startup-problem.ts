import { setTimeout as sleep } from 'node:timers/promises';

/** Why the local product cannot start, in one sentence that says what to do. It is shown alone, without a stack. */
export class StartupProblem extends Error {
  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = 'StartupProblem';
  }
}

/** How long something that is in the way may take to go away, in milliseconds: an instance that is being stopped. */
const PATIENCE = 2500;
const RETRY = 100;

/** Tries to take something until it can be had, for a moment at most. */
export async function takeSoon<Taken>(take: () => Taken | Promise<Taken>): Promise<Taken> {
  const until = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await take();
    } catch (error) {
      if (!(error instanceof StartupProblem) || Date.now() >= until) throw error;
    }
    await sleep(RETRY);
  }
}
