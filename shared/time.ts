/** An instant in UTC, always `YYYY-MM-DDTHH:mm:ss.sssZ` (RFC 3339), so that instants sort as text. */
export type Instant = string;

/** A calendar day in Europe/Copenhagen, `YYYY-MM-DD` (ISO 8601). */
export type LocalDate = string;

/** The last day of what has none: later than every day that a field takes. */
export const FOREVER: LocalDate = '9999-12-31';

/** An instant of a Date. */
export const instantOf = (date: Date): Instant => date.toISOString();

/** The instant `seconds` after another; a negative number goes back. */
export const plusSeconds = (instant: Instant, seconds: number): Instant =>
  instantOf(new Date(Date.parse(instant) + Math.round(seconds * 1000)));

let copenhagen: Intl.DateTimeFormat | undefined;

/** Days by the hour of UTC they were asked for: Danish time is whole hours from it, so an hour lies in one day. */
const known = new Map<string, LocalDate>();
const MOST_KNOWN = 1_000;

/** The day in Denmark on which an instant falls. */
export function localDateOf(instant: Instant): LocalDate {
  const hour = instant.slice(0, 13);
  const found = known.get(hour);
  if (found !== undefined) return found;
  // Built on first use: an Intl formatter costs milliseconds that most cold starts never need.
  copenhagen ??= new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Copenhagen', dateStyle: 'short' });
  const date = copenhagen.format(new Date(instant));
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(hour, date);
  return date;
}

/** The day `days` after another; a negative number goes back. */
export const plusDays = (date: LocalDate, days: number): LocalDate =>
  plusSeconds(`${date}T00:00:00.000Z`, days * 86_400).slice(0, 10);

/** Seconds since 1970 of the instant `days` after another: what DynamoDB's time to live takes. */
export const expiryAfter = (instant: Instant, days: number): number =>
  Math.floor(Date.parse(instant) / 1000) + days * 86_400;

/** The instant `months` calendar months after another; the 31st of a shorter month is as many days into the next. */
export function plusMonths(instant: Instant, months: number): Instant {
  const date = new Date(instant);
  date.setUTCMonth(date.getUTCMonth() + months);
  return instantOf(date);
}

/** A calendar quarter. */
export interface Quarter {
  readonly year: number;
  readonly quarter: 1 | 2 | 3 | 4;
}

/** The quarter of a local date. */
export function quarterOf(date: LocalDate): Quarter {
  const [year = 0, month = 1] = date.split('-').map(Number);
  return { year, quarter: Math.ceil(month / 3) as Quarter['quarter'] };
}

/** The first instant of a day in Denmark: midnight, at the offset that holds then (UTC+1, in summer UTC+2). */
export function startOfDay(date: LocalDate): Instant {
  const midnightUtc = `${date}T00:00:00.000Z`;
  const summer = plusSeconds(midnightUtc, -2 * 3600);
  return localDateOf(summer) === date ? summer : plusSeconds(midnightUtc, -3600);
}
