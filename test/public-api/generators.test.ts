import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPENAPI_FILE } from '#infra/openapi.ts';
import { FAMILY } from '#test/support/examples.ts';
import { type Caller, startLivline } from '#test/support/livline.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** The program that a command of a package is. */
function commandOf(manifest: string, command: string): string {
  const { bin } = require(manifest) as { bin: string | Record<string, string> };
  return join(dirname(manifest), typeof bin === 'string' ? bin : (bin[command] ?? ''));
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'livline-clients-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const STA = commandOf(require.resolve('swagger-typescript-api/package.json'), 'swagger-typescript-api');

/** The strictest that a caller's compiler may be. */
const COMPILER = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    target: 'esnext',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['esnext', 'dom', 'dom.iterable'],
    types: [],
  },
};

/** Expects that a generated client compiles with every check there is. */
async function expectCompiles(folder: string): Promise<void> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ ...COMPILER, include: ['*.ts'] }));
  const compiled = run(process.execPath, [commandOf(require.resolve('typescript/package.json'), 'tsc'), '-p', folder], {
    maxBuffer: 1 << 26,
  });
  await expect(compiled.then(({ stdout }) => stdout)).resolves.toBe('');
}

/** Makes a client with orval. */
async function withOrval(): Promise<string> {
  const folder = await mkdtemp(join(directory, 'orval-'));
  const config = join(folder, 'orval.config.mjs');
  const output = { target: join(folder, 'api.ts'), client: 'fetch', mode: 'single' };
  await writeFile(config, `export default ${JSON.stringify({ livline: { input: OPENAPI_FILE, output } })};`);
  await run(process.execPath, [commandOf(require.resolve('orval/package.json'), 'orval'), '--config', config], {
    cwd: folder,
  });
  return folder;
}

/** Makes a client with swagger-typescript-api. */
async function withSwaggerTypescriptApi(): Promise<string> {
  const folder = await mkdtemp(join(directory, 'sta-'));
  const args = ['generate', '-p', OPENAPI_FILE, '-o', folder, '-n', 'api.ts', '--silent'];
  await run(process.execPath, [STA, ...args], { cwd: folder });
  return folder;
}

describe('a client that a generator makes of the document', () => {
  it('compiles strictly when orval made it', async () => expectCompiles(await withOrval()));

  it('compiles strictly when swagger-typescript-api made it, and speaks with the API', async () => {
    const folder = await withSwaggerTypescriptApi();
    await expectCompiles(folder);
    const livline = await startLivline();
    const at = await livline.freshMunicipality();
    const { Api } = await import(pathToFileURL(join(folder, 'api.ts')).href);
    const { v1 } = new Api({ baseUrl: 'https://api.livline.example', customFetch: answeredBy(at) });
    const made = await v1.createFamily(at.code, FAMILY);
    expect([made.status, made.data.alias]).toEqual([201, FAMILY.alias]);
    const read = await v1.getFamily(at.code, made.data.id);
    expect(read.data.id).toBe(made.data.id);
    const listed = await v1.listFamilies(at.code, { kind: FAMILY.kind, limit: 5 });
    expect(listed.data.items.map(({ id }: { id: string }) => id)).toEqual([made.data.id]);
    const refused = await v1.createFamily(at.code, { ...FAMILY, id: made.data.id }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 422, error: { errors: [{ pointer: '/id', code: 'read_only' }] } });
  });
});

/** A fetch that a municipality's functions answer. */
const answeredBy =
  (at: Caller) =>
  async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { pathname, searchParams } = new URL(url);
    const path = pathname.slice(`/v1/municipalities/${at.code}`.length);
    const reply = await at.send(init.method ?? 'GET', path, {
      query: Object.fromEntries(searchParams),
      ...(typeof init.body === 'string' && { raw: init.body }),
    });
    return new Response(reply.text || null, { status: reply.status, headers: reply.headers });
  };
