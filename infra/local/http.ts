import type { IncomingMessage, ServerResponse } from 'node:http';

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

/** What the gateway itself answers, where no function is asked; in AWS the same documents are gateway responses. */
export const GATEWAY_PROBLEMS = {
  malformed_request: { status: 400, title: 'Malformed request', detail: 'The request could not be read.' },
  unauthenticated: { status: 401, title: 'Unauthenticated', detail: 'The request has no valid access token.' },
  payload_too_large: { status: 413, title: 'Payload too large', detail: 'The body is larger than 1 MB.' },
  internal_error: { status: 500, title: 'Internal error', detail: 'Something went wrong on our side.' },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    detail: 'The request took too long or could not be started. It may be sent again.',
  },
} as const;

const HEADERS: Partial<Record<keyof typeof GATEWAY_PROBLEMS, Readonly<Record<string, string>>>> = {
  unauthenticated: { 'WWW-Authenticate': 'Bearer' },
  unavailable: { 'Retry-After': '5' },
};

/** Answers with a problem document (RFC 9457). */
export function sendProblem(response: ServerResponse, code: keyof typeof GATEWAY_PROBLEMS, requestId: string): void {
  const { status, title, detail } = GATEWAY_PROBLEMS[code];
  const body = JSON.stringify({ type: `/problems/${code}`, title, status, detail, instance: requestId });
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'X-Request-Id': requestId,
    ...HEADERS[code],
  });
  response.end(body);
}
