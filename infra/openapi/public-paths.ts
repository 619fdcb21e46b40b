import { type ProblemCode, problemExplained } from '#shared/errors.ts';
import type { JsonSchema } from './json-schema.ts';
import { textParameter } from './parameters.ts';
import { problemResponses } from './problems.ts';

interface Content {
  readonly type: string;
  readonly schema: JsonSchema;
  readonly example: unknown;
}

/** What any of them may answer with. */
export const PUBLIC_PROBLEMS: readonly ProblemCode[] = ['too_many_requests', 'internal_error', 'unavailable'];

/** An operation that anybody may call: no token, no body, always the same answer. */
const publicOperation = (
  operationId: string,
  summary: string,
  description: string,
  { type, schema, example }: Content,
  parameters: readonly object[] = [],
): object => ({
  get: {
    operationId,
    summary,
    tags: ['service'],
    security: [],
    ...(parameters.length > 0 && { parameters }),
    responses: {
      '200': { description, content: { [type]: { schema, example } } },
      ...problemResponses(),
    },
  },
});

/** Schemas of what the public operations answer with. */
export const publicSchemas = (): Record<'Health' | 'ProblemType' | 'ProblemTypes', JsonSchema> => ({
  Health: {
    description: 'Driftsstatus. Whether the service lives.',
    type: 'object',
    properties: {
      status: { description: '`ok` where it answers at all (driftsstatus).', type: 'string', const: 'ok' },
    },
    required: ['status'],
  },
  ProblemType: {
    description: 'Fejltype. What one problem code means.',
    type: 'object',
    properties: {
      type: { description: 'The `type` of a problem document (fejltype).', type: 'string' },
      code: { description: 'The code (fejlkode).', type: 'string' },
      status: { description: 'The HTTP status it comes with (svarkode), always the same.', type: 'integer' },
      title: { description: 'The kind of problem in words (overskrift).', type: 'string' },
      advice: { description: 'What to do about it (vejledning).', type: 'string' },
    },
    required: ['type', 'code', 'status', 'title', 'advice'],
  },
  ProblemTypes: {
    description: 'Fejltyper. Every problem code there is.',
    type: 'object',
    properties: {
      problems: {
        description: 'The problem codes (fejlkoder).',
        type: 'array',
        items: { $ref: '#/components/schemas/ProblemType' },
      },
    },
    required: ['problems'],
  },
});

const json = (name: string, example: unknown): Content => ({
  type: 'application/json',
  schema: { $ref: `#/components/schemas/${name}` },
  example,
});

/** The paths that need no token. */
export const publicPaths = (): Record<string, object> => ({
  '/health': publicOperation('get-health', 'Whether the service lives', 'It does.', json('Health', { status: 'ok' })),
  '/openapi.json': publicOperation('get-openapi', 'This document', 'OpenAPI 3.1, generated from the code that runs.', {
    type: 'application/json',
    schema: { description: 'The document.', type: 'object' },
    example: { openapi: '3.1.0', info: { title: 'Livline' } },
  }),
  '/docs': publicOperation('get-docs', 'This document as a page to read', 'A page whose scripts come from here.', {
    type: 'text/html',
    schema: { description: 'The page.', type: 'string' },
    example: '<!doctype html>',
  }),
  '/docs/{file}': publicOperation(
    'get-docs-file',
    'A script or style sheet of the page',
    'The file.',
    { type: 'text/javascript', schema: { description: 'The file.', type: 'string' }, example: 'SwaggerUIBundle({});' },
    [textParameter('file', 'path', { description: 'Name of the file.', maxLength: 50, example: 'start.js' })],
  ),
  '/problems': publicOperation(
    'list-problem-types',
    'Every problem code there is',
    'The closed set of codes.',
    json('ProblemTypes', { problems: [problemExplained('', 'not_found')] }),
  ),
  '/problems/{code}': publicOperation(
    'get-problem-type',
    'What a problem code means',
    'The code and what to do about it.',
    json('ProblemType', problemExplained('', 'validation_failed')),
    [textParameter('code', 'path', { description: 'A problem code.', maxLength: 50, example: 'validation_failed' })],
  ),
});
