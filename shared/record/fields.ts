import * as z from 'zod';
import { isCprDate } from '../cpr.ts';

/**
 * The field types that resources are made of. Each takes first what the field means, with its unit and its Danish term;
 * the text goes into the API's reference, and a test fails for a field without one.
 */

/**
 * Where a field may be shown: `S` with scope sensitive:read only, `SS` besides only to the organisation that wrote it,
 * `secret` nowhere after the answer that made it.
 */
export type Sensitivity = 'S' | 'SS' | 'secret';

declare module 'zod' {
  interface GlobalMeta {
    sensitivity?: Sensitivity;
    /** Whether it may say who somebody is: then it goes when a person is erased from the record (redact.ts). */
    personal?: boolean;
    /** Whether a person or another system words it freely: where it is not sensitive it may hold no CPR number (validate.ts). */
    plainText?: boolean;
    /** Of an object that is sent: fields that its record has and no caller can set (schemas.ts). */
    settled?: readonly string[];
  }
}

/** Lists are ordered by lines, and U+10FFFF, which is no character, is where a list ends. */
const ONE_LINE = /^[^\p{Cc}\p{Cs}\u{10ffff}]*$/u;
const MANY_LINES = /^(?:[^\p{Cc}\p{Cs}]|[\t\n\r])*$/u;

/** A name or title on one line, 1–200 characters unless said otherwise. */
export const line = (description: string, max = 200) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(ONE_LINE, 'Control characters are not allowed.')
    .meta({ description, personal: true, plainText: true });

/** Free text of at most 4,000 characters. */
export const text = (description: string) =>
  z
    .string()
    .trim()
    .min(1)
    .max(4_000)
    .regex(MANY_LINES, 'Control characters are not allowed.')
    .meta({ description, personal: true, plainText: true });

/** A text that says nothing of any person, such as a provision of the law: it stays when one is erased. */
export const impersonal = <Field extends z.ZodType>(field: Field): Field =>
  field.meta({ ...field.meta(), personal: false });

/** A line that its resource's verbs check for CPR numbers, by a setting of the municipality (rules.ts), and not its schema. */
export const checkedLater = <Field extends z.ZodType>(field: Field): Field =>
  field.meta({ ...field.meta(), plainText: false });

/** A short code such as `self_harm`: lower-case letters, digits and underscores. */
export const codeWord = (description: string) =>
  z
    .string()
    .regex(
      /^[a-z][a-z0-9_]{0,49}$/,
      'This must be lower-case letters, digits and underscores, and start with a letter.',
    )
    .meta({ description, plainText: true });

/** One of a closed set of values. */
export const oneOf = <const Values extends readonly [string, ...string[]]>(description: string, values: Values) =>
  z.enum(values).describe(description);

/** A whole number within bounds, both inclusive. */
export const whole = (description: string, min: number, max: number) => z.int().min(min).max(max).describe(description);

/** Yes or no. */
export const flag = (description: string) => z.boolean().describe(description);

/** An RFC 3339 instant with offset on input, kept and shown in UTC with milliseconds. */
export const instant = (description: string) =>
  z.iso
    .datetime({ offset: true, abort: true })
    .refine((value) => value >= '1900' && value < '2200', 'The year must be between 1900 and 2199.')
    .overwrite((value) => new Date(value).toISOString())
    .describe(description);

/** An ISO calendar date in Europe/Copenhagen. */
export const day = (description: string) =>
  z.iso
    .date()
    .refine((value) => value >= '1900' && value < '2200', 'The year must be between 1900 and 2199.')
    .describe(description);

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$/;

/**
 * The id of another record, in any case (RFC 9562 §4), kept and shown in lower case. Which types it may name is declared in the
 * resource's `references`.
 */
export const reference = (description: string) =>
  z
    .string()
    .regex(UUID, 'This must be the id of a record (a UUID).')
    .overwrite((value) => value.toLowerCase())
    .describe(description);

/** A UUID of another kind than a record's id, taken in any case and kept in lower case (RFC 9562 §4). */
export const uuid = (description: string) =>
  z
    .uuid()
    .overwrite((value) => value.toLowerCase())
    .describe(description);

/** A list of at most 100 entries. */
export const listOf = <Item extends z.ZodType>(description: string, item: Item, max = 100) =>
  z.array(item).max(max).describe(description);

/** A list whose entries are all different. */
export const setOf = <Item extends z.ZodType<string>>(description: string, item: Item, max = 100) =>
  z
    .array(item)
    .max(max)
    .refine((items) => new Set(items).size === items.length, 'The same entry stands here twice.')
    .meta({ description, uniqueItems: true });

/** A nested object; unknown fields in it are refused. */
export const group = <Shape extends z.ZodRawShape>(description: string, shape: Shape) =>
  z.strictObject(shape).describe(description);

/** A sensitive field (**S**): kept apart from the rest of the record, so no list, event or index can hold it. */
export const sensitive = <Field extends z.ZodType>(field: Field): Field =>
  field.meta({ ...field.meta(), sensitivity: 'S' });

/** A field shown only to the organisation that wrote it (**SS**). */
export const ownSensitive = <Field extends z.ZodType>(field: Field): Field =>
  field.meta({ ...field.meta(), sensitivity: 'SS' });

/** Key material: stored apart like a sensitive field, and in no record that is shown. */
export const secret = <Field extends z.ZodType>(field: Field): Field =>
  field.meta({ ...field.meta(), sensitivity: 'secret' });

/** A municipality code (kommunekode): `630` and `0630` are both accepted, `0630` is kept. */
export const municipalityCode = (description: string) =>
  z
    .string()
    .regex(/^\d{3,4}$/, 'This must be a municipality code of four digits, such as 0630.')
    .overwrite((value) => value.padStart(4, '0'))
    .describe(description);

const CVR_WEIGHTS = [2, 7, 6, 5, 4, 3, 2, 1];

/** A CVR number: 8 digits whose sum under the weights 2,7,6,5,4,3,2,1 is divisible by 11. */
export const cvrNumber = (description: string) =>
  z
    .string()
    .regex(/^\d{8}$/, 'This must be eight digits.')
    .refine(isCvr, 'This is not a valid CVR number: its check digit is wrong (modulus 11).')
    .describe(description);

/** Whether the text is a CVR number by its form and check sum. */
export function isCvr(text: string): boolean {
  return /^\d{8}$/.test(text) && CVR_WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(text[at]), 0) % 11 === 0;
}

/** A production unit number (P-nummer): ten digits. */
export const productionUnit = (description: string) =>
  z
    .string()
    .regex(/^\d{10}$/, 'This must be ten digits.')
    .describe(description);

/** A CPR number, kept without hyphen. Its first six digits must be a date (cpr.ts); modulus 11 is never used. */
export const cprNumber = (description: string) =>
  z
    .string()
    .regex(/^\d{6}-?\d{4}$/, {
      error: 'This must be ten digits, with or without a hyphen after the sixth.',
      abort: true,
    })
    .refine(isCprDate, { error: 'The first six digits must be a date.', params: { code: 'invalid_format' } })
    .overwrite((value) => value.replace('-', ''))
    .meta({ description, personal: true });

/** A telephone number in international or Danish form, kept without spaces. */
export const phone = (description: string) =>
  z
    .string()
    .regex(/^\+?[\d ]{3,20}$/, 'This must be digits and spaces, optionally after a plus sign.')
    .overwrite((value) => value.replaceAll(' ', ''))
    .meta({ description, personal: true });

/** An e-mail address, at most 254 characters (RFC 5321 §4.5.3.1.3). */
export const email = (description: string) => z.email().max(254).meta({ description, personal: true, plainText: true });
