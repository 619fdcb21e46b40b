import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from './http.ts';

/** Answers requests to one AWS service. */
export type Service = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A refusal under the name that AWS gives it. */
export interface Refusal {
  readonly __type: string;
  readonly message: string;
}

export type Answer = object | Refusal;

/** What an operation makes of its input, of which nothing is known but that it is an object. */
export type AwsOperation<Caller> = (input: Readonly<Record<string, unknown>>, caller: Caller) => Answer;

export const refuse = (type: string, message: string): Refusal => ({ __type: type, message });

export const isRefusal = (value: object): value is Refusal => '__type' in value;

/**
 * A service in the protocol AWS JSON 1.1.
 * @param target what the names of its operations are preceded by in `X-Amz-Target`
 * @param callerOf who sends a request; one without a caller is not heard
 */
export function awsJsonService<Caller>(
  target: string,
  callerOf: (request: IncomingMessage) => Caller | undefined,
  operations: Readonly<Record<string, AwsOperation<Caller>>>,
): Service {
  const named = new Map(Object.entries(operations).map(([name, operation]) => [`${target}.${name}`, operation]));
  return async (request, response) => {
    const body = await readBody(request, 1024 * 1024);
    const caller = callerOf(request);
    const name = String(request.headers['x-amz-target'] ?? '');
    const operation = named.get(name);
    if (caller === undefined) {
      send(response, refuse('UnrecognizedClientException', 'The security token included in the request is invalid.'));
    } else if (request.method !== 'POST' || operation === undefined) {
      send(response, refuse('UnknownOperationException', `${name} is not part of this service.`));
    } else {
      const input = inputOf(body);
      send(response, isRefusal(input) ? input : operation(input, caller));
    }
  };
}

function inputOf(body: Buffer | undefined): Readonly<Record<string, unknown>> | Refusal {
  try {
    const input: unknown = JSON.parse((body ?? '').toString());
    if (typeof input === 'object' && input !== null) return { ...input };
    return refuse('SerializationException', 'The body is no object.');
  } catch {
    return refuse('SerializationException', 'The body is not JSON.');
  }
}

function send(response: ServerResponse, answer: Answer): void {
  const body = JSON.stringify(answer);
  response.writeHead(isRefusal(answer) ? 400 : 200, {
    'Content-Type': 'application/x-amz-json-1.1',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
