import { createHmac } from 'node:crypto';
import type { Context } from '../auth/context.ts';

/** Returns the HMAC-SHA-256 of a text under the municipality's own key, which lies in the table wrapped. */
const keyedHash = async (ctx: Context, text: string): Promise<string> =>
  createHmac('sha256', await ctx.keys.lookupKey())
    .update(text)
    .digest('hex');

/**
 * Returns the hash by which a value is looked up. Neither the table nor an index tells the number, and equal numbers of
 * two municipalities have different hashes.
 */
export const lookupHash = (ctx: Context, name: string, value: string): Promise<string> =>
  keyedHash(ctx, `${name}:${value}`);

/**
 * Returns the fingerprint that is kept of a request with an Idempotency-Key. A plain digest of a body with a CPR number
 * would be found by trying all of them. No lookup is named as this prefix is, so a fingerprint never equals the hash of a
 * value that is looked up.
 */
export const requestFingerprint = (ctx: Context, essence: string): Promise<string> =>
  keyedHash(ctx, `request fingerprint:${essence}`);

/** A telephone number as it is looked up: international, Danish where it says no country. */
function phoneDigits(value: string): string {
  const digits = value.replace(/^(?:\+|00)/, '');
  return digits.length === 8 && digits.length === value.length ? `45${digits}` : digits;
}

/** The one spelling of a value that is looked up. */
export const normalised = (name: string, value: string): string =>
  name === 'phone' ? phoneDigits(value.replaceAll(/[\s-]/g, '')) : value.replaceAll(/[\s-]/g, '');
