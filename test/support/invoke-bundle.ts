import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';

/** What a function in a process of its own came to. */
export interface Invoked {
  // biome-ignore lint/suspicious/noExplicitAny: a result of any function
  readonly result: any;
  /** Its log: what it wrote to standard output, line by line. */
  readonly log: readonly string[];
  readonly stderr: string;
}

/** Requires the bundle, hands it the event and writes the result behind a mark. The process ends by itself or not at all. */
const RUNTIME = `
const [file, event, context, mark] = process.argv.slice(1);
const { handler } = require(file);
handler(JSON.parse(event), JSON.parse(context)).then((result) => {
  process.stdout.write(mark + JSON.stringify(result ?? null) + '\\n');
});
`;

/** Longer than any function here needs, also on a busy machine; in milliseconds. */
const PATIENCE = 15_000;

/** Invokes a bundle once in a fresh node process that has Lambda's own variables, the function's, and no others. */
export function invokeBundle(
  name: string,
  file: string,
  environment: Readonly<Record<string, string>>,
  event: object,
): Promise<Invoked> {
  const mark = `result-${randomUUID()} `;
  const context = { awsRequestId: randomUUID(), functionName: name, functionVersion: '$LATEST' };
  const child = spawn(process.execPath, ['-e', RUNTIME, file, JSON.stringify(event), JSON.stringify(context), mark], {
    env: {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
      SERVICE: name,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((settle, fail) => {
    child.once('error', fail);
    child.once('close', (status, signal) => {
      const lines = stdout.split('\n').filter((line) => line !== '');
      const answer = lines.find((line) => line.startsWith(mark));
      if (status !== 0 || answer === undefined) {
        fail(new Error(`${name} ended with ${status ?? signal} and no result: ${stderr}${stdout}`));
        return;
      }
      settle({
        result: JSON.parse(answer.slice(mark.length)),
        log: lines.filter((line) => line !== answer),
        stderr,
      });
    });
  });
}
