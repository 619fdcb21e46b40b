import * as z from 'zod';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { type AnyRow, contentOf } from './content.ts';
import type { Livline } from './livline.ts';

/** Values that are seen nowhere else, one of which fits each kind of field that can say who somebody is. */
const WORDS = ['SLETMIG', 'sletmig@example.dk', '6101149998', '70699998'];
/** Those for sensitive fields, which are watched: they must be seen in clear nowhere at all. */
const SENSITIVE_WORDS = ['GEMTNAVN', 'gemt@example.dk', '6101149999', '70699999'];
const PLANTED = /sletmig|gemt(?:navn|@)|610114999[89]|7069999[89]/i;

/** Values that stand in a group for what has to be there besides. */
const NEEDED = ['2026-11-20T08:30:00.000Z', '2026-11-19', true, 3, 'daily', 'open', []];

const unwrapped = (field: z.ZodType): z.ZodType =>
  field instanceof z.ZodOptional || field instanceof z.ZodDefault ? unwrapped(field.unwrap() as z.ZodType) : field;

/** Returns a value of the field with something planted in it; undefined where the field has no place for that. */
export function plantedIn(field: z.ZodType, words: readonly string[]): unknown {
  const schema = unwrapped(field);
  if (schema instanceof z.ZodUnion)
    return schema.options.map((one) => plantedIn(one as z.ZodType, words)).find(Boolean);
  if (schema instanceof z.ZodArray) {
    const item = plantedIn(schema.element as z.ZodType, words);
    return item === undefined ? undefined : [item];
  }
  if (schema instanceof z.ZodObject) {
    const inside = Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, of]) => [
      name,
      plantedIn(of, words),
    ]);
    const planted = inside.filter(([, value]) => value !== undefined);
    if (planted.length === 0) return undefined;
    const others = Object.entries(schema.shape as Record<string, z.ZodType>)
      .filter(([name, of]) => !planted.some(([one]) => one === name) && !of.safeParse(undefined).success)
      .map(([name, of]) => [name, NEEDED.find((value) => of.safeParse(value).success)]);
    return Object.fromEntries([...planted, ...others]);
  }
  const takes = words.find((word) => schema.safeParse(word).success);
  return schema instanceof z.ZodEnum || schema.meta()?.personal !== true ? undefined : takes;
}

/**
 * Fields of a record with something planted in each that a person may be known by: so a resource that is new, and a field
 * that is, is in it.
 */
export function plantedFields(resource: Resource): Fields {
  const all = Object.entries(resource.fields() as Record<string, z.ZodType>).map(([name, field]) => {
    const isSensitive = schemasOf(resource).sensitivity[name] !== undefined;
    const value = plantedIn(field, isSensitive ? SENSITIVE_WORDS : WORDS);
    if (isSensitive && value === undefined) throw new Error(`Nothing was planted in ${resource.path}.${name}`);
    return [name, value] as const;
  });
  const planted = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  const common = {
    externalId: `sletmig-${resource.path}`,
    caseRefs: [{ system: 'DUBU', caseNumber: `SLETMIG-${resource.path}` }],
  };
  return { ...planted, ...common, ...(resource.machine && { statusReason: 'GEMTNAVN' }) };
}

/** Whether anything in a row says what was planted. */
const isPlanted = (value: unknown): boolean => PLANTED.test(JSON.stringify(value));

const JWE = /eyJ[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+/g;

/** The records, by id, that some row of the table has a sealed field of. */
const sealedIn = (row: AnyRow): string[] =>
  // An empty list has two bytes.
  (JSON.stringify(row).match(JWE) ?? [])
    .filter((text) => Buffer.from(text.split('.')[3] ?? '', 'base64url').length > 2)
    .map((text) => JSON.parse(Buffer.from(text.slice(0, text.indexOf('.')), 'base64url').toString()).rec);

/** Those of the rows that still say who somebody was: in clear, in a key, or in a sealed field of one of the records. */
export function remainderIn(rows: readonly AnyRow[], code: string, ids: readonly string[]): string[] {
  const ours = rows.filter(({ pk }) => String(pk).startsWith(`T#${code}#`));
  // The key of an archive stays for as long as the archive, and says nothing of the person.
  const isArchiveKey = ({ type, sk }: AnyRow) => type === 'person-key' && sk === 'ARCHIVE';
  const left = ours.filter(
    (row) => isPlanted(row) || (!isArchiveKey(row) && sealedIn(row).some((id) => ids.includes(id))),
  );
  return left.map(({ pk, sk, type, objectId, answer }) => `${type} ${pk} ${sk} ${objectId ?? answer?.href ?? ''}`);
}

/** The rows of the whole table that still say who somebody was. */
export const remainderOf = async ({ store }: Livline, code: string, ids: readonly string[]): Promise<string[]> =>
  remainderIn(await contentOf(store), code, ids);
