import { expect } from 'vitest';
import type { ProblemCode } from '#shared/errors.ts';
import { isUuid } from '#shared/ids.ts';
import type { Captured } from './captured-table.ts';
import { isQuotaCount } from './content.ts';
import type { Reply } from './livline.ts';

/** A problem names its request as a URI: by the caller's own id if that is a UUID. */
export const instanceFor = (requestId: string): unknown =>
  isUuid(requestId) ? `urn:uuid:${requestId}` : expect.stringMatching(/^urn:uuid:[\da-f-]{36}$/);

/** The answer is exactly a problem document (RFC 9457) with this code; its errors point to these places, and no others. */
export function expectProblem(reply: Reply, status: number, code: ProblemCode, ...pointers: string[]): void {
  const { errors, ...document } = reply.body ?? {};
  expect({
    status: reply.status,
    ...document,
    pointers: errors?.map((error: { pointer: string }) => error.pointer),
  }).toEqual({
    status,
    type: `/problems/${code}`,
    title: expect.any(String),
    detail: expect.any(String),
    instance: instanceFor(reply.headers['x-request-id'] ?? ''),
    pointers: pointers.length > 0 ? pointers : undefined,
  });
  expect(reply.headers['content-type']).toBe('application/problem+json');
  for (const error of errors ?? []) {
    expect(error).toEqual({ pointer: expect.any(String), code: expect.any(String), detail: expect.any(String) });
  }
}

const READS = ['GetItem', 'BatchGetItem', 'Query'];

/** A client was let in for the first time that day, which is noted whatever it asks for. */
const notesUse = ({ command, input }: Captured): boolean =>
  command === 'PutItem' && String(input.Item.pk).startsWith('U#');

/** Those of the requests that could have changed a row, other than the count of a quota. */
export const writesIn = (requests: readonly Captured[]): readonly Captured[] =>
  requests.filter(
    (request) => !READS.includes(request.command) && !isQuotaCount(request.input.Key ?? {}) && !notesUse(request),
  );

/** The body of a problem without what differs from request to request. */
export const withoutInstance = ({ status, body: { instance: _, ...rest } }: Reply) => ({ status, ...rest });
