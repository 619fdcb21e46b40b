import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';

/** A Lambda function's handler. */
export type LambdaHandler<Event, Result> = (event: Event, context: Context) => Promise<Result>;

/** AWS's name for no particular account, as the emulators use it. */
export const ACCOUNT = '000000000000';
export const REGION = 'eu-central-1';

export interface Invocation {
  readonly functionName: string;
  /** How long the function may take, in milliseconds. */
  readonly timeout: number;
  /** The municipality whose own execution environment this stands for (Lambda tenant isolation). */
  readonly tenantId?: string | undefined;
}

/** The function took longer than it may. It may still be running, as it may in Lambda. */
export class InvocationTimeout extends Error {
  override readonly name = 'InvocationTimeout';
}

/**
 * Calls a handler as Lambda does: event and result travel as JSON, the context says who and how long, and a call that
 * takes too long is given up.
 * @throws what the handler throws, or InvocationTimeout
 */
export async function invoke<Event, Result>(
  handler: LambdaHandler<Event, Result>,
  { functionName, timeout, tenantId }: Invocation,
  event: Event,
): Promise<Result> {
  const deadline = Date.now() + timeout;
  const tooLong = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => tooLong.reject(new InvocationTimeout(`${functionName} took longer than ${timeout} ms`)),
    timeout,
  );
  try {
    const context = contextOf(functionName, deadline, tenantId);
    return overTheWire(await Promise.race([handler(overTheWire(event), context), tooLong.promise]));
  } finally {
    clearTimeout(timer);
  }
}

function contextOf(functionName: string, deadline: number, tenantId: string | undefined): Context {
  const gone = () => {
    throw new Error('Callbacks ended with Node.js 22: a handler returns a promise');
  };
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${functionName}`,
    memoryLimitInMB: '1024',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    tenantId,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: gone,
    fail: gone,
    succeed: gone,
  };
}

function overTheWire<Value>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);
}

/**
 * Says on standard error, in one line, what went wrong: the error's name, code and place. Not its message, which can
 * quote a value of the record.
 */
export function complain(what: string, error: unknown): void {
  const { name, stack = '', ...rest } = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in rest ? `${rest.code}` : '';
  const at = stack.split('\n').find((line) => /^\s+at /.test(line)) ?? '';
  process.stderr.write(`${[`${what}:`, name, code, at.trim()].filter((part) => part !== '').join(' ')}\n`);
}
