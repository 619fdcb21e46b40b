import * as z from 'zod';
import type { Context } from '../auth/context.ts';
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
  consultant: 'consultants',
  'staff-member': 'staff',
} as const;

/** The persons and households of the record, whose data it is. */
export const DATA_SUBJECTS = ['family', 'child', 'consultant', 'staff-member'] as const;

export type SubjectType = keyof typeof SUBJECTS;

/** A subject as another record names it. */
interface Named {
  readonly type: SubjectType;
  readonly id: string;
}

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

/** Whom a record is about, as far as it says. */
export interface Concerned {
  readonly familyId?: string;
  readonly childId?: string;
}

/**
 * The family and the child that a subject is about: itself, or those it names. Throws 422 `unknown_reference` at the
 * pointer for a record of another type. An id of no record is left to the check of references.
 */
export async function concernedBy(ctx: Context, pointer: string, named: Named): Promise<Concerned> {
  const { type, id } = named;
  const found = await requireSubject(ctx, pointer, named);
  if (!found) return {};
  const { familyId, childId } = {
    ...found,
    ...(type === 'family' && { familyId: id }),
    ...(type === 'child' && { childId: id }),
  };
  return {
    ...(typeof familyId === 'string' && { familyId }),
    ...(typeof childId === 'string' && { childId }),
  };
}

/** The family that a subject is about, as {@link concernedBy} finds it. */
export const familyOf = async (ctx: Context, pointer: string, named: Named): Promise<string | undefined> =>
  (await concernedBy(ctx, pointer, named)).familyId;

/**
 * The record that is named as a subject; undefined where its id names none, which the check of references refuses. Throws
 * 422 `unknown_reference` at the pointer for a record of another type.
 */
export async function requireSubject(ctx: Context, pointer: string, { type, id }: Named): Promise<Fields | undefined> {
  const row = await ctx.table.get(recordKey(id));
  if (!row || row['deleted'] === true) return undefined;
  if (row['type'] !== SUBJECTS[type]) throw unknownReference(pointer, [SUBJECTS[type]]);
  return row['view'] as Fields;
}
