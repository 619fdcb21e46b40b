import { createHmac } from 'node:crypto';
import type { Context } from '../auth/context.ts';

/**
 * What a value that is looked up is stored as: its HMAC-SHA-256 under the municipality's own key, which lies in the table
 * wrapped: so neither the table nor an index tells the number, and equal numbers of two municipalities differ.
 */
export async function lookupHash(ctx: Context, name: string, value: string): Promise<string> {
  return createHmac('sha256', await ctx.keys.lookupKey())
    .update(`${name}:${value}`)
    .digest('hex');
}

/** A telephone number as it is looked up: international, Danish where it says no country. */
function phoneDigits(value: string): string {
  const digits = value.replace(/^(?:\+|00)/, '');
  return digits.length === 8 && digits.length === value.length ? `45${digits}` : digits;
}

/** The one spelling of a value that is looked up. */
export const normalised = (name: string, value: string): string =>
  name === 'phone' ? phoneDigits(value.replaceAll(/[\s-]/g, '')) : value.replaceAll(/[\s-]/g, '');
