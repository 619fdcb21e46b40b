import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartupProblem } from './startup-problem.ts';

/** A folder of data that is this process's alone until it gives it up or ends, however it ends. */
export interface DataFolder {
  readonly path: string;
  readonly release: () => void;
}

const LOCK = 'lock';
const FORMAT_FILE = 'format';
/** Format of the stored data. Raise it when a change of stored rows or keys makes older folders unreadable. */
const FORMAT = '2';

/**
 * Takes a folder of data, which is made if it is not there.
 * @param fresh whether all that is in it is deleted first
 * @throws StartupProblem if another process has it, it cannot be used, or another version of Livline wrote it
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
    requireFormat(path, release);
    return { path, release };
  } catch (cause) {
    if (cause instanceof StartupProblem) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StartupProblem(`The data folder ${path} cannot be used (${why}): make it a folder that you may write.`, {
      cause,
    });
  }
}

/** Writes the format into an empty folder. Throws where the folder holds data in another format. */
function requireFormat(path: string, release: () => void): void {
  const names = readdirSync(path).filter((name) => !name.startsWith(LOCK));
  if (names.length === 0) writeFileSync(join(path, FORMAT_FILE), FORMAT);
  else if (!names.includes(FORMAT_FILE) || readFileSync(join(path, FORMAT_FILE), 'utf8') !== FORMAT) {
    release();
    throw new StartupProblem(
      `The data in ${path} was written by another version of Livline: \`npm start -- --fresh\` deletes it and starts anew.`,
    );
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
