import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import type { Answer } from '../operation.ts';
import type { Purpose } from '../privacy/access-log.ts';
import { lookupCountKey } from '../table/keys.ts';
import { WriteRefused } from '../table/write.ts';
import { expiryAfter, localDateOf, plusDays, startOfDay } from '../time.ts';
import { selectedList } from './indexes.ts';
import { lookupHash, normalised } from './keyed-hash.ts';
import { findRecords } from './read.ts';
import type { Fields, Resource } from './resource.ts';
import { enterFinding } from './sensitive-gate.ts';
import type { Stored } from './stored.ts';
import { parse } from './validate.ts';

/** A record has few namesakes by telephone or CPR number. */
const MOST_FOUND = 50;

/** The body of a lookup: one of the names with its value. */
export const lookupBody = (resource: Resource): z.ZodType =>
  z
    .strictObject(
      Object.fromEntries(
        Object.keys(resource.lookups ?? {}).map((name) => [
          name,
          z
            .string()
            .regex(/^\+?[\d -]{3,25}$/, 'This must be digits, spaces and hyphens, optionally after a plus sign.')
            .describe(`The ${name} to look for (opslag). It stands in the body, because URLs are logged.`)
            .optional(),
        ]),
      ),
    )
    .refine((body) => Object.keys(body).length === 1, 'Send exactly one value to look for.');

/** Look-ups that a client may make in a municipality in one day, unless its operator sets another number. */
export const LOOKUPS_PER_DAY = 500;
/** What an operator may set. */
export const LOOKUP_BOUNDS = { min: 0, max: 100_000 } as const;
/** The counter of a day is kept this many days after it. */
const COUNTED_DAYS = 7;

/** Counts a look-up of today, or one of today's that found nothing. Throws `too_many_requests` where the day's are used up. */
async function countLookup({ actor, control, now, tenant }: Context, name: 'lookups' | 'misses'): Promise<void> {
  const allowed = tenant.lookupsPerDay ?? LOOKUPS_PER_DAY;
  const day = localDateOf(now);
  try {
    await control.add({
      kind: 'update',
      key: lookupCountKey(actor.id, day),
      add: { [name]: 1 },
      set: { expiresAt: expiryAfter(now, COUNTED_DAYS) },
      ...(name === 'lookups' && {
        condition: {
          expression: '(attribute_not_exists(#lookups) AND :allowed > :none) OR #lookups < :allowed',
          values: { allowed, none: 0 },
        },
      }),
    });
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    const seconds = Math.ceil((Date.parse(startOfDay(plusDays(day, 1))) - Date.parse(now)) / 1000);
    const detail = `The client may look up ${allowed} values a day in this municipality.`;
    throw new Problem('too_many_requests', detail, [], { 'retry-after': String(Math.max(1, seconds)) });
  }
}

/**
 * Finds records by a sensitive value, without the value being stored: one Query by its keyed hash gives their ids, and
 * one read the records as they stand. A client that sees only its own rows finds only those. Each record that is found is
 * entered in the access log before the answer leaves, and a look-up that finds nothing is counted, so both wait for one
 * write. A copy beside each hash would save the read and cost every change of a family with two adults four more rows.
 */
export async function lookUp(ctx: Context, resource: Resource, body: unknown, purpose: Purpose): Promise<Answer> {
  const [[name, value] = ['', '']] = Object.entries(parse(lookupBody(resource), body) as Record<string, string>);
  const [hash] = await Promise.all([lookupHash(ctx, name, normalised(name, value)), countLookup(ctx, 'lookups')]);
  const partition = selectedList(resource, {}, `lookup-${name}`, hash);
  const { rows } = await ctx.table.query({ index: 'list', partition, limit: MOST_FOUND });
  const ids = rows.map((row) => (row['view'] as Fields)['id'] as string);
  const found = await findRecords(ctx, resource, ids);
  if (found.length === 0) await countLookup(ctx, 'misses');
  await Promise.all(found.map((stored) => enterFinding(ctx, resource, stored, name, purpose)));
  const orderOf = ({ view }: Stored) => resource.order(view as never);
  const items = found.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)).map(({ view }) => view);
  return { status: 200, body: { items } };
}
