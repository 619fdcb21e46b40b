import * as z from 'zod';

/**
 * Values of query parameters, which are all text. They are read more strictly than a program reads numbers: `0x10`, `1e2` and
 * a blank are numbers to a parser, and mistakes of whoever sent them.
 */

const DIGITS = /^-?\d{1,16}$/;

/** A whole number in a query, as decimal digits; other text stays text, which the schema then refuses. */
export const wholeInQuery = (schema: z.ZodType<number>) =>
  z.preprocess((sent) => (typeof sent === 'string' && DIGITS.test(sent) ? Number(sent) : sent), schema);

const FLAGS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** `true` or `false` in a query. */
export const flagInQuery = () => z.preprocess((sent) => FLAGS[String(sent)] ?? sent, z.boolean());
