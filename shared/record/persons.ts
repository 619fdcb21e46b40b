import { referencesOf } from './references.ts';
import type { Fields, Resource } from './resource.ts';

/** The collections of the persons and households that other records name. */
const PERSONS = ['families', 'children'];

/** Returns the ids that a record stands under: its timeline's owner, and what its fields for a person say. */
function ownersOf(resource: Resource, record: Fields): unknown[] {
  return [
    resource.about?.(record as never),
    record['familyId'],
    record['childId'],
    record['staffId'],
    (record['subject'] as Fields | undefined)?.['id'],
  ];
}

/** Returns whether a record is about a person, rather than that the person takes part in it with others. */
export const isAbout = (resource: Resource, record: Fields, id: string): boolean =>
  ownersOf(resource, record).includes(id);

/**
 * Returns the ids of the persons and households that a record concerns: itself where it is a person's own, whom it is
 * about, and the families and children that it names. An id of another record among them harms nobody.
 */
export function personsIn(resource: Resource, record: Fields): string[] {
  const named = referencesOf(resource, record).filter(({ types }) => types.some((type) => PERSONS.includes(type)));
  const ids = [resource.person && record['id'], ...ownersOf(resource, record), ...named.map(({ id }) => id)];
  return [...new Set(ids)].filter((id) => typeof id === 'string');
}
