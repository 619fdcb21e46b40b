import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '#shared/auth/context.ts';
import { ADMIN_SCOPES, TENANT_SCOPES, type TenantScope } from '#shared/auth/scopes.ts';
import type { Operation } from '#shared/operation.ts';
import { archiveOperations } from '#shared/privacy/archive-operations.ts';
import { privacyOperations } from '#shared/privacy/operations.ts';
import type { Fields, Resource } from '#shared/record/resource.ts';
import { RESOURCES, recordOperations } from '#shared/resources/registry.ts';
import { type AccessDeps, accessOperations } from '#shared/tenancy/access-operations.ts';
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
import { type Caller, type Livline, OPERATOR, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';
import { collectionAt, makeOf, pathOf } from '#test/support/records.ts';
import { WEBHOOKS_UNUSED } from '#test/support/unused.ts';

/**
 * Every operation of a municipality under each kind of principal and each state of its grant. What is expected follows from
 * what the operation declares, so an operation that is added is in here.
 */
let livline: Livline;
let municipality: Caller;
let ownRows: Caller;

/** Access operations as they are declared; none of them is run from here. */
const DECLARED = { store: { tableName: '', client: {} } } as unknown as AccessDeps;
const operations: Operation<Context>[] = [
  ...recordOperations(),
  ...webhookOperations(WEBHOOKS_UNUSED),
  ...privacyOperations(),
  ...accessOperations(DECLARED),
  ...archiveOperations({ buckets: () => ({}) as never }),
];
const resources: Resource[] = [...RESOURCES, webhookEndpoints({ allowLocal: false }), connections, inboxMessages];

/** What concerns every row, and so goes with no grant of own rows. */
const isOfAllRows = (scope: string): boolean => /^(audit|grants|privacy):/.test(scope);
/** What a municipality keeps for its own clients. */
const isKept = (scope: string): boolean => scope === 'grants:write';
const scopesOf = ({ scope, also = [] }: Operation<Context>): string[] => [scope, ...also];

interface Principal {
  readonly name: string;
  readonly by: Caller;
  readonly organisation: string;
  /** The scopes that it holds; undefined where it is not let into the municipality at all. */
  readonly scopes: readonly TenantScope[] | undefined;
}
let principals: readonly Principal[];

beforeAll(async () => {
  livline = await startLivline();
  municipality = await livline.freshMunicipality();
  const { code } = municipality;
  const partnerScopes = TENANT_SCOPES.filter((scope) => !isKept(scope));
  const ownScopes = partnerScopes.filter((scope) => !isOfAllRows(scope));
  const partner = async (id: string, scopes: readonly TenantScope[], rows: 'all' | 'own') =>
    (await livline.freshPartner(id, [code], scopes, rows))(code);
  const allRows = await partner('alle', partnerScopes, 'all');
  ownRows = await partner('egne', ownScopes, 'own');
  const revokedClient = await partner('spaerret', partnerScopes, 'all');
  const revokedGrant = await partner('tilbagekaldt', partnerScopes, 'all');
  for (const one of [revokedClient, revokedGrant]) expect((await one.get('/families')).status).toBe(200);
  await livline.operator('DELETE', `/clients/${revokedClient.clientId}`);
  await municipality.send('DELETE', `/grants/${revokedGrant.clientId}`);
  // A grant is looked at again within a minute.
  livline.advance(61);
  const operator = livline.caller(code, OPERATOR, [...ADMIN_SCOPES, ...TENANT_SCOPES]);
  principals = [
    { name: "the municipality's own client", by: municipality, organisation: 'municipal', scopes: TENANT_SCOPES },
    { name: 'a partner with all rows', by: allRows, organisation: 'alle', scopes: partnerScopes },
    { name: 'a partner with its own rows', by: ownRows, organisation: 'egne', scopes: ownScopes },
    { name: 'a client whose token has no scope', by: municipality.withScopes(), organisation: 'municipal', scopes: [] },
    { name: 'an operator', by: operator, organisation: 'livline', scopes: undefined },
    { name: 'a client that was revoked', by: revokedClient, organisation: 'spaerret', scopes: undefined },
    { name: 'a client whose grant was revoked', by: revokedGrant, organisation: 'tilbagekaldt', scopes: undefined },
  ];
});

const UNKNOWN = '01930000-0000-7000-8000-0000000000ff';
/** The path of an operation with ids that name nothing. */
const unknownPath = ({ path }: Operation<Context>, organisation: string): string =>
  path
    .replace(BASE, '')
    .replaceAll('{source}', organisation)
    .replaceAll(/\{\w+\}/g, UNKNOWN);

describe.each(operations)('$id', (operation) => {
  it('lets in the principals whose live grant has its scopes, and no other', async () => {
    for (const { name, by, organisation, scopes } of principals) {
      const reply = await by.send(operation.method, unknownPath(operation, organisation), { body: {} });
      const { status, body } = reply;
      if (scopes === undefined) {
        expect({ name, status, detail: body?.detail }).toEqual({
          name,
          status: 404,
          detail: expect.stringContaining('There is no municipality'),
        });
      } else if (scopesOf(operation).every((scope) => scopes.includes(scope as TenantScope))) {
        expect({ name, status, detail: body?.detail }).not.toMatchObject({ status: expect.toBeOneOf([401, 403]) });
        expect(String(body?.detail)).not.toContain('There is no municipality');
      } else expect({ name, status, type: body.type }).toEqual({ name, status: 403, type: '/problems/forbidden' });
    }
  });
});

type Made = Reply['body'];

/** The resources that a client with own rows may have to do with; a message that came in it cannot make. */
const seenByOwn = resources.filter(
  ({ path, scopes }) => path !== inboxMessages.path && !isOfAllRows(scopes.read) && !isOfAllRows(scopes.write),
);
const isReferenceData = (type: string): boolean =>
  type === 'programmes' || resources.some(({ path, referenceData }) => path === type && referenceData === true);
const openToOwn = operations.filter(
  (operation) => operation.tag !== inboxMessages.path && !scopesOf(operation).some(isOfAllRows),
);

describe('a client that sees its own rows', () => {
  const mine = new Map<string, Made>();
  const theirs = new Map<string, Made>();
  const sent = new Map<string, Fields>();

  beforeAll(async () => {
    for (const resource of seenByOwn) {
      const { path } = resource;
      const external = RESOURCES.includes(resource) ? { externalId: 'X-1' } : {};
      const recorded = meeting(resource, ownRows, (_, body) => {
        sent.set(path, body);
      });
      mine.set(path, await makeOf(path, recorded, {}));
      theirs.set(path, await makeOf(path, municipality, { ...external, ...(path === 'themes' && { quarter: 3 }) }));
    }
    await livline.relay();
    for (const [by, made] of [
      [ownRows, mine],
      [municipality, theirs],
    ] as const) {
      const endpoint = made.get('webhook-endpoints');
      await makeOf('families', by, {});
      await livline.relay();
      const [delivery] = (await by.get(`/webhook-endpoints/${endpoint.id}/deliveries`)).body.items;
      made.set('webhook-endpoints', { ...endpoint, deliveryId: delivery.id });
      made.set('programmes', { id: made.get('rounds').programmeId });
    }
  });

  const routes = routesOf(resources, openToOwn);
  const parentOf = (type: string) => resources.find(({ path }) => path === type)?.parent?.path;
  const toForeign = routes.filter(({ collection: { type } }) => !isReferenceData(type));

  it.each(toForeign)(
    "is answered at $name with the municipality's id as with one that does not exist",
    async ({ operation, collection }) => {
      const { method, path, example, manner } = operation;
      const { type } = collection;
      const creates = manner === 'create' || method === 'PUT';
      const body = (creates ? sent.get(type) : example) ?? (operation.body && {});
      // What stands under reference data is reached through any of it, so there its own id decides.
      const openParent = isReferenceData(parentOf(type) ?? '');
      const isOpen = (parameter: string) => openParent && parameter === 'parentId';
      if (inPath(path).every((name) => isOpen(name) || name === 'source')) return;
      for (const chosen of chosenIn(path)) {
        const ask = (foreign: boolean) => {
          const at = pathWith(path, collection, (field, parameter) => {
            const own = mine.get(type)[field];
            if (isOpen(parameter) || (!chosen(parameter) && own !== undefined)) return own;
            return foreign ? theirs.get(type)[field] : randomUUID();
          });
          return ownRows.send(method, at, {
            ...(body !== undefined && { body }),
            headers: manner === 'change' ? { 'if-match': '"1"' } : {},
          });
        };
        if (isOpen('parentId') && !inPath(path).some((name) => !isOpen(name) && name !== 'source' && chosen(name)))
          continue;
        const [unknown, foreign] = [await ask(false), await ask(true)];
        if (path.includes('{externalId}') && method === 'PUT') expect(foreign.status).toBe(unknown.status);
        else {
          expectProblem(foreign, 404, 'not_found');
          expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
        }
      }
    },
  );

  const toReferenceData = routes.filter(
    ({ operation: { path }, collection: { type } }) =>
      isReferenceData(type) && type !== 'programmes' && path.includes('{id}'),
  );
  it.each(toReferenceData)('reads at $name reference data, and changes none that is not its own', async (route) => {
    const { method, path, example, manner } = route.operation;
    const { type } = route.collection;
    const { id } = theirs.get(type);
    const reply = await ownRows.send(method, path.replace(BASE, '').replace('{id}', id), {
      ...(method !== 'GET' && { body: example ?? {} }),
      headers: manner === 'change' ? { 'if-match': '"1"' } : {},
    });
    if (method === 'GET') expect(reply.status).toBe(200);
    else expectProblem(reply, 403, 'forbidden');
  });

  const questions = openToOwn.filter(({ method, path }) => method === 'GET' && !path.includes('{externalId}'));
  it.each(questions)("finds in the answer to $id nothing of the municipality's", async ({ path }) => {
    const collection = inPath(path).length > 0 && collectionIn(resources, path);
    const at = collection
      ? pathWith(path, collection, (field) => mine.get(collection.type)[field])
      : path.replace(BASE, '');
    const { status, text } = await ownRows.get(at, at === '/records' ? { caseNumber: 'ingen' } : {});
    expect(status).toBe(200);
    for (const [type, { id }] of theirs) if (!isReferenceData(type)) expect(text).not.toContain(id);
  });

  it.each(seenByOwn)('finds its own record in the list of $path, first page', async (resource) => {
    const { id } = mine.get(resource.path);
    const { items } = (await ownRows.get(collectionAt(resource, mine.get(resource.path)))).body;
    expect(items.map((item: { id: string }) => item.id)).toContain(id);
    expect((await ownRows.get(pathOf(resource, mine.get(resource.path)))).status).toBe(200);
  });

  const naming = namingOf(seenByOwn)
    .map(({ places, ...rest }) => ({ ...rest, places: places.filter(({ type }) => !isReferenceData(type)) }))
    .filter(({ places }) => places.length > 0);
  it.each(naming)(
    "names in $path the municipality's records only as it would one that does not exist",
    async ({ resource, path, places }) => {
      const shapes = shapesFor(ownRows, mine.get('families').id);
      const shapeOf = ({ place }: { place: string }) => shapes[`${path} ${place}`];
      for (const shape of new Set(places.map(shapeOf))) {
        const by = meeting(resource, ownRows, async (at, body) => {
          for (const { place, type } of places.filter((each) => shapeOf(each) === shape)) {
            const ask = async (id: string) =>
              withoutInstance(await ownRows.post(at, bodyNaming(resources, resource, body, { place, type, id })));
            const [foreign, unknown] = [await ask(theirs.get(type).id), await ask(randomUUID())];
            const code = MEMBERS.includes(`${path} ${place}`) ? 'validation_failed' : 'unknown_reference';
            expect(foreign).toMatchObject({ status: 422, type: `/problems/${code}` });
            expect(foreign).toEqual(unknown);
          }
        });
        await makeOf(path, by, await shape?.());
      }
    },
  );
});
