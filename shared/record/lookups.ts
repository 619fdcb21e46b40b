import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import type { Answer } from '../operation.ts';
import { selectedList } from './indexes.ts';
import { lookupHash, normalised } from './keyed-hash.ts';
import { findRecords } from './read.ts';
import type { Fields, Resource } from './resource.ts';
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
            .regex(/^\+?[\d -]{3,25}$/, 'Digits, spaces and hyphens, optionally after a plus sign')
            .describe(`The ${name} to look for (opslag). It stands in the body, because URLs are logged.`)
            .optional(),
        ]),
      ),
    )
    .refine((body) => Object.keys(body).length === 1, 'Look for one of them at a time');

/**
 * Finds records by a sensitive value, without the value being stored: one Query by its keyed hash gives their ids, and
 * one read the records as they stand. A copy beside each hash would save the read and cost every change of a family
 * with two adults four more rows.
 */
export async function lookUp(ctx: Context, resource: Resource, body: unknown): Promise<Answer> {
  const [[name, value] = ['', '']] = Object.entries(parse(lookupBody(resource), body) as Record<string, string>);
  const hash = await lookupHash(ctx, name, normalised(name, value));
  const partition = selectedList(resource, {}, `lookup-${name}`, hash);
  const { rows } = await ctx.table.query({ index: 'list', partition, limit: MOST_FOUND });
  const ids = rows.map((row) => (row['view'] as Fields)['id'] as string);
  const found = await findRecords(ctx, resource, ids);
  const orderOf = ({ view }: Stored) => resource.order(view as never);
  const items = found.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)).map(({ view }) => view);
  return { status: 200, body: { items } };
}
