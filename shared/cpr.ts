import { type FieldError, Problem } from './errors.ts';

/**
 * CPR numbers by their form. Modulus 11 is never used: numbers issued since 2007 do not keep it (the CPR office,
 * "Personnumre uden kontrolciffer (modulus 11 kontrol)").
 */

/** Days of each month. A year of two digits names several centuries, so 29 February is a date in each fourth of them. */
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const LEAP_DAY = '2902';

/**
 * Returns whether six digits (day, month, year) are a date. Demo numbers and those given for administrative purposes have
 * 60 added to the day.
 */
export function isCprDate(digits: string): boolean {
  const [stated = 0, month = 0, year = 0] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2)));
  const day = stated > 60 ? stated - 60 : stated;
  const isLeapDay = `${day}${digits.slice(2, 4)}` === LEAP_DAY && year % 4 === 0;
  return isLeapDay || (day >= 1 && day <= (MONTH_DAYS[month - 1] ?? 0));
}

/** Ten digits that are no part of a longer number; word processors write the hyphen in other ways too. */
const TEN_DIGITS = /(?<!\d)(\d{6})[-\u2010\u2011\u2013]?\d{4}(?!\d)/g;
/**
 * UUIDs, and ids and hashes of at least 24 hexadecimal digits. They have ten digits in a row by chance: one random UUID in
 * some thousands. An id may have a prefix such as `msg_`.
 */
const HEX_ID = /(?<![0-9a-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,})(?![0-9a-z])/gi;

/**
 * Returns whether a text holds what looks like a CPR number: six digits that are a date, an optional hyphen and four
 * digits, not inside a longer number. UUIDs and long hexadecimal ids are passed over.
 */
export function looksLikeCpr(text: string): boolean {
  // Most texts have no ten digits at all, and only the others are searched for ids.
  if (text.search(TEN_DIGITS) === -1) return false;
  return [...text.replaceAll(HEX_ID, ' ').matchAll(TEN_DIGITS)].some(([, date]) => isCprDate(String(date)));
}

/** Returns the error of a field that is not sensitive and holds what looks like a CPR number. */
export const cprError = (pointer: string): FieldError => ({
  pointer,
  code: 'looks_like_cpr',
  detail: 'This looks like a CPR number, which only a sensitive field may hold.',
  danish: 'Ligner et CPR-nummer, som kun et følsomt felt må indeholde.',
});

/** Throws 422 with the field error `looks_like_cpr` where a text looks like it holds a CPR number. */
export function refuseCpr(pointer: string, text: string): void {
  if (!looksLikeCpr(text)) return;
  const error = cprError(pointer);
  throw new Problem('validation_failed', error.detail, [error]);
}
