import type { LocalDate } from '../time.ts';

/**
 * The century that the 7th digit of a CPR number gives the two digits of its year: 0–3 are 1900–1999, 4 and 9 are
 * 1937–2036, 5–8 are 1858–1899 and 2000–2057. Source: the CPR office, "Personnummeret i CPR-systemet".
 */
function centuryOf(seventh: number, year: number): number {
  if (seventh <= 3) return 1900;
  if (seventh === 4 || seventh === 9) return year <= 36 ? 2000 : 1900;
  return year <= 57 ? 2000 : 1800;
}

/**
 * The date of birth that a CPR number of ten digits tells; undefined where there is no such date. Demo numbers and those
 * given for administrative purposes have 60 added to the day.
 */
export function birthDateOf(cpr: string): LocalDate | undefined {
  const [stated = 0, month = 0, shortYear = 0] = [0, 2, 4].map((at) => Number(cpr.slice(at, at + 2)));
  const year = centuryOf(Number(cpr[6]), shortYear) + shortYear;
  const day = stated > 60 ? stated - 60 : stated;
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.toISOString().slice(0, 10) : undefined;
}

/** Whole years from one day to another. A year of one born on 29 February is full on 1 March where there is no such day. */
const yearsBetween = (birth: LocalDate, date: LocalDate): number =>
  Number(date.slice(0, 4)) - Number(birth.slice(0, 4)) - (date.slice(5) < birth.slice(5) ? 1 : 0);

/** What is known of when a child was born: a year, a CPR number (ten digits), or both. */
interface Birth {
  readonly birthYear?: number | undefined;
  readonly cpr?: string | undefined;
}

/** The youngest and the oldest that a child may be, in whole years. */
export interface Ages {
  readonly min: number;
  readonly max: number;
}

/**
 * A child's age on a day, in whole years: the youngest and the oldest that it may be. They are the same where the CPR
 * number tells the date of birth. Where only the year is known they are a year apart until its last day, but a child is
 * not taken to be unborn in the year of its birth. Before it was born, ages are negative. Undefined where nothing tells
 * when it was born, as for a caller who is not shown the CPR number of a child without a year.
 */
export function agesOn({ birthYear, cpr }: Birth, date: LocalDate): Ages | undefined {
  const born = cpr === undefined ? undefined : birthDateOf(cpr);
  if (born === undefined && birthYear === undefined) return undefined;
  const max = yearsBetween(born ?? `${birthYear}-01-01`, date);
  const min = yearsBetween(born ?? `${birthYear}-12-31`, date);
  return { min: max === 0 ? 0 : min, max };
}
