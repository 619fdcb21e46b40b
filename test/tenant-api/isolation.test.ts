import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Context } from '#shared/auth/context.ts';
import type { Operation } from '#shared/operation.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import { reference } from '#shared/record/fields.ts';
import { parentFields } from '#shared/record/place.ts';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES, recordOperations } from '#shared/resources/registry.ts';
import { grantOperations } from '#shared/tenancy/grant-operations.ts';
import { connections } from '#shared/webhooks/connections.ts';
import { webhookEndpoints } from '#shared/webhooks/endpoints.ts';
import { inboxMessages } from '#shared/webhooks/inbox-messages.ts';
import { webhookOperations } from '#shared/webhooks/operations.ts';
import {
  BASE,
  bodyNaming,
  chosenIn,
  collectionIn,
  inPath,
  MEMBERS,
  meeting,
  namingOf,
  pathWith,
  routesOf,
  shapesFor,
} from '#test/support/id-places.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance, writesIn } from '#test/support/problems.ts';
import { collectionAt, makeOf, pathOf } from '#test/support/records.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

/**
 * Every route and every place in which an id can stand, with the id of another municipality: the answer is the one that
 * an id gets which does not exist. The cases follow from the resources, so a new one is in here, or fails for want of a maker.
 */
let livline: Livline;
let here: Caller;
let there: Caller;
type Made = Reply['body'];
const made = { here: new Map<string, Made>(), there: new Map<string, Made>() };
/** The body with which the record here was made. */
const sent = new Map<string, Fields>();

const resources: Resource[] = [...RESOURCES, webhookEndpoints({ allowLocal: false }), connections, inboxMessages];
const operations: Operation<Context>[] = [
  ...recordOperations(),
  ...webhookOperations(WEBHOOKS_UNUSED),
  ...privacyOperations(),
  ...grantOperations(
    async () => new Map(),
    async () => undefined,
  ),
];
const CASE = '27.03.00-G01-12-26';

beforeAll(async () => {
  livline = await startLivline();
  [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
  for (const resource of resources) {
    const { path } = resource;
    const ofRecord = RESOURCES.includes(resource);
    const fields = ofRecord ? { caseRefs: [{ system: 'DUBU', caseNumber: CASE }] } : {};
    const recorded = meeting(resource, here, (_, body) => {
      sent.set(path, body);
    });
    made.here.set(path, await makeOf(path, recorded, fields));
    made.there.set(path, await makeOf(path, there, ofRecord ? { ...fields, externalId: 'X-1' } : {}));
  }
  await livline.relay();
  for (const [by, side] of [
    [here, made.here],
    [there, made.there],
  ] as const) {
    // What is on its way to the endpoint stands below it.
    const endpoint = side.get('webhook-endpoints');
    await makeOf('families', by, {});
    await livline.relay();
    const [delivery] = (await by.get(`/webhook-endpoints/${endpoint.id}/deliveries`)).body.items;
    side.set('webhook-endpoints', { ...endpoint, deliveryId: delivery.id });
  }
  for (const [by, side] of [
    [here, made.here],
    [there, made.there],
  ] as const) {
    // A client of the municipality's own, beside the one that asks.
    const body = { name: 'DUBU', preset: 'integration' };
    const { clientId } = (await by.post('/clients', body)).body.client;
    side.set('grants', { id: clientId, clientId });
  }
  for (const side of [made.here, made.there]) side.set('programmes', { id: side.get('rounds').programmeId });
});

const routes = routesOf(resources, operations);
const naming = namingOf(resources);

describe('an id of another municipality in the path of', () => {
  it.each(routes)('$name is answered as one that does not exist', async ({ operation, collection }) => {
    const { method, path, example, manner } = operation;
    const { type, parents } = collection;
    const own = made.here.get(type);
    const nested = parents.length > 0;
    const creates = manner === 'create' || method === 'PUT';
    const body = (nested && creates ? sent.get(type) : example) ?? (operation.body && {});
    for (const chosen of chosenIn(path)) {
      const ask = (foreign: boolean) => {
        const idOf = (field: string): string => (foreign ? made.there.get(type)[field] : randomUUID());
        const at = pathWith(path, collection, (field, parameter) =>
          chosen(parameter) || own[field] === undefined ? idOf(field) : own[field],
        );
        return here.send(method, at, {
          ...(body !== undefined && { body }),
          headers: manner === 'change' ? { 'if-match': '"1"' } : {},
        });
      };
      const unknown = await ask(false);
      const foreign = await ask(true);
      // An external id is the caller's own word: putting one that is free creates, or fails for what its body names.
      if (path.includes('{externalId}') && method === 'PUT' && (!nested || !chosen('parentId')))
        expect(foreign.status).toBe(unknown.status);
      else {
        expectProblem(foreign, 404, 'not_found');
        expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
      }
    }
  });
});

const PATTERN = z.toJSONSchema(reference('An id.')).pattern;

/** Places of ids that are no records of the municipality, and what they are. */
const UNCHECKED: Readonly<Record<string, string>> = {
  'consultants fkOrgUuid': 'an id in FK Organisation',
  'inbox connectionId': 'the connection whose secret signed the message, which no caller names in a body',
  'inbox objectId': 'what the message says it is about, looked up when it is applied',
  'development-plans goals.id': 'an id inside the record itself, by which its own rules tell the goals apart',
  'inbox mentions': 'ids that the message itself names, known here or not: they only tell what to erase',
  'rounds programmeId': "an operator's programme, whose row in the municipality the rules read",
};

/** The places in a JSON schema at which an id stands. */
function placesOf(schema: z.core.JSONSchema.BaseSchema, place: readonly string[] = []): string[] {
  if (schema.pattern === PATTERN || schema.format === 'uuid') return [place.join('.')];
  const inside = Object.entries(schema.properties ?? {}) as [string, z.core.JSONSchema.BaseSchema][];
  const same = [schema.items, ...(schema.anyOf ?? [])] as (z.core.JSONSchema.BaseSchema | undefined)[];
  return [
    ...inside.flatMap(([name, property]) => placesOf(property, [...place, name])),
    ...same.flatMap((each) => (each ? placesOf(each, place) : [])),
  ];
}

/** The answers to a foreign id and to one that nobody has are the same refusal, which is given. */
async function refusedAlike(type: string, ask: (id: string) => Promise<Reply>): Promise<Reply> {
  const [foreign, unknown] = [await ask(made.there.get(type).id), await ask(randomUUID())];
  expect(foreign.status).toBe(422);
  expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
  return foreign;
}

describe('a body of', () => {
  it.each(resources)('$path has no id that is not looked up', (resource) => {
    const schema = z.toJSONSchema(schemasOf(resource).create, { io: 'input', unrepresentable: 'any' });
    const found = placesOf(schema).filter((place) => !UNCHECKED[`${resource.path} ${place}`]);
    expect(found.sort()).toEqual(Object.keys(resource.references ?? {}).sort());
  });

  it.each(naming)(
    '$path with an id of another municipality is refused like one that does not exist, wherever it stands',
    async ({ resource, path, places }) => {
      const shapeOf = ({ place }: { place: string }) =>
        shapesFor(here, made.here.get('families').id)[`${path} ${place}`];
      for (const shape of new Set(places.map(shapeOf))) {
        const those = places.filter((place) => shapeOf(place) === shape);
        let met = 0;
        // After its refusals the record is made with the ids that are known, so nothing else is wrong with the requests.
        const by = meeting(resource, here, async (at, body) => {
          for (const { place, type } of those) {
            const { body: problem } = await refusedAlike(type, (id) =>
              here.post(at, bodyNaming(resources, resource, body, { place, type, id })),
            );
            const code = MEMBERS.includes(`${path} ${place}`) ? 'validation_failed' : 'unknown_reference';
            const pointer = `/${place.replaceAll('.', '/')}`;
            const named = problem.errors[0].pointer.replaceAll(/\/0(?=\/|$)/g, '');
            expect({ type: problem.type, named }).toEqual({ type: `/problems/${code}`, named: pointer });
          }
          met += 1;
        });
        const record = await makeOf(path, by, await shape?.());
        expect(met).toBe(1);
        const at = pathOf(resource, record);
        for (const { place, type } of those) {
          const [top = ''] = place.split('.');
          await refusedAlike(type, (id) =>
            here.patch(
              at,
              { [top]: bodyNaming(resources, resource, record, { place, type, id })[top] },
              record.version,
            ),
          );
        }
        expect((await here.get(at)).body.version).toBe(record.version);
      }
    },
  );
});

/** What another record of the kind needs to stand in the same list as the first. */
function sibling(resource: Resource, first: Made): Fields {
  const parents = Object.fromEntries(parentFields(resource).map((field) => [field, first[field]]));
  if (resource.path === 'themes') return { quarter: 3 };
  if (resource.path === 'progress') return { ...parents, date: '2026-11-18' };
  return parents;
}

describe.each(resources)('a list of $path', (resource) => {
  const list = (municipality: 'here' | 'there') => collectionAt(resource, made[municipality].get(resource.path));

  it('shows what is here and nothing from there', async () => {
    const { items } = (await here.get(list('here'))).body;
    expect(items.length).toBeGreaterThan(0);
    for (const { municipality } of items) expect(municipality).toBe(here.code);
  });

  it('does not open with a cursor from there', async () => {
    await makeOf(resource.path, there, sibling(resource, made.there.get(resource.path)));
    const { nextCursor } = (await there.get(list('there'), { limit: '1' })).body;
    expect(nextCursor).toBeTypeOf('string');
    expectProblem(await here.get(list('here'), { cursor: nextCursor }), 422, 'invalid_cursor');
  });
});

/** What the questions ask for that need to be asked for something. */
const QUERIES: Readonly<Record<string, () => Readonly<Record<string, string>>>> = {
  'list-records-of-case': () => ({ caseNumber: CASE }),
  'list-access-log': () => ({ subject: made.there.get('families').id }),
};
const questions = operations.filter(({ method, path }) => method === 'GET' && !path.includes('{externalId}'));

/** The path of a question about what is here. */
function askedHere(path: string): string {
  if (inPath(path).length === 0) return path.replace(BASE, '');
  const collection = collectionIn(resources, path);
  return pathWith(path, collection, (field) => made.here.get(collection.type)[field]);
}

describe('the answer here to', () => {
  it.each(questions)('$id has nothing from there', async ({ id, path }) => {
    const { status, text } = await here.get(askedHere(path), QUERIES[id]?.());
    expect(status).toBe(200);
    expect(text).not.toContain(`"${there.code}"`);
    for (const record of made.there.values()) expect(text).not.toContain(record.id);
  });

  const filtered = questions.flatMap(({ id, path, query }) =>
    Object.keys(query?.() ?? {})
      .filter((name) => name.endsWith('Id'))
      .map((name) => ({ id, path, name })),
  );
  it.each(filtered)('$id by a $name from there is empty', async ({ path, name }) => {
    const foreign = [...made.there.values()].map((record) => record[name]).find((id) => id !== undefined);
    expect((await here.get(askedHere(path), { [name]: foreign ?? made.there.get('families').id })).body).toEqual({
      items: [],
    });
  });
});

/** The sensitive values by which records are looked up, each in the fields where its resource has it. */
const LOOKED_UP: Readonly<Record<string, Fields>> = {
  families: { adults: [{ name: 'Anne Prøve', cpr: '610177-2345', phone: '71615141' }] },
  children: { cpr: '610314-4325' },
};
const NUMBERS: Readonly<Record<string, (fields: Fields) => string>> = {
  phone: () => '71615141',
  cpr: (fields) => (fields['cpr'] as string | undefined) ?? '610177-2345',
};

describe('a look-up', () => {
  const lookups = resources.flatMap(({ path, lookups: names = {} }) =>
    Object.keys(names).map((name) => ({ path, name })),
  );

  it.each(lookups)('of $path by a $name from there finds nothing', async ({ path, name }) => {
    const fields = LOOKED_UP[path];
    const number = NUMBERS[name];
    if (!fields || !number) throw new Error(`It is not known how ${path} have a ${name}`);
    const record = await makeOf(path, there, fields);
    const find = async (by: Caller) => (await by.post(`/${path}/lookup`, { [name]: number(fields) })).body;
    expect((await find(there)).items.map(({ id }: { id: string }) => id)).toContain(record.id);
    expect(await find(here)).toEqual({ items: [] });
  });
});

describe('whatever is asked from here', () => {
  it('leaves every record there as it was, and reads no row of theirs', async () => {
    const requests = await livline.requestsOf(async () => {
      for (const { operation, collection } of routes) {
        const foreign = made.there.get(collection.type);
        const at = pathWith(operation.path, collection, (field) => foreign[field]);
        await here.send(operation.method, at, { body: {}, headers: { 'if-match': '"1"' } });
      }
    });
    expect(JSON.stringify(requests)).not.toContain(`"T#${there.code}#`);
    expect(writesIn(requests).filter(({ input }) => !JSON.stringify(input).includes(`T#${here.code}#`))).toEqual([]);
    for (const resource of RESOURCES) {
      const before = made.there.get(resource.path);
      expect((await there.get(pathOf(resource, before))).body).toMatchObject(before);
    }
  });
});
