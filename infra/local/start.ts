import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { onEnd } from './leash.ts';
import { type LocalProduct, startProduct } from './product.ts';
import { seed } from './seed.ts';
import { StartupProblem } from './startup-problem.ts';

const DATA = fileURLToPath(new URL('../../.livline', import.meta.url));
const CREDENTIALS = join(DATA, 'credentials.json');

/** How long ending everything may take before the process ends regardless, in milliseconds. */
const LONGEST_STOP = 5000;

/** `npm start`: the product with its data in `.livline`, seeded, until it is told to end. */
async function main(): Promise<void> {
  let product: LocalProduct | undefined;
  onEnd(() => {
    setTimeout(() => process.exit(0), LONGEST_STOP).unref();
    const stopped = product?.stop() ?? Promise.resolve();
    void stopped.finally(() => process.exit(0));
  });

  const port = portOf(process.env['PORT']);
  const { fresh } = argumentsOf(process.argv.slice(2));
  product = await startProduct({
    port,
    dataDir: DATA,
    fresh,
    allowLocalWebhooks: true,
    prepare: (unready) => seed(unready, CREDENTIALS),
  });
  process.stdout.write(welcome(product));
}

function portOf(text = ''): number {
  if (text === '') return 3000;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new StartupProblem(`PORT is ${text}, and must be a number from 1 to 65535.`);
  return port;
}

function argumentsOf(args: string[]): { fresh: boolean } {
  try {
    const { values } = parseArgs({ args, options: { fresh: { type: 'boolean', default: false } } });
    return values;
  } catch {
    throw new StartupProblem(
      `Unknown arguments ${args.join(' ')}: only --fresh is known (\`npm start -- --fresh\` empties .livline first).`,
    );
  }
}

function welcome({ apiUrl, tokenUrl, docsUrl }: LocalProduct): string {
  const file = relative(process.cwd(), CREDENTIALS);
  const client = `const c=require('./${file}').municipalities['0820'];c.clientId+':'+c.clientSecret`;
  const token = `JSON.parse(require('fs').readFileSync(0)).access_token`;
  return `
Livline runs at ${apiUrl} until Ctrl-C. Its data stays in .livline; \`npm start -- --fresh\` begins anew.

  Read the reference    ${docsUrl}
  Find credentials in   ${file}

Get a token and ask for Vesthimmerland's families:

  TOKEN=$(curl -s -u "$(node -p "${client}")" \\
    -d grant_type=client_credentials ${tokenUrl} | node -p "${token}")
  curl -H "Authorization: Bearer $TOKEN" ${apiUrl}/v1/municipalities/0820/families

`;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartupProblem)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
