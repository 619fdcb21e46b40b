import { FIELD_ERROR_CODES, instanceOf, PROBLEMS, Problem, type ProblemCode, problemDocument } from '#shared/errors.ts';
import type { JsonSchema } from './json-schema.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** The problem document (RFC 9457) and one field's error in it. */
export const problemSchemas = (): Record<'Problem' | 'FieldError', JsonSchema> => ({
  Problem: {
    description: 'Fejl. What went wrong (RFC 9457). A request that is refused stores nothing.',
    type: 'object',
    properties: {
      type: {
        description: `What kind of problem it is (fejltype): the path at which this API explains it. It ends with one of ${CODES.map((code) => `\`problems/${code}\``).join(', ')}; what stands before is the base of the API.`,
        type: 'string',
        format: 'uri-reference',
      },
      title: { description: 'The kind of problem in words (overskrift).', type: 'string' },
      status: { description: 'The HTTP status (svarkode), always the same for one kind of problem.', type: 'integer' },
      detail: {
        description:
          'What it is in this case (beskrivelse). It holds no value of the record. A `validation_failed` is told in Danish if Accept-Language prefers it; `Content-Language` says in which language it is.',
        type: 'string',
      },
      instance: {
        description: 'The request as a URN (forespørgsels-id), to quote when you ask about it.',
        type: 'string',
        format: 'uri',
      },
      errors: {
        description: 'What is wrong with single fields (feltfejl).',
        type: 'array',
        maxItems: 100,
        items: { $ref: '#/components/schemas/FieldError' },
      },
    },
    required: ['type', 'title', 'status', 'detail', 'instance'],
  },
  FieldError: {
    description: 'Feltfejl. What is wrong with one field.',
    type: 'object',
    properties: {
      pointer: {
        description:
          'Which field (felt): a JSON pointer (RFC 6901) into the body, or `/query/<name>`, `/header/<name>`, `/path/<name>`.',
        type: 'string',
      },
      code: {
        description: `What is wrong with it (fejlkode). Today: ${FIELD_ERROR_CODES.map((code) => `\`${code}\``).join(', ')}.`,
        type: 'string',
        'x-extensible-enum': FIELD_ERROR_CODES,
      },
      detail: { description: 'The same in words (beskrivelse). It does not repeat what was sent.', type: 'string' },
    },
    required: ['pointer', 'code', 'detail'],
  },
});

const REQUEST_ID = '7f1d0a52-3c0e-4b8e-9a53-6f0f8a1f6c11';

function exampleOf(code: ProblemCode): unknown {
  const errors =
    code === 'validation_failed'
      ? [{ pointer: '/approval/to', code: 'rule_broken' as const, detail: 'An approval cannot end before it starts.' }]
      : [];
  const problem = new Problem(code, errors[0]?.detail ?? PROBLEMS[code].advice, errors);
  return problemDocument(problem, { base: '', instance: instanceOf(REQUEST_ID) });
}

const RETRY_AFTER = new Set<ProblemCode>(['in_flight', 'too_many_requests', 'unavailable']);

function responseOf(codes: readonly ProblemCode[]): object {
  const headers = {
    ...(codes.some((code) => RETRY_AFTER.has(code)) && { 'Retry-After': { $ref: '#/components/headers/Retry-After' } }),
    ...(codes.includes('too_many_requests') && {
      'RateLimit-Policy': { $ref: '#/components/headers/RateLimit-Policy' },
      RateLimit: { $ref: '#/components/headers/RateLimit' },
    }),
    ...(codes.some((code) => ['unauthenticated', 'forbidden'].includes(code)) && {
      'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' },
    }),
    ...(codes.includes('unsupported_media_type') && { 'Accept-Patch': { $ref: '#/components/headers/Accept-Patch' } }),
    ...(codes.includes('precondition_failed') && { ETag: { $ref: '#/components/headers/ETag' } }),
  };
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].advice}`).join('\n\n'),
    ...(Object.keys(headers).length > 0 && { headers }),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** Problems with one status: an operation answers with them in one response. */
type Group = readonly ProblemCode[];

const groupsOf = (codes: readonly ProblemCode[]): Group[] => [
  ...Map.groupBy([...new Set(codes)], (code) => PROBLEMS[code].status).values(),
];
const nameOf = (group: Group): string => group.join('-');

/** The responses with these problems, by status. */
export const problemRefs = (codes: readonly ProblemCode[]): Record<string, unknown> =>
  Object.fromEntries(
    groupsOf(codes).map((group) => [
      PROBLEMS[group[0] as ProblemCode].status,
      { $ref: `#/components/responses/${nameOf(group)}` },
    ]),
  );

/** The responses and examples that {@link problemRefs} refers to, for the problems of each operation. */
export function problemComponents(operations: readonly (readonly ProblemCode[])[]): {
  responses: Record<string, unknown>;
  examples: Record<string, unknown>;
} {
  const groups = operations.flatMap(groupsOf);
  const codes = new Set(groups.flat());
  return {
    responses: Object.fromEntries(groups.map((group) => [nameOf(group), responseOf(group)])),
    examples: Object.fromEntries(
      CODES.filter((code) => codes.has(code)).map((code) => [
        code,
        { summary: PROBLEMS[code].title, value: exampleOf(code) },
      ]),
    ),
  };
}
