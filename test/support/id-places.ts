import type { Context } from '#shared/auth/context.ts';
import type { Operation } from '#shared/operation.ts';
import { collectionOf, parentFields } from '#shared/record/place.ts';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { makeGroup } from './examples.ts';
import type { Caller } from './livline.ts';

/** Every place in which an id can stand in a request: in the paths of operations and in the bodies of resources. */
export const BASE = '/v1/municipalities/{code}';

/** A caller whose requests to create one of these are seen by `meet` before they are sent. */
export const meeting = (
  resource: Resource,
  by: Caller,
  meet: (path: string, body: Fields) => Promise<void> | void,
): Caller => {
  const collection = new RegExp(`^/${collectionOf(resource).replaceAll(/\{\w+\}/g, '[^/]+')}$`);
  return {
    ...by,
    post: async (path, body, headers) => {
      if (collection.test(path)) await meet(path, body as Fields);
      return by.post(path, body, headers);
    },
  };
};

/** Where the ids of a path come from, and the fields that hold those of what the record is nested under. */
export interface Collection {
  readonly type: string;
  readonly path: string;
  readonly parents: readonly string[];
}

/** Where the ids in paths come from: the resources, and the operator's programmes in which a municipality takes part. */
const collectionsOf = (resources: readonly Resource[]): Collection[] => [
  ...resources.map((resource) => ({
    type: resource.path,
    path: `${BASE}/${collectionOf(resource)}/`,
    parents: parentFields(resource),
  })),
  { type: 'programmes', path: `${BASE}/programmes/`, parents: [] },
  { type: 'grants', path: `${BASE}/grants/`, parents: [] },
  { type: 'children', path: `${BASE}/subjects/`, parents: [] },
];
/** The collection whose records a path is about. */
export function collectionIn(resources: readonly Resource[], path: string): Collection {
  const [found] = collectionsOf(resources)
    .filter((each) => `${path}/`.startsWith(each.path))
    .sort((a, b) => b.path.length - a.path.length);
  if (!found) throw new Error(`It is not known what the ids in ${path} name`);
  return found;
}

export const inPath = (path: string): string[] =>
  [...path.replace(BASE, '').matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

/** An operation's path, its ids taken from where they say. */
export function pathWith(
  path: string,
  { parents }: Collection,
  idOf: (field: string, parameter: string) => string,
): string {
  const fields: Readonly<Record<string, string | undefined>> = {
    parentId: parents[0],
    partId: parents[1],
    id: 'id',
    externalId: 'externalId',
    deliveryId: 'deliveryId',
    clientId: 'clientId',
  };
  return path.replace(BASE, '').replaceAll(/\{(\w+)\}/g, (_, parameter: string) => {
    if (parameter === 'source') return 'municipal';
    const field = fields[parameter];
    if (field === undefined) throw new Error(`It is not known what {${parameter}} in ${path} names`);
    return idOf(field, parameter);
  });
}

/** A route with an id in its path. */
export interface Route {
  readonly name: string;
  readonly operation: Operation<Context>;
  readonly collection: Collection;
}

/** The routes of these operations that have an id in their path. */
export const routesOf = (resources: readonly Resource[], operations: readonly Operation<Context>[]): Route[] =>
  operations
    .filter(({ path }) => inPath(path).length > 0)
    .map((operation) => ({
      name: `${operation.method} ${operation.path.replace(BASE, '')}`,
      operation,
      collection: collectionIn(resources, operation.path),
    }));

/** Each of the ids in a path alone, and all of them. */
export const chosenIn = (path: string): ((parameter: string) => boolean)[] => {
  const ids = inPath(path).filter((name) => name !== 'source');
  return [() => true, ...(ids.length > 1 ? ids.map((id) => (parameter: string) => parameter === id) : [])];
};

/** A value with another one at a place in it; a list on the way has it in its first entry. */
function withAt(value: unknown, [step, ...rest]: readonly string[], placed: string): unknown {
  if (Array.isArray(value)) {
    const [first, ...others] = value;
    return [withAt(first, step === undefined ? [] : [step, ...rest], placed), ...others];
  }
  if (step === undefined) return placed;
  return { ...(value as Fields), [step]: withAt((value as Fields | undefined)?.[step], rest, placed) };
}

/** What a maker is told so that the place is there. */
export const shapesFor = (by: Caller, familyId: string): Readonly<Record<string, () => Fields | Promise<Fields>>> => ({
  'courses attendance.familyId': () => ({
    status: 'held',
    attendance: [{ familyId: familyId, hours: 6 }],
  }),
  'supervision-sessions groupId': async () => ({ groupId: (await makeGroup(by)).id }),
});
/** Places whose id is refused as one that is no member, before it is looked up. */
export const MEMBERS = ['supervision-sessions attendance.familyId'];

/** The resources that name others, each with the places and the types that may be named there. */
export const namingOf = (resources: readonly Resource[]) =>
  resources
    .map((resource) => ({
      resource,
      path: resource.path,
      places: Object.entries({
        ...resource.references,
        ...(resource.path === 'rounds' && { programmeId: 'programmes' }),
      }).flatMap(([place, types]) => [types].flat().map((type) => ({ place, type: type as string }))),
    }))
    .filter(({ places }) => places.length > 0);

/** A body with an id in a place, and beside it the type that the id is of. */
export function bodyNaming(
  resources: readonly Resource[],
  { example }: Resource,
  body: Fields,
  { place, type, id }: { place: string; type: string; id: string },
): Fields {
  const steps = place.split('.');
  const [top = ''] = steps;
  const filled = { ...body, [top]: body[top] ?? example[top] };
  const kind = resources.find((each) => each.path === type)?.name as string;
  const typed = steps.at(-1) === 'id' ? withAt(filled, [...steps.slice(0, -1), 'type'], kind) : filled;
  return withAt(typed, steps, id) as Fields;
}
