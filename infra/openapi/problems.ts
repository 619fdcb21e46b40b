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

/** Headers of problems, each in those for which it makes sense. */
const HEADERS = ['Retry-After', 'RateLimit-Policy', 'RateLimit', 'WWW-Authenticate', 'Accept-Patch', 'ETag'];

/** Where every operation finds its problems: one response for all, so that a client has one type for them. */
const PROBLEM: object = { $ref: '#/components/responses/problem' };
export const problemResponses = (): Record<'4XX' | '5XX', object> => ({ '4XX': PROBLEM, '5XX': PROBLEM });

/** Which problems an operation answers with, in words. Each has one HTTP status, which the schema `Problem` tells. */
export const problemsNote = (codes: readonly ProblemCode[]): string =>
  `Problems: ${[...new Set(codes)].map((code) => `\`${code}\``).join(', ')}.`;

/** The response that {@link problemResponses} refers to, and an example of each problem. */
export function problemComponents(): { responses: Record<string, unknown>; examples: Record<string, unknown> } {
  return {
    responses: {
      problem: {
        description: CODES.map((code) => `${PROBLEMS[code].status} \`${code}\`: ${PROBLEMS[code].advice}`).join('\n\n'),
        headers: Object.fromEntries(HEADERS.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(CODES.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      },
    },
    examples: Object.fromEntries(
      CODES.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }]),
    ),
  };
}
