import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartupProblem } from './startup-problem.ts';

/** A folder of data that is this process's alone until it gives it up or ends, however it ends. */
export interface DataFolder {
  readonly path: string;
  readonly release: () => void;
}

const LOCK = 'lock';

/**
 * Takes a folder of data, which is made if it is not there.
 * @param fresh whether all that is in it is deleted first
 * @throws StartupProblem if another process has it, or it cannot be used
 */
export function takeDataFolder(path: string, fresh: boolean): DataFolder {
  try {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700);
    const release = takeLock(path);
    if (fresh) {
      const others = readdirSync(path).filter((name) => !name.startsWith(LOCK));
      for (const name of others) rmSync(join(path, name), { recursive: true, force: true });
    }
    return { path, release };
  } catch (cause) {
    if (cause instanceof StartupProblem) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartupProblem(`The data folder ${path} cannot be used (${why}): make it a folder that you may write.`, {
      cause,
    });
  }
}

/** SQLite's lock, since the system drops it when its process is gone; a file with a process id would stay behind. */
function takeLock(path: string): () => void {
  const lock = new DatabaseSync(join(path, LOCK));
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Error && cause.message.includes('locked'))) throw cause;
    throw new StartupProblem(
      `Livline is already running on the data in ${path}: use that one, or stop it before you start another.`,
      { cause },
    );
  }
  return () => lock.close();
}
