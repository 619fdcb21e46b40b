import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const LEAN = join(ROOT, 'infra/lean');

/** Bundles refer to nothing outside themselves but node's own modules, so `dist/<name>` is all that a function needs. */
export interface BundleOptions {
  /** Folder whose subfolders with an `index.ts` are the functions. Default: the project's `functions`. */
  readonly functionsDirectory?: string;
  /** Folder that gets one subfolder for each function. Default: the project's `dist`. */
  readonly outputDirectory?: string;
}

/**
 * Replaces one file inside the SDK, which an alias cannot name because its neighbours import it by a relative path.
 * Should the SDK move the file, nothing is replaced and `test/infra/bundle.test.ts` says so.
 */
const withoutSharedConfig: Plugin = {
  name: 'without-shared-config',
  setup({ onResolve }) {
    onResolve({ filter: /\/loadSharedConfigFiles(\.js)?$/ }, () => ({ path: join(LEAN, 'no-shared-config.ts') }));
  },
};

/**
 * Bundles every function into `dist/<name>/index.cjs`, with esbuild's metafile beside it as `meta.json` and the source
 * map as `index.cjs.map`. Both stay out of the deployed asset: node would read the map only with a flag that slows the
 * start, and a stack trace from the log can be resolved with it here.
 *
 * @returns the names of the functions, in alphabetical order
 * @throws esbuild's BuildFailure, with the place in the source
 */
export async function bundleFunctions(options: BundleOptions = {}): Promise<readonly string[]> {
  const functionsDirectory = resolve(options.functionsDirectory ?? join(ROOT, 'functions'));
  const outputDirectory = resolve(options.outputDirectory ?? join(ROOT, 'dist'));
  const names = await functionNames(functionsDirectory);
  await Promise.all(names.map((name) => bundleFunction(name, functionsDirectory, join(outputDirectory, name))));
  if (names.includes('public-api')) await copyPublicFiles(functionsDirectory, outputDirectory);
  return names;
}

async function functionNames(directory: string): Promise<string[]> {
  const files = await readdir(directory, { recursive: true });
  return files
    .filter((file) => /^[^/]+\/index\.ts$/.test(file))
    .map((file) => dirname(file))
    .toSorted();
}

async function bundleFunction(name: string, functionsDirectory: string, outputDirectory: string): Promise<void> {
  await rm(outputDirectory, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [join(functionsDirectory, name, 'index.ts')],
    outfile: join(outputDirectory, 'index.cjs'),
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // An `import()` left in would load node's ESM loader; as a plain require it costs nothing until it is called.
    supported: { 'dynamic-import': false },
    // The ESM form of a package can be tree-shaken: for the DynamoDB client 190 kB instead of 450.
    mainFields: ['module', 'main'],
    define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    alias: {
      '@aws-sdk/credential-provider-node': join(LEAN, 'environment-credentials.ts'),
      '@smithy/core/event-streams': join(LEAN, 'no-event-streams.ts'),
    },
    plugins: [withoutSharedConfig],
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    sourcemap: 'external',
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(join(outputDirectory, 'meta.json'), JSON.stringify(metafile));
}

/** What public-api hands out travels with it: the contract without its blanks, and the reference's own script and style. */
async function copyPublicFiles(functionsDirectory: string, outputDirectory: string): Promise<void> {
  const contract = await readFile(join(functionsDirectory, 'public-api/openapi.json'), 'utf8');
  await writeFile(join(outputDirectory, 'public-api/openapi.json'), JSON.stringify(JSON.parse(contract)));
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const docs = join(outputDirectory, 'public-api/docs');
  await mkdir(docs, { recursive: true });
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) await cp(join(swagger, file), join(docs, file));
}

if (import.meta.main) {
  const names = await bundleFunctions();
  console.log(`Bundled ${names.join(', ')} into ${relative(process.cwd(), join(ROOT, 'dist'))}/`);
}
