import { createRequire } from 'node:module';

/**
 * Stands in for Lambda's runtime in a fresh process: loads a function, hands it one event and tells on standard output
 * how long that took. Like Lambda's own runtime for Node 24 it is an ES module that has `require`d `node:http`, so
 * neither is on the function's account; a `.cjs` function is required and an `.mjs` one imported, as Lambda does it.
 */
const require = createRequire(import.meta.url);
require('node:http');

const [file = '', event = ''] = process.argv.slice(2);
const request: unknown = JSON.parse(event);

const started = performance.now();
const { handler } = file.endsWith('.cjs') ? require(file) : await import(file);
const loaded = performance.now();
const { statusCode } = await handler(request, { awsRequestId: 'cold-start' });
const answered = performance.now();

if (statusCode !== 200) throw new Error(`The function answered ${statusCode}`);
process.stdout.write(JSON.stringify({ load: loaded - started, answer: answered - started }));
