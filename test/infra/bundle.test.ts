import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleFunctions } from '#infra/bundle.ts';

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      { readonly bytes: number; readonly inputs: object; readonly imports: readonly { readonly path: string }[] }
    >
  >;
}

let directory: string;
let names: readonly string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'livline-bundles-'));
  names = await bundleFunctions({ outputDirectory: directory });
}, 60_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

async function outputOf(name: string) {
  const { outputs }: Metafile = JSON.parse(await readFile(join(directory, name, 'meta.json'), 'utf8'));
  const output = Object.entries(outputs).find(([path]) => path.endsWith('index.cjs'))?.[1];
  if (!output) throw new Error(`No bundle of ${name}`);
  return { bytes: output.bytes, inputs: Object.keys(output.inputs), imports: output.imports.map(({ path }) => path) };
}

describe('the bundles', () => {
  test('are one for each function', () => {
    expect(names).toEqual([
      'access-api',
      'admin-api',
      'archive-api',
      'clock',
      'deliver',
      'inbox',
      'lifecycle',
      'public-api',
      'relay',
      'tenant-api',
    ]);
  });

  test('need nothing but node', async () => {
    for (const name of names) {
      const { imports } = await outputOf(name);
      expect(
        imports.filter((path) => !isBuiltin(path)),
        name,
      ).toEqual([]);
    }
  });

  test('leave out what a Lambda never uses of the SDK', async () => {
    const unused =
      /credential-provider-(?!node)|token-providers|nested-clients|submodules\/event-streams|loadSharedConfigFiles|Crc32/;
    for (const name of names) {
      const { inputs } = await outputOf(name);
      // S3 compares the checksum of each part with what arrived.
      const left = inputs.filter(
        (path) => unused.test(path) && !(['archive-api', 'lifecycle'].includes(name) && /Crc32/.test(path)),
      );
      expect(left, name).toEqual([]);
    }
  });

  test('of the functions that read the table take their credentials from the environment', async () => {
    for (const name of names) {
      const { inputs } = await outputOf(name);
      if (!inputs.some((path) => path.includes('@aws-sdk/client-dynamodb/'))) continue;
      expect(inputs, name).toContain('infra/lean/environment-credentials.ts');
      expect(inputs, name).toContain('infra/lean/no-shared-config.ts');
    }
  });

  test('of public-api travels with the script and the style of the docs', async () => {
    for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
      expect((await stat(join(directory, 'public-api/docs', file))).size, file).toBeGreaterThan(10_000);
    }
  });
});
