/**
 * The closed set of problems the API answers with, each with its one HTTP status (RFC 9457).
 * `advice` tells the caller what to do; it is what `/problems/{code}` shows.
 */
export const PROBLEMS = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    advice: 'Send a body that is valid JSON in UTF-8, and headers of the documented form.',
  },
  unauthenticated: {
    status: 401,
    title: 'Unauthenticated',
    advice:
      'Get an access token from the token URL with your client credentials and send it as a Bearer token. A message to an inbox is signed with the secret of its connection instead, and at most 5 minutes old.',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    advice: 'Your client lacks the scope this operation needs. Ask the municipality or the operator to grant it.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    advice: 'Check the path and the id. What belongs to another municipality does not exist for you.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    advice: 'Use one of the methods in the Allow header.',
  },
  already_exists: {
    status: 409,
    title: 'Already exists',
    advice: 'Another record holds what must be unique. Read that one, or change yours.',
  },
  conflict: {
    status: 409,
    title: 'Conflict with another record',
    advice: 'The change collides with what the record already says. The detail names what stands against it.',
  },
  illegal_transition: {
    status: 409,
    title: 'Illegal transition',
    advice: 'The status machine has no such step. The detail names the steps that are allowed from here.',
  },
  handover_key_missing: {
    status: 409,
    title: 'Handover key missing',
    advice:
      'The municipality gives a public key first, by PATCH /v1/municipalities/{code}/settings with `handoverKey`. Its record is encrypted to that key when it leaves.',
  },
  credentials_seen: {
    status: 409,
    title: 'Credentials seen by an operator',
    advice:
      'The municipality makes its own credentials first, by POST /v1/municipalities/{code}/clients/{clientId}/credentials, for each client that the detail names.',
  },
  no_capacity: {
    status: 409,
    title: 'No capacity',
    advice: 'Every approved place of the family is taken. End a placement, or choose another family.',
  },
  concern_open: {
    status: 409,
    title: 'Concern not handed over',
    advice: 'Hand over a concern report about this call before you close it.',
  },
  legal_hold: {
    status: 409,
    title: 'Legal hold',
    advice: 'What is known of this person must be kept while a legal hold is in force. Lift the hold first.',
  },
  in_flight: {
    status: 409,
    title: 'Request in flight',
    advice: 'The same data is being changed this instant. Send the request again after the seconds in Retry-After.',
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    advice: 'The record has changed since you read it. Read it again and send its new ETag in If-Match.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    advice: 'Send a body of at most 1 MB (1,048,576 bytes).',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    advice: 'Send application/json, or application/merge-patch+json with PATCH.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    advice: 'Correct each field or parameter that `errors` points to. A request that is refused stores nothing.',
  },
  unknown_reference: {
    status: 422,
    title: 'Unknown reference',
    advice: 'Each id must name an existing record of the right kind in the same municipality.',
  },
  invalid_cursor: {
    status: 422,
    title: 'Invalid cursor',
    advice: 'Use `nextCursor` unchanged, with the same municipality, list and filters, or start from the first page.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key reused',
    advice: 'This Idempotency-Key was used with another request. Use a new key for a new request.',
  },
  events_expired: {
    status: 410,
    title: 'Events expired',
    advice:
      'The feed shows an event for 90 days, and you asked for older ones, so you have missed some. The detail names the number to go on from; read the records themselves for what happened before.',
  },
  precondition_required: {
    status: 428,
    title: 'Precondition required',
    advice: 'Send If-Match with the ETag of the version you read, such as If-Match: "3".',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    advice: 'Send the request again after the seconds in Retry-After.',
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    advice: 'The fault is ours. Try again, and give us the request id if it lasts.',
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    advice: 'Try again after the seconds in Retry-After.',
  },
} as const satisfies Record<string, { status: number; title: string; advice: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The closed set of codes in a problem's `errors[]`: what is wrong with one field. */
export const FIELD_ERROR_CODES = [
  'required',
  'invalid_type',
  'unknown_field',
  'read_only',
  'invalid_value',
  'invalid_format',
  'too_short',
  'too_long',
  'too_small',
  'too_big',
  'unknown_reference',
  'looks_like_cpr',
  'rule_broken',
] as const;

/** One field's error. `pointer` is an RFC 6901 pointer into the body, or `/query/<name>`, `/header/<name>`, `/path/<name>`. */
export interface FieldError {
  readonly pointer: string;
  readonly code: (typeof FIELD_ERROR_CODES)[number];
  readonly detail: string;
  /** The detail in Danish, for a caller that asks for it. Only what a schema finds has one. */
  readonly danish?: string;
}

/** Returns how many fields or parameters are invalid, in both languages of the API. */
export function invalidFields(errors: readonly FieldError[]): { readonly en: string; readonly da: string } {
  const count = errors.length;
  const inQuery = errors.every(({ pointer }) => pointer.startsWith('/query/'));
  const [field, fields, felt, felter] = inQuery
    ? ['query parameter', 'query parameters', 'parameter', 'parametre']
    : ['field', 'fields', 'felt', 'felter'];
  return count === 1
    ? { en: `1 ${field} is invalid.`, da: `1 ${felt} er ugyldig${inQuery ? '' : 't'}.` }
    : { en: `${count} ${fields} are invalid.`, da: `${count} ${felter} er ugyldige.` };
}

/** A refusal that the caller is told about. Its texts never hold a value of the record. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    errors: readonly FieldError[] = [],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.errors = errors;
    this.headers = headers;
  }
}

/** The refusal of a token that was good once (RFC 6750 §3.1). */
export const invalidToken = (detail: string): Problem =>
  new Problem('unauthenticated', detail, [], { 'www-authenticate': 'Bearer error="invalid_token"' });

/** The refusal for a path that names nothing here. */
export const nothingHere = (): Problem => new Problem('not_found', 'There is nothing at this path.');

/** A 422 about one field: the usual refusal of a rule. */
export function invalid(pointer: string, detail: string, code: FieldError['code'] = 'rule_broken'): Problem {
  return new Problem('validation_failed', detail, [{ pointer, code, detail }]);
}

/** Returns the `instance` of a problem: the request's UUID as a URI (RFC 9562 §4, RFC 9457 §3.1.5). */
export const instanceOf = (uuid: string): string => `urn:uuid:${uuid}`;

/** Returns a problem's type: the path at which this API explains it. `base` is what stands before the API's paths. */
const problemType = (base: string, code: ProblemCode): string => `${base}/problems/${code}`;

/** Returns what `/problems/{code}` shows of a problem. */
export const problemExplained = (base: string, code: ProblemCode): object => ({
  type: problemType(base, code),
  code,
  ...PROBLEMS[code],
});

/** A language that a problem can be told in. */
export type Language = 'en' | 'da';

/** Returns the language that a problem is told in: the one asked for where all of its texts exist in it, else English. */
export const languageOf = ({ code, errors }: Problem, wanted: Language): Language =>
  code === 'validation_failed' && errors.length > 0 && errors.every(({ danish }) => danish !== undefined)
    ? wanted
    : 'en';

/** Returns the problem document of RFC 9457 as it is sent. */
export function problemDocument(
  problem: Problem,
  { base, instance }: { readonly base: string; readonly instance: string },
  language: Language = 'en',
): Record<string, unknown> {
  const { status, title } = PROBLEMS[problem.code];
  const isDanish = language === 'da';
  return {
    type: problemType(base, problem.code),
    title: isDanish ? 'Ugyldige oplysninger' : title,
    status,
    detail: isDanish ? invalidFields(problem.errors).da : problem.message,
    instance,
    ...(problem.errors.length > 0 && {
      errors: problem.errors.map(({ pointer, code, detail, danish = detail }) => ({
        pointer,
        code,
        detail: isDanish ? danish : detail,
      })),
    }),
  };
}
