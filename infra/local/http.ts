import type { IncomingMessage, ServerResponse } from 'node:http';
import { type GatewayProblemCode, gatewayProblem } from '../gateway-problems.ts';

/**
 * The whole body of a request; `undefined` if it is longer than `limit` bytes. Then the rest is read and dropped, so
 * that the sender is there to read the answer.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
  }
  return length > limit ? undefined : Buffer.concat(chunks);
}

/** Answers with a problem document (RFC 9457); in AWS the same documents are gateway responses. */
export function sendProblem(response: ServerResponse, code: GatewayProblemCode, base: string, requestId: string): void {
  const { status, headers, document } = gatewayProblem(code, base, requestId);
  const body = JSON.stringify(document);
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'X-Request-Id': requestId,
    ...headers,
  });
  response.end(body);
}
