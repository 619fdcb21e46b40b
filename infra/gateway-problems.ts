import { instanceOf, PROBLEMS, Problem, type ProblemCode, problemDocument } from '#shared/errors.ts';

/** What every answer says (functions/problem.ts). */
const ALWAYS = {
  'Cache-Control': 'no-store',
  'Strict-Transport-Security': 'max-age=63072000',
  'X-Content-Type-Options': 'nosniff',
};

/** What the gateway itself says where no function is asked, in AWS and on this machine: detail and headers by code. */
const GATEWAY = {
  malformed_request: { detail: 'The request could not be read.' },
  // It cannot tell a token that is missing from one that is invalid.
  unauthenticated: {
    detail: 'The request has no valid access token.',
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  },
  forbidden: {
    detail: 'The access token has no scope for this path.',
    headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' },
  },
  not_found: { detail: 'There is nothing at this path for this method.' },
  payload_too_large: { detail: 'The body is larger than 1 MB.' },
  unsupported_media_type: { detail: 'The body is not JSON.' },
  too_many_requests: { detail: 'There are too many requests at this moment.', headers: { 'Retry-After': '1' } },
  internal_error: { detail: 'Something went wrong on our side.' },
  unavailable: {
    detail: 'The request took too long or could not be started. It may be sent again.',
    headers: { 'Retry-After': '5' },
  },
} as const satisfies Partial<
  Record<ProblemCode, { readonly detail: string; readonly headers?: Readonly<Record<string, string>> }>
>;

export type GatewayProblemCode = keyof typeof GATEWAY;

/** A problem of the gateway as it is answered. `base` is what stands before the API's paths; `requestId` becomes its instance. */
export function gatewayProblem(code: GatewayProblemCode, base: string, requestId: string) {
  const { detail, headers = {} }: { detail: string; headers?: Readonly<Record<string, string>> } = GATEWAY[code];
  const document = problemDocument(new Problem(code, detail), { base, instance: instanceOf(requestId) });
  return { status: PROBLEMS[code].status, headers: { ...ALWAYS, ...headers }, document };
}
