import { collectionOf, parentFields } from '#shared/record/place.ts';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { MAKERS } from './examples.ts';
import type { Caller, Reply } from './livline.ts';

/** Makes a record of any resource. Fails for a resource that has no maker. */
export function makeOf(path: string, by: Caller, fields: Fields = {}): Promise<Reply['body']> {
  const make = MAKERS[path];
  if (!make) throw new Error(`test/support/examples.ts has no maker of ${path}`);
  return make(by, fields);
}

/** Path of the collection in which a record stands, below its municipality. */
export function collectionAt(resource: Resource, record: Fields): string {
  const [parent, part] = parentFields(resource).map((field) => String(record[field]));
  return `/${collectionOf(resource)
    .replace('{parentId}', parent ?? '')
    .replace('{partId}', part ?? '')}`;
}

/** Path of a record, below its municipality. */
export const pathOf = (resource: Resource, record: Fields): string =>
  `${collectionAt(resource, record)}/${String(record['id'])}`;
