import * as z from 'zod';
import type { Context } from '../context.ts';
import { group, reference } from '../record/fields.ts';
import { unknownReference } from '../record/references.ts';
import type { Fields } from '../record/resource.ts';
import { recordKey } from '../table/keys.ts';

/** What a record can be about, by the name that events call it, and the collection it stands in. */
export const SUBJECTS = {
  family: 'families',
  child: 'children',
  placement: 'placements',
  visit: 'visits',
  call: 'calls',
  contact: 'contacts',
  inquiry: 'inquiries',
  'supervision-session': 'supervision-sessions',
  affiliation: 'affiliations',
  'development-plan': 'development-plans',
  'risk-flag': 'risk-flags',
  'concern-report': 'concern-reports',
} as const;

type SubjectType = keyof typeof SUBJECTS;

/**
 * The record that another one is about, where that may be of several types. The collection's name (`calls`) is taken for
 * the type (`call`) too, and the type is kept.
 */
export const subject = <const Type extends SubjectType>(description: string, types: readonly Type[]) =>
  group(description, {
    type: z
      .preprocess((value) => types.find((type) => SUBJECTS[type] === value) ?? value, z.enum(types))
      .describe("Its type (objekttype), as `objectType` in events; the collection's name is taken too."),
    id: reference('Its id (id).'),
  });

/** The collections of subject types: what the kit's own check of `<field>.id` goes by. */
export const collectionsOf = (types: readonly SubjectType[]): string[] => types.map((type) => SUBJECTS[type]);

/**
 * The family that a subject is about: itself, or the one it names; undefined where it names none. Throws 422
 * `unknown_reference` at the pointer for a record of another type. An id of no record is left to the check of references.
 */
export async function familyOf(
  ctx: Context,
  pointer: string,
  { type, id }: { readonly type: SubjectType; readonly id: string },
): Promise<string | undefined> {
  const row = await ctx.table.get(recordKey(id));
  if (!row) return undefined;
  if (row['type'] !== SUBJECTS[type]) throw unknownReference(pointer, [SUBJECTS[type]]);
  if (type === 'family') return id;
  const { familyId } = row['view'] as Fields;
  return typeof familyId === 'string' ? familyId : undefined;
}
