import type { Store } from '#shared/table/store.ts';
import { wrappedStore } from './wrapped-store.ts';

/**
 * A process that dies once it has sent so many calls to the world, before it sees the answer to the last of them: to
 * die after one call and before the next are the same. From then on nothing that it does gets through, however it goes
 * on: its catch blocks and retries speak to nobody.
 */
export function mortal(lastCall: number) {
  let calls = 0;
  let dead = lastCall === 0;
  let tried = false;
  const running = new Set<Promise<unknown>>();

  const requireLife = () => {
    tried ||= dead;
    if (dead) throw new Error('This process is dead');
  };
  const guard =
    <Args extends unknown[], Result>(run: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      requireLife();
      calls += 1;
      const answer = run(...args);
      running.add(answer);
      // What was sent before the death takes effect; only nobody is there for the answer.
      if (calls === lastCall) dead = true;
      const result = await answer.finally(() => running.delete(answer));
      requireLife();
      return result;
    };

  return {
    guard,
    store: (store: Store): Store => wrappedStore(store, guard),
    /** Waits for what the dead process had sent; says whether it died before its work was done. */
    async over(): Promise<boolean> {
      await Promise.allSettled(running);
      return tried;
    },
  };
}

/**
 * Runs `run` with a process that dies before its first call, then after it, after its second, and so on until one lives
 * to the end. Gives the number of calls that a whole life has.
 */
export async function atEveryCall(
  run: (life: ReturnType<typeof mortal>, lastCall: number) => Promise<void>,
): Promise<number> {
  for (let lastCall = 0; ; lastCall += 1) {
    const life = mortal(lastCall);
    await run(life, lastCall);
    if (!(await life.over())) return lastCall - 1;
  }
}
