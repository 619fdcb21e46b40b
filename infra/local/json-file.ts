import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartupProblem } from './startup-problem.ts';

/**
 * Reads a JSON file of ours; `undefined` if there is none.
 * @throws StartupProblem if it is there and cannot be read.
 */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new StartupProblem(
      `${path} cannot be read: start with \`npm start -- --fresh\`, which empties its folder, or put back a good copy.`,
      { cause },
    );
  }
}

/**
 * Replaces a JSON file at once: whenever the process or the machine stops, the file is the old one or the new one.
 * It holds secrets, so only its owner may read it. Synchronous, so that no two writes ever overlap.
 */
export function writeJsonFile(path: string, value: unknown): void {
  const draft = `${path}.draft`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(value, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** A renamed file is only safe once its folder is; Windows has no such thing and needs none. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
