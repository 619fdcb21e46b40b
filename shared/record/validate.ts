import type * as z from 'zod';
import { cprError } from '../cpr.ts';
import { type FieldError, invalidFields, Problem } from '../errors.ts';
import { READ_ONLY, sentenceOf, UNKNOWN_FIELD, unknownParameter } from './issue-sentences.ts';
import { cprLikeIn } from './plain-text.ts';

/** What zod calls an issue, as our closed set of field error codes calls it. */
function codeOf(issue: z.core.$ZodIssue): FieldError['code'] {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'required' : 'invalid_type';
    case 'unrecognized_keys':
      return 'unknown_field';
    case 'custom':
      return (issue.params?.['code'] as FieldError['code'] | undefined) ?? 'invalid_value';
    case 'invalid_format':
      return 'invalid_format';
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array' ? 'too_long' : 'too_big';
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array' ? 'too_short' : 'too_small';
    default:
      return 'invalid_value';
  }
}

/** RFC 6901 pointer of a path into the body. */
const pointerOf = (base: string, path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (pointer, step) => `${pointer}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    base,
  );

/** The caller's own field names come back in a pointer; one that is no plausible name is cut. */
export const nameable = (key: string): string => key.slice(0, 100).replaceAll(/[^\p{L}\p{N}_.$-]/gu, '?');

/**
 * Returns the issues of the alternative that the value was meant for: the one that is violated least. A value of the wrong
 * type for every alternative was meant for none.
 */
function meantAlternative({ errors }: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] {
  const candidates = errors.filter(
    (issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0),
  );
  return candidates.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

/** What the names that a schema does not take are told from. */
interface Names {
  /** Fields that are shown and cannot be sent. */
  readonly settled: readonly string[];
  /** The query parameters that there are; undefined for what is no query. */
  readonly parameters: readonly string[] | undefined;
}

const NO_NAMES: Names = { settled: [], parameters: undefined };

function namesOf(schema: z.ZodType, base: string): Names {
  const isQuery = base === '/query' && 'shape' in schema;
  return {
    settled: schema.meta()?.settled ?? [],
    parameters: isQuery ? Object.keys(schema.shape as object) : undefined,
  };
}

function errorsOf(issue: z.core.$ZodIssue, base: string, { settled, parameters }: Names): FieldError[] {
  if (issue.code === 'invalid_union') {
    const inside = meantAlternative(issue);
    if (inside.length > 0) return inside.flatMap((each) => errorsOf(each, pointerOf(base, issue.path), NO_NAMES));
  }
  const code = codeOf(issue);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, 100).map((key) => {
      const isSettled = issue.path.length === 0 && settled.includes(key);
      const name = nameable(key);
      const unknown = parameters ? unknownParameter(name, parameters) : UNKNOWN_FIELD;
      const { en, da } = isSettled ? READ_ONLY : unknown;
      const pointer = pointerOf(base, [...issue.path, name]);
      return { pointer, code: isSettled ? 'read_only' : code, detail: en, danish: da };
    });
  }
  const { en, da } = sentenceOf(issue);
  return [{ pointer: pointerOf(base, issue.path), code, detail: en, danish: da }];
}

const refusalOf = (errors: readonly FieldError[]): Problem =>
  new Problem('validation_failed', invalidFields(errors).en, errors);

/**
 * Returns the value as its schema gives it. Throws 422 with a pointer to each fault, also where a plain text looks like it
 * holds a CPR number. No detail repeats a value that was sent.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, base = ''): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) {
    const places = [...cprLikeIn(schema, result.data)];
    if (places.length > 0) throw refusalOf(places.slice(0, 100).map((path) => cprError(pointerOf(base, path))));
    return result.data;
  }
  const names = namesOf(schema, base);
  const errors = result.error.issues
    .flatMap((issue) => errorsOf(issue, base, names))
    .slice(0, 100)
    // A text that has not the form fails what is asked of the form too: the first fault of a field says it.
    .filter(({ pointer }, at, all) => all.findIndex((other) => other.pointer === pointer) === at);
  throw refusalOf(errors);
}
