/** Media type of what {@link csvOf} gives: the first line has the names of the columns. */
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/**
 * A table as CSV (RFC 4180): lines end in CRLF, and a value is quoted where it must be. What a spreadsheet would take
 * for a formula starts with an apostrophe, so that opening the file computes nothing that somebody sent.
 */
export function csvOf<Row>(columns: Readonly<Record<string, (row: Row) => string>>, rows: readonly Row[]): string {
  const lines = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((of) => of(row)))];
  return lines.map((values) => `${values.map(written).join(',')}\r\n`).join('');
}

/** A cell that starts with one of these is a formula, or becomes one once blanks are taken off. */
const FORMULA = /^[\s]*[=+\-@]|^[\t\r\n]/;

function written(value: string): string {
  const harmless = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
