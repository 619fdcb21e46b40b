import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Context, Tenant } from '../context.ts';

/** The keys of the municipalities that are remembered: making one costs seven times what using it does. */
const keys = new WeakMap<Tenant, KeyObject>();

function keyOf(tenant: Tenant): KeyObject {
  const known = keys.get(tenant);
  if (known) return known;
  const key = createSecretKey(tenant.lookupKey, 'base64');
  keys.set(tenant, key);
  return key;
}

/**
 * What a value that is looked up is stored as: its HMAC-SHA-256 under the municipality's own key, so that neither the
 * table nor an index tells the number, and equal numbers of two municipalities are stored differently.
 */
export const lookupHash = (ctx: Context, name: string, value: string): string =>
  createHmac('sha256', keyOf(ctx.tenant)).update(`${name}:${value}`).digest('hex');

/** A telephone number as it is looked up: international, Danish where it says no country. */
function phoneDigits(value: string): string {
  const digits = value.replace(/^(?:\+|00)/, '');
  return digits.length === 8 && digits.length === value.length ? `45${digits}` : digits;
}

/** The one spelling of a value that is looked up. */
export const normalised = (name: string, value: string): string =>
  name === 'phone' ? phoneDigits(value.replaceAll(/[\s-]/g, '')) : value.replaceAll(/[\s-]/g, '');
