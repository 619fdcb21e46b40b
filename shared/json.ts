import { invalid, Problem } from './errors.ts';

/** The most values that one body may hold, containers counted. A test computes that the largest record of the domain fits. */
export const MOST_VALUES = 5_000;
/** The deepest that containers may be nested. A test computes that the deepest record fits. */
export const DEEPEST = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Parses JSON text after it has counted its values, because the CPU time of parsing and of every check that follows grows
 * with their number: an object of 85,000 members took 2.8 s. Counting reads each character once, at most 12 ms for 1 MB.
 * Throws `SyntaxError` if the text is not JSON, and `validation_failed` if it holds too many values or is nested too deeply.
 */
export function parseJson(text: string): unknown {
  requireBounded(text);
  return JSON.parse(text);
}

/**
 * Parses JSON text as {@link parseJson} does. Throws `malformed_request` where an object has two members of one name
 * (RFC 7493 §2.3): JSON.parse would keep the last one, and the caller would not learn that the first is lost.
 */
export function parseUniqueJson(text: string): unknown {
  const written = requireBounded(text);
  const value: unknown = JSON.parse(text);
  if (membersOf(value) < written) {
    throw new Problem('malformed_request', 'An object in the body has two members of one name.');
  }
  return value;
}

/** How many members all objects in a JSON value have. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, each) => sum + membersOf(each), own);
}

/**
 * Returns how many members are written in the text. Throws `validation_failed` if the text, read as JSON, holds more than
 * {@link MOST_VALUES} values or more than {@link DEEPEST} levels.
 */
export function requireBounded(text: string): number {
  let values = 1;
  let members = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    else if (char === COMMA) values += 1;
    else if (char === COLON) members += 1;
    else if (OPENING.has(char)) {
      values += 1;
      depth += 1;
    } else if (CLOSING.has(char)) depth -= 1;
    if (values > MOST_VALUES) throw invalid('', `A body holds at most ${MOST_VALUES} values.`, 'too_big');
    if (depth > DEEPEST) throw invalid('', `A body has at most ${DEEPEST} levels.`, 'too_big');
  }
  return members;
}

/** The position of the quotation mark that ends the string that starts here, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

/**
 * Returns the canonical text of a JSON value (RFC 8785): members by name in UTF-16 code units, no blanks, numbers and strings
 * as ECMAScript writes them. Two texts of the same value have one canonical text.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson((value as Record<string, unknown>)[name])}`);
  return `{${members.join(',')}}`;
}

/** Returns a JSON value whose texts are in Unicode's form NFC, so that å is one character however it was typed. */
export function normalised(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize('NFC');
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value !== 'object' || value === null) return value;
  // Not assigned one by one, because a member may be called __proto__.
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, normalised(each)]));
}
