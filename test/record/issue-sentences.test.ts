import { expect, it } from 'vitest';
import * as z from 'zod';
import { Problem } from '#shared/errors.ts';
import type { Operation } from '#shared/operation.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { parse } from '#shared/record/validate.ts';
import { recordOperations } from '#shared/resources/registry.ts';
import { accessOperations } from '#shared/tenancy/access-operations.ts';
import { adminOperations } from '#shared/tenancy/operations.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

const OPERATIONS = [
  ...recordOperations(),
  ...privacyOperations(),
  ...webhookOperations(WEBHOOKS_UNUSED),
  ...accessOperations({ store: {} } as never),
  ...adminOperations(),
] as unknown as readonly Operation<never>[];

/** Values that between them break every kind of rule that a field can have. */
const WRONG: readonly unknown[] = [
  null,
  -1,
  1.3,
  1e12,
  '',
  'x',
  'x'.repeat(5_000),
  'Bell \u0007',
  true,
  [],
  ['x', 'x'],
  Array.from({ length: 200 }, () => ({})),
  {},
  { x: 1 },
  Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`x-${at}`, 'v'])),
  { 'bad name': 'v', host: 'v', Authorization: 'v', authorization: 'Bell \u0007' },
  '1800-01-01',
  '1800-01-01T00:00:00Z',
  '12345678',
  '671399-1234',
  'ftp://example.dk',
  'https://user:word@example.dk/',
  'https://example.dk/#part',
  'https://example.dk:444/',
  'https://10.0.0.1/',
  'https://inside.internal/',
  'municipal',
  { kty: 'RSA', n: 'AAAA', e: '*' },
];

function errorsOf(schema: z.ZodType, value: unknown) {
  try {
    parse(schema, value);
    return [];
  } catch (error) {
    if (error instanceof Problem) return error.errors;
    throw error;
  }
}

const cases = OPERATIONS.flatMap(({ id, body, query }) => [
  ...(body ? [[`the body of ${id}`, body()] as const] : []),
  ...(query ? [[`the query of ${id}`, z.strictObject(query())] as const] : []),
]);

it.each(cases)(
  '%s is refused in whole sentences of English and of Danish, never in the words of the parser',
  (_, schema) => {
    const shape = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    const values = [...WRONG, ...shape.flatMap((name) => WRONG.map((value) => ({ [name]: value })))];
    const errors = values.flatMap((value) => errorsOf(schema, value));
    expect(errors.length).toBeGreaterThan(0);
    for (const { pointer, detail, danish } of errors) {
      expect(detail, pointer).toMatch(/^[A-Z].{8,}\.$/s);
      expect(detail, pointer).not.toMatch(/\bexpected\b|received [a-z]+$|\b(?:NaN|Invalid|undefined)\b/);
      expect(danish, `${pointer}: ${detail}`).toMatch(/^[A-ZÆØÅ].{8,}\.$/s);
      expect(danish, pointer).not.toBe(detail);
    }
  },
);
