import { Problem } from './errors.ts';
import { type ApiRequest, etagOf } from './operation.ts';

/**
 * Conditional requests (RFC 9110 §13). Only entity tags are evaluated: nothing here has a Last-Modified, so If-Modified-Since
 * and If-Unmodified-Since are ignored, as §13.1.3 and §13.1.4 say.
 */
export interface Preconditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** The conditions that a request states. */
export const preconditionsOf = ({ header }: Pick<ApiRequest, 'header'>): Preconditions => ({
  ifMatch: header('if-match'),
  ifNoneMatch: header('if-none-match'),
});

interface Tag {
  readonly isWeak: boolean;
  /** With its quotation marks. */
  readonly opaque: string;
}

const TAGS = /^(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")*$/;
const EACH = /(W\/)?("[^"]*")/g;

/** The tags that a header lists, or `*`. Throws `malformed_request` where it has neither form (RFC 9110 §8.8.3). */
function tagsIn(name: 'If-Match' | 'If-None-Match', value: string): '*' | readonly Tag[] {
  const text = value.trim();
  if (text === '*') return '*';
  if (TAGS.test(text))
    return [...text.matchAll(EACH)].map(([, weak, opaque = '']) => ({ isWeak: weak !== undefined, opaque }));
  const quoted = /^\d+$/.test(text) ? ` Put the version in quotation marks: "${text}".` : '';
  throw new Problem('malformed_request', `${name} is * or a list of entity tags in quotation marks.${quoted}`);
}

const failed = (detail: string, version: number | undefined): Problem =>
  new Problem('precondition_failed', detail, [], version === undefined ? {} : { etag: etagOf(version) });

/**
 * Evaluates the conditions against what there is now, in the order of RFC 9110 §13.2.2. `version` is undefined where there is
 * nothing yet. If-Match compares strongly and If-None-Match weakly. Throws `precondition_failed`, with the ETag of now.
 */
export function evaluate({ ifMatch, ifNoneMatch }: Preconditions, version: number | undefined): void {
  const etag = version === undefined ? undefined : etagOf(version);
  if (ifMatch !== undefined) {
    const tags = tagsIn('If-Match', ifMatch);
    if (etag === undefined) throw failed('There is no such record yet, so no version of it.', version);
    const isMatched = tags === '*' || tags.some(({ isWeak, opaque }) => !isWeak && opaque === etag);
    if (!isMatched) throw failed(`The record is at version ${version}. Read it and decide again.`, version);
  }
  if (ifNoneMatch !== undefined && isAmong(ifNoneMatch, etag))
    throw failed(`The record is there already, at version ${version}.`, version);
}

/** Whether If-None-Match names this tag. Throws `malformed_request`. */
function isAmong(ifNoneMatch: string, etag: string | undefined): boolean {
  const tags = tagsIn('If-None-Match', ifNoneMatch);
  return etag !== undefined && (tags === '*' || tags.some(({ opaque }) => opaque === etag));
}

/**
 * Evaluates the conditions of a change, which must name the version that it is a change of. Throws `precondition_required`
 * without If-Match, and for `*`: that names no version, so it would protect nobody's change.
 */
export function requireMatch(preconditions: Preconditions, version: number): void {
  const { ifMatch } = preconditions;
  if (ifMatch === undefined || ifMatch.trim() === '*') {
    throw new Problem('precondition_required', 'Send If-Match with the ETag of the version you read, such as "3".');
  }
  evaluate(preconditions, version);
}

/**
 * Evaluates the conditions of a request to what has no ETag: a collection that takes a POST, or a row without versions. A
 * list of tags in If-Match names none of it, and `If-None-Match: *` holds only where there is nothing yet. Throws
 * `precondition_failed`.
 */
export function requireUntagged({ ifMatch, ifNoneMatch }: Preconditions, isThere: boolean): void {
  if (ifMatch !== undefined && (tagsIn('If-Match', ifMatch) !== '*' || !isThere))
    throw failed('What this request goes to has no ETag, so If-Match cannot name it.', undefined);
  if (ifNoneMatch !== undefined && tagsIn('If-None-Match', ifNoneMatch) === '*' && isThere)
    throw failed('What this request goes to is there already, so If-None-Match: * refuses it.', undefined);
}

/**
 * What the conditions of a GET or HEAD make of an answer with this ETag: whether the caller has it already (304). Throws
 * `precondition_failed` where If-Match names another version, also where the answer has no tag.
 */
export function isKnown({ ifMatch, ifNoneMatch }: Preconditions, etag: string | undefined): boolean {
  if (ifMatch !== undefined) {
    const tags = tagsIn('If-Match', ifMatch);
    if (tags !== '*' && !tags.some(({ isWeak, opaque }) => !isWeak && opaque === etag))
      throw new Problem('precondition_failed', 'This is another version now.', [], etag === undefined ? {} : { etag });
  }
  return ifNoneMatch !== undefined && isAmong(ifNoneMatch, etag?.replace(/^W\//, ''));
}
