import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A child process that cannot outlive this one. */
export interface Leashed {
  /** What it wrote to its standard output and error, decoded, in the order it arrived. */
  readonly onOutput: (listen: (text: string) => void) => void;
  /** Settles when it has ended, however it ended. */
  readonly ended: Promise<void>;
  readonly pid: number | undefined;
  /** Ends it and waits until it is gone. */
  readonly stop: () => Promise<void>;
}

/** How long a child may take to end by itself, in milliseconds. */
const GRACE = 3000;

/** Windows has no process groups, and would open a window. */
const OWN_GROUP = process.platform !== 'win32';

/**
 * Starts a program that ends when its standard input does. The other end of that pipe is held here and nowhere else,
 * so the system itself closes it when this process ends, be it by `kill -9`, and the child follows.
 *
 * It has a process group of its own, so that Ctrl-C, which a terminal sends to a whole group, leaves it to this process to
 * end the program when nothing needs it any more.
 *
 * Nothing is written to the pipe. The program must heed the end of its input: see loopback-launcher.ts for Java's.
 */
export function leash(command: string, args: readonly string[]): Leashed {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true, detached: OWN_GROUP });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  // The child may be gone before its input is closed; that is what was wanted.
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid,
    ended,
    onOutput: (listen) => {
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', listen);
    },
    stop: async () => {
      child.stdin.end();
      const force = setTimeout(() => child.kill('SIGKILL'), GRACE);
      await ended;
      clearTimeout(force);
    },
  };
}

/** How often those who started this process are looked for, in milliseconds. */
const LOOK = 250;

/**
 * Calls `stop` once when this process is asked to end, or when the npm that started it is gone: npm passes a polite
 * signal on, but cannot when it is killed.
 */
export function onEnd(stop: () => void): void {
  let called = false;
  const once = () => {
    if (called) return;
    called = true;
    stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, once);
  // Started by hand, it may be meant to run on without the shell that started it.
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const npm = npmBehind(parent);
  setInterval(() => {
    if (process.ppid !== parent || !isAlive(npm)) once();
  }, LOOK).unref();
}

/** npm runs a script in a shell, which stays behind when npm is killed: the shell's parent, or else the parent itself. */
function npmBehind(parent: number): number {
  try {
    const [name = '', grandparent] = processOf(parent);
    return /(^|[/-])(ba|da|z)?sh$/.test(name) && Number(grandparent) > 1 ? Number(grandparent) : parent;
  } catch {
    return parent;
  }
}

/** The name and the parent of a process, where the system tells. */
function processOf(pid: number): readonly string[] {
  if (process.platform === 'linux') {
    const [, name = '', rest = ''] = /\((.*)\) \S (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return [name, ...rest.split(' ', 1)];
  }
  const [parent = '', name = ''] = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/);
  return [name, parent];
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It is there, and another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
