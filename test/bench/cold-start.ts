import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundleFunctions } from '#infra/bundle.ts';
import { TYPICAL_FAMILY } from '#test/support/typical-family.ts';
import { type Benchmark, type Figure, measured, ratio } from './report.ts';
import { interleaved, ratioOf, summarise } from './statistics.ts';
import { startWorld, tenantEvent, type World } from './world.ts';

const SAMPLES = 25;
const HERE = import.meta.dirname;

/** One cold start, milliseconds. */
interface Start {
  /** From the start of loading the function until it could be called. */
  readonly load: number;
  /** From the start of loading until the first answer. */
  readonly answer: number;
  /** The whole process, from its creation to its end. */
  readonly process: number;
}

/** A peer as an ordinary good build makes it: an ES module, minified, tree-shaken, the SDK bundled. */
async function bundlePeer(name: string, directory: string): Promise<string> {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [join(HERE, 'peers', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    // Some of the SDK is CommonJS still and asks for node's modules with `require`.
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
    minify: true,
    logLevel: 'warning',
  });
  return outfile;
}

/** Starts a fresh process that loads the function and answers the event. */
function start(probe: string, file: string, event: object, { environment }: World): Promise<Start> {
  const created = performance.now();
  const child = spawn(process.execPath, [probe, file, JSON.stringify(event)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((settle, fail) => {
    child.once('error', fail);
    child.once('close', (status) => {
      const whole = performance.now() - created;
      if (status !== 0) fail(new Error(`${file} ended with ${status}`));
      else settle({ ...(JSON.parse(output) as Omit<Start, 'process'>), process: whole });
    });
  });
}

async function measure(world: World, directory: string): Promise<Figure[]> {
  const { id } = await world.send('POST', '/families', { body: TYPICAL_FAMILY });
  const event = tenantEvent('GET', `/families/${id}`);
  const probe = join(directory, 'probe.mjs');
  await build({ entryPoints: [join(HERE, 'cold-start-probe.ts')], outfile: probe, format: 'esm', logLevel: 'warning' });
  const [bare, zodOpenapi] = await Promise.all([bundlePeer('bare', directory), bundlePeer('zod-openapi', directory)]);
  await bundleFunctions({ outputDirectory: join(directory, 'dist') });
  const files = { livline: resolve(directory, 'dist/tenant-api/index.cjs'), bare, zodOpenapi };

  const contenders = {
    livline: () => start(probe, files.livline, event, world),
    bare: () => start(probe, files.bare, event, world),
    zodOpenapi: () => start(probe, files.zodOpenapi, event, world),
  };
  // The first of each finds neither its file in the page cache nor the emulator's code compiled.
  await interleaved(contenders, 3);
  const starts = await interleaved(contenders, SAMPLES);
  const of = (name: keyof typeof starts, part: keyof Start) => starts[name].map((each) => each[part]);
  const labels = { livline: 'livline', bare: 'bare handler', zodOpenapi: 'hono + zod-openapi' };
  const rows = (Object.keys(labels) as (keyof typeof labels)[]).flatMap((name) => [
    measured(`${labels[name]}, to the first answer`, 'ms', summarise(of(name, 'answer'))),
    measured(`${labels[name]}, loading alone`, 'ms', summarise(of(name, 'load'))),
    measured(`${labels[name]}, whole process`, 'ms', summarise(of(name, 'process'))),
  ]);
  const sizes = await Promise.all(
    Object.entries(files).map(async ([name, file]) => {
      const { size } = await stat(file);
      return { name: `${labels[name as keyof typeof labels]}, bundle`, value: `${Math.round(size / 1000)} kB` };
    }),
  );
  return [
    ...rows,
    ...sizes,
    ratio('livline / bare handler', ratioOf(of('livline', 'answer'), of('bare', 'answer')), 0.75),
    ratio('livline / hono + zod-openapi', ratioOf(of('livline', 'answer'), of('zodOpenapi', 'answer')), 0.55),
  ];
}

export const coldStart: Benchmark = {
  title: `Cold start of tenant-api: a fresh process loads the bundle and answers its first GET (${SAMPLES} each)`,
  run: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'livline-bench-'));
    const world = await startWorld();
    try {
      return await measure(world, directory);
    } finally {
      await world.stop();
      await rm(directory, { recursive: true, force: true });
    }
  },
};
