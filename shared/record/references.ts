import type { Context } from '../auth/context.ts';
import { nothingHere, Problem } from '../errors.ts';
import { recordKey } from '../table/keys.ts';
import type { Write } from '../table/write.ts';
import type { Fields, Resource } from './resource.ts';

/** An id in a record with the types it may name. */
export interface Reference {
  readonly pointer: string;
  readonly id: string;
  readonly types: readonly string[];
  /** Whether it stands in the path, where an unknown id is simply not found. */
  readonly inPath: boolean;
}

/** The values at a dotted path, each with its pointer; a list on the way stands for each of its entries. */
function* valuesAt(
  value: unknown,
  path: readonly string[],
  pointer: string,
): Generator<{ pointer: string; value: unknown }> {
  if (Array.isArray(value)) {
    for (const [at, entry] of value.entries()) yield* valuesAt(entry, path, `${pointer}/${at}`);
    return;
  }
  const [step, ...rest] = path;
  if (step === undefined) yield { pointer, value };
  else if (typeof value === 'object' && value !== null)
    yield* valuesAt((value as Fields)[step], rest, `${pointer}/${step}`);
}

export function referencesOf(resource: Resource, record: Fields): Reference[] {
  const { parent } = resource;
  // The path comes first: where its record does not exist, nothing is said about the body.
  const declared = { ...(parent && { [parent.field]: parent.path }), ...resource.references };
  return Object.entries(declared).flatMap(([path, types]) =>
    [...valuesAt(record, path.split('.'), '')].flatMap(({ pointer, value }) =>
      typeof value === 'string'
        ? [{ pointer, id: value, types: [types].flat() as string[], inPath: path === parent?.field }]
        : [],
    ),
  );
}

/** The references that a change brings: one for each id that the record did not name before. */
export function newReferences(resource: Resource, before: Fields | undefined, after: Fields): Reference[] {
  const known = new Set(before ? referencesOf(resource, before).map(({ id, types }) => `${id} ${types}`) : []);
  return referencesOf(resource, after).filter((reference) => {
    const name = `${reference.id} ${reference.types}`;
    return !known.has(name) && known.add(name);
  });
}

/** Up to this many references are checked inside the transaction, which saves a round trip; more are read first. */
const IN_TRANSACTION = 8;

/** The refusal for an id that names no record of these types; the same whether another municipality has it or nobody. */
export function unknownReference(pointer: string, types: readonly string[]): Problem {
  const detail = `This id names no ${types.join(' or ')} record of this municipality.`;
  return new Problem('unknown_reference', detail, [{ pointer, code: 'unknown_reference', detail }]);
}

const refusal = ({ pointer, types, inPath }: Reference): Problem =>
  inPath ? nothingHere() : unknownReference(pointer, types);

/**
 * Makes sure that each reference of record `self` names an existing record of the right type in this municipality, which
 * the client may see.
 * Reading them before the transaction is safe, because what others refer to is never removed; it is done where they are
 * many, where one row would get two operations in the transaction, which DynamoDB refuses, and for a client that sees only
 * its own rows: its reads leave out what it may not see.
 */
export async function referenceChecks(
  ctx: Context,
  references: readonly Reference[],
  self: string,
): Promise<{ write: Write; refusal: () => Error }[]> {
  const rowsApart = new Set([self, ...references.map(({ id }) => id)]).size === references.length + 1;
  if (rowsApart && references.length <= IN_TRANSACTION && ctx.rows === 'all') {
    return references.map((reference) => ({
      write: {
        kind: 'check',
        key: recordKey(reference.id),
        condition: {
          expression: `#type IN (${reference.types.map((_, at) => `:type${at}`).join(', ')}) AND attribute_not_exists(#deleted)`,
          values: Object.fromEntries(reference.types.map((type, at) => [`type${at}`, type])),
        },
      },
      refusal: () => refusal(reference),
    }));
  }
  const rows = await ctx.table.getMany([...new Set(references.map(({ id }) => id))].map(recordKey));
  const types = new Map(
    rows.filter((row) => row['deleted'] !== true).map((row) => [(row['view'] as Fields)['id'], row['type']]),
  );
  for (const reference of references) {
    if (!reference.types.includes(String(types.get(reference.id)))) throw refusal(reference);
  }
  return [];
}
