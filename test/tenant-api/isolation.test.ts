import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { reference } from '#shared/record/fields.ts';
import { listParameters } from '#shared/record/lists.ts';
import { operationsOf } from '#shared/record/operations.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { MAKERS } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance, writesIn } from '#test/support/problems.ts';

/**
 * Every route and every place in which an id can stand, with the id of another municipality: the answer is the one that
 * an id gets which does not exist. The cases follow from the resources, so a new one is in here, or fails for want of a maker.
 */
let livline: Livline;
let here: Caller;
let there: Caller;
const made = { here: new Map<string, Reply['body']>(), there: new Map<string, Reply['body']>() };

const resources = [...RESOURCES, webhookEndpoints({ allowLocal: false })];
const BASE = '/v1/municipalities/{code}';

beforeAll(async () => {
  livline = await startLivline();
  [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
  for (const { path } of resources) {
    const make = MAKERS[path];
    if (!make) throw new Error(`test/support/examples.ts has no maker of ${path}`);
    made.here.set(path, await make(here));
    made.there.set(path, await make(there, path === 'webhook-endpoints' ? {} : { externalId: 'X-1' }));
  }
});

/** The operation's path with the ids of records of the other municipality, or with ids that nobody has. */
function pathWith(template: string, resource: (typeof resources)[number], foreign: boolean): string {
  const idOf = (type: string): string => (foreign ? made.there.get(type)?.id : randomUUID());
  const parent = resource.parent && (foreign ? made.there.get(resource.path)[resource.parent.field] : randomUUID());
  return template
    .replace(BASE, '')
    .replace('{parentId}', String(parent))
    .replace('{id}', idOf(resource.path))
    .replace('{source}', 'municipal')
    .replace('{externalId}', foreign ? 'X-1' : randomUUID());
}

const routes = resources.flatMap((resource) =>
  operationsOf(resource)
    .filter(({ path }) => path.replace(BASE, '').includes('{'))
    .map((operation) => ({ name: `${operation.method} ${operation.path.replace(BASE, '')}`, operation, resource })),
);

describe('an id of another municipality in the path of', () => {
  it.each(routes)('$name is answered as one that does not exist', async ({ operation, resource }) => {
    const { method, path, example, manner } = operation;
    const body = example ?? (operation.body && {});
    const ask = (foreign: boolean) =>
      here.send(method, pathWith(path, resource, foreign), {
        ...(body !== undefined && { body }),
        headers: manner === 'change' ? { 'if-match': '"1"' } : {},
      });
    const [foreign, unknown] = [await ask(true), await ask(false)];
    // An external id is the caller's own word: putting one that is free creates, or fails for what its body names.
    if (method === 'PUT' && !resource.parent) expect(foreign.status).toBe(unknown.status);
    else {
      expectProblem(foreign, 404, 'not_found');
      expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
    }
  });
});

const PATTERN = z.toJSONSchema(reference('An id.')).pattern;
/** Children are no records yet, so a family's approval can name one by any id. */
const UNCHECKED = ['approval.childId'];

/** The places in a JSON schema at which the id of a record stands. */
function placesOf(schema: z.core.JSONSchema.BaseSchema, place: readonly string[] = []): string[] {
  if (schema.pattern === PATTERN) return [place.join('.')];
  const items = schema.items as z.core.JSONSchema.BaseSchema | undefined;
  const inside = Object.entries(schema.properties ?? {}) as [string, z.core.JSONSchema.BaseSchema][];
  return [
    ...inside.flatMap(([name, property]) => placesOf(property, [...place, name])),
    ...(items ? placesOf(items, place) : []),
  ];
}

describe('a body of', () => {
  const referring = resources.map((resource) => ({ ...resource, references: resource.references ?? {} }));

  it.each(referring)('$path has no id that is not looked up', (resource) => {
    const schema = z.toJSONSchema(schemasOf(resource).create, { io: 'input', unrepresentable: 'any' });
    const places = placesOf(schema).filter((place) => !UNCHECKED.includes(place));
    expect(places.sort()).toEqual(Object.keys(resource.references).sort());
  });

  const places = referring.flatMap(({ path, references }) =>
    Object.entries(references).map(([place, types]) => ({ path, place, type: [types].flat()[0] as string })),
  );
  it.each(places)(
    '$path with an id of another municipality in $place is refused like one that does not exist',
    async ({ path, place, type }) => {
      const { id, version } = made.here.get(path);
      const [name = '', inner] = place.split('.');
      const change = (to: string) => {
        const value = inner === undefined ? to : { [inner]: to, present: true };
        return { [name]: inner !== undefined || name.endsWith('Ids') ? [value] : value };
      };
      const ask = (to: string) => here.patch(`/${path}/${id}`, change(to), version);
      const [foreign, unknown] = [await ask(made.there.get(type).id), await ask(randomUUID())];
      expect(foreign.status).toBe(422);
      expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
      expect((await here.get(`/${path}/${id}`)).body.version).toBe(version);
    },
  );
});

describe.each(resources)('a list of $path', (resource) => {
  const list = (municipality: 'here' | 'there') => {
    const parent = resource.parent && made[municipality].get(resource.path)[resource.parent.field];
    return parent ? `/${resource.parent?.path}/${parent}/${resource.path}` : `/${resource.path}`;
  };

  it('shows what is here and nothing from there', async () => {
    const { items } = (await here.get(list('here'))).body;
    expect(items.length).toBeGreaterThan(0);
    for (const { municipality } of items) expect(municipality).toBe(here.code);
  });

  it('does not open with a cursor from there', async () => {
    await MAKERS[resource.path]?.(there, sibling(resource.path, made.there.get(resource.path)));
    const { nextCursor } = (await there.get(list('there'), { limit: '1' })).body;
    expect(nextCursor).toBeTypeOf('string');
    expectProblem(await here.get(list('here'), { cursor: nextCursor }), 422, 'invalid_cursor');
  });

  it('filtered by an id from there is empty', async () => {
    for (const name of Object.keys(listParameters(resource)).filter((parameter) => parameter.endsWith('Id'))) {
      const foreign = made.there.get(resource.path)[name] ?? made.there.get('families').id;
      expect((await here.get(list('here'), { [name]: foreign })).body).toEqual({ items: [] });
    }
  });
});

/** What another record of the kind needs to stand in the same list as the first. */
function sibling(path: string, first: Reply['body']): Readonly<Record<string, unknown>> {
  if (path === 'themes') return { quarter: 3 };
  if (path === 'staff') return { institutionId: first.institutionId };
  return {};
}

describe('whatever is asked from here', () => {
  it('leaves every record there as it was, and reads no row of theirs', async () => {
    const requests = await livline.requestsOf(async () => {
      for (const { operation, resource } of routes) {
        await here.send(operation.method, pathWith(operation.path, resource, true), {
          body: {},
          headers: { 'if-match': '"1"' },
        });
      }
    });
    expect(JSON.stringify(requests)).not.toContain(`"T#${there.code}#`);
    expect(writesIn(requests).filter(({ input }) => !JSON.stringify(input).includes(`T#${here.code}#`))).toEqual([]);
    for (const { path, parent } of RESOURCES) {
      const before = made.there.get(path);
      const at = parent ? `/${parent.path}/${before[parent.field]}/${path}` : `/${path}`;
      expect((await there.get(`${at}/${before.id}`)).body).toMatchObject(before);
    }
  });
});
