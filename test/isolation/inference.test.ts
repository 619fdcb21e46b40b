import { beforeAll, describe, expect, it } from 'vitest';
import type * as z from 'zod';
import type { Resource } from '#shared/record/resource.ts';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { webhookResources } from '#shared/webhooks/resources.ts';
import * as make from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { plantedIn } from '#test/support/planted.ts';
import { collectionAt, makeOf, pathOf } from '#test/support/records.ts';

/**
 * The same requests against worlds that differ in one hidden value alone: it is what the caller guesses, another one, or
 * there is none. A caller who may not see the value must be answered the same in all of them: status, headers, body, and
 * the kinds and number of requests to the database, which is the time that an answer takes. The fields come from the
 * schemas, so a new sensitive field is in here by itself.
 */
let livline: Livline;
let at: Caller;
let partner: Caller;
let familyId: string;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  partner = (await livline.freshPartner('carelink', [at.code]))(at.code);
  familyId = (await make.makeApprovedFamily(at, { approval: { ...make.APPROVAL, places: 10 } })).id;
});

const GUESS = ['GAETTET', 'gaettet@example.dk', '6101149998', '70699998'];
const OTHER = ['ANDET-HELT', 'andet@example.dk', '6102144321', '71610000'];

/** Fields that a caller can send and somebody cannot see. */
const hiddenIn = (resource: Resource): string[] => {
  const { sensitivity, create } = schemasOf(resource);
  return Object.keys(sensitivity).filter((name) => name in create.shape && sensitivity[name] !== 'secret');
};
const CASES = RESOURCES.flatMap((resource) =>
  hiddenIn(resource).flatMap((field) => {
    const variants = resource.path === 'supervision-sessions' ? [{}, { status: 'held' }, { status: 'locked' }] : [{}];
    return variants.map((variant) => {
      const where = 'status' in variant ? ` when ${variant.status}` : '';
      return { name: `${resource.path}.${field}${where}`, path: resource.path, field, variant, resource };
    });
  }),
);

const fieldOf = (resource: Resource, field: string) => schemasOf(resource).create.shape[field] as z.ZodType;

interface World {
  readonly made: Reply['body'];
  readonly externalId: string;
}

/** What differs between two runs though nothing hidden does: ids, instants, and what belongs to one request. */
function normalised(text: string): string {
  const ids: string[] = [];
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      if (!ids.includes(id)) ids.push(id);
      return `id-${ids.indexOf(id)}`;
    })
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'instant')
    .replaceAll(/evt_[0-9a-f]{32}/g, 'event')
    .replaceAll(/inference-\d+/g, 'external');
}

/** Everything that a caller can notice of one request, and the requests to the database that it made. */
async function observed(send: () => Promise<Reply>): Promise<object> {
  let reply: Reply | undefined;
  const requests = await livline.requestsOf(async () => {
    reply = await send();
  });
  const { status = 0, headers = {}, text = '' } = reply ?? {};
  const { 'x-request-id': _, ratelimit: _left, ...stable } = headers;
  const commands = requests.filter(({ input }) => !/#Q$/.test(input.Key?.pk)).map(({ command }) => command);
  return { status, headers: JSON.parse(normalised(JSON.stringify(stable))), body: normalised(text), commands };
}

/** A part of an object, as a merge patch changes or removes it; any other value as it is. */
function partOf(value: unknown, part?: null): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 1)
      .map(([name, inside]) => [name, part === null ? null : inside]),
  );
}

/** The requests of a caller who guesses, one after another; the version is the caller's to know. */
async function play(by: Caller, resource: Resource, field: string, { made, externalId }: World): Promise<object[]> {
  const path = pathOf(resource, made);
  const guess = plantedIn(fieldOf(resource, field), GUESS);
  const { create, sensitivity } = schemasOf(resource);
  const plain = Object.fromEntries(
    Object.entries(made).filter(
      ([name]) => name in create.shape && !(name in sensitivity) && !/^(?:status|externalId)/.test(name),
    ),
  );
  const external = `${collectionAt(resource, made)}/external/municipal/${externalId}`;
  let version = 1;
  const change = async (send: () => Promise<Reply>): Promise<Reply> => {
    const reply = await send();
    version = reply.body?.version ?? version;
    return reply;
  };
  const steps: (() => Promise<Reply>)[] = [
    () => by.get(path),
    () => by.get(`${collectionAt(resource, made)}/external/municipal/${externalId}`),
    () => change(() => by.patch(path, {}, version)),
    () => change(() => by.patch(path, { [field]: guess }, version)),
    () => change(() => by.patch(path, { [field]: guess }, version)),
    () => change(() => by.patch(path, { [field]: partOf(guess) }, version)),
    () => change(() => by.patch(path, { [field]: partOf(guess, null) }, version)),
    () => change(() => by.put(external, plain)),
    () => change(() => by.put(external, { ...plain, [field]: guess })),
    () => change(() => by.put(external, { ...plain, [field]: null })),
    () => change(() => by.patch(path, { [field]: null }, version)),
    () => by.get(path),
    () => by.get(`${path}/history`),
  ];
  if (resource.lookups)
    steps.push(() =>
      by.post(`/${resource.path}/lookup`, { [Object.keys(resource.lookups ?? {})[0] ?? '']: '70699998' }),
    );
  await forget(by);
  const seen: object[] = [];
  for (const step of steps) seen.push(await observed(step));
  return seen;
}

/** Lets the process forget the keys that it has used, and learn again whom it serves. */
async function forget(by: Caller): Promise<void> {
  livline.advance(300);
  await by.get('/families', { limit: '1' });
}

/** The requests that go by a child's hidden values without naming them. */
async function playAround(by: Caller, { made }: World): Promise<object[]> {
  const steps = [
    () => by.get(`/children/${made.id}/matches`),
    () => by.post('/placements', { ...make.PLACEMENT, type: 'stoetteophold', familyId, childId: made.id }),
    () => by.patch(`/children/${made.id}`, { birthYear: 2013 }, 1),
  ];
  await forget(by);
  const seen: object[] = [];
  for (const step of steps) seen.push(await observed(step));
  return seen;
}

let worlds = 0;
async function worldsOf(resource: Resource, field: string, variant: object): Promise<World[]> {
  const values = [GUESS, OTHER].map((words) => plantedIn(fieldOf(resource, field), words));
  const made: World[] = [];
  for (const value of [...values, undefined]) {
    worlds += 1;
    const externalId = `inference-${worlds}`;
    const hidden = value === undefined ? {} : { [field]: value };
    // What a message or event tells of the parents is the same in each world, and made in the same order.
    made.push({ externalId, made: await makeOf(resource.path, at, { ...hidden, ...variant, externalId }) });
  }
  return made;
}

const unseeing = () => at.withScopes(...at.scopes.filter((scope) => scope !== 'sensitive:read' && scope !== 'lookup'));

describe('a caller without the scope sensitive:read', () => {
  it.each(CASES)('learns nothing of $name by guessing it', async ({ resource, field, variant }) => {
    const by = unseeing();
    const [right, wrong, absent] = await worldsOf(resource, field, variant);
    const seen = await play(by, resource, field, right as World);
    expect(await play(by, resource, field, wrong as World)).toEqual(seen);
    expect(await play(by, resource, field, absent as World)).toEqual(seen);
  });

  it.each(['cpr', 'needs'])('learns nothing of children.%s from what is worked out of it', async (field) => {
    const by = unseeing();
    const children = RESOURCES.find(({ path }) => path === 'children') as Resource;
    const [right, wrong, absent] = await worldsOf(children, field, {});
    const seen = await playAround(by, right as World);
    expect(await playAround(by, wrong as World)).toEqual(seen);
    expect(await playAround(by, absent as World)).toEqual(seen);
  });
});

describe('another organisation, with the scope sensitive:read', () => {
  const own = CASES.filter(({ resource, field }) => schemasOf(resource).sensitivity[field] === 'SS');

  it.each(own)('learns nothing of $name by guessing it', async ({ resource, field, variant }) => {
    const [right, wrong, absent] = await worldsOf(resource, field, variant);
    const seen = await play(partner, resource, field, right as World);
    expect(await play(partner, resource, field, wrong as World)).toEqual(seen);
    expect(await play(partner, resource, field, absent as World)).toEqual(seen);
  });
});

describe('the sensitive fields that somebody can send', () => {
  it('are all in the cases above, but for what webhooks hold, which nobody sends to compare', () => {
    const all = [...RESOURCES, ...webhookResources({ allowLocal: false })];
    const without = all.filter((resource) => hiddenIn(resource).length > 0 && !RESOURCES.includes(resource));
    expect(without.map(({ path }) => path)).toEqual(['inbox']);
    expect(new Set(CASES.map(({ path, field }) => `${path}.${field}`)).size).toBe(RESOURCES.flatMap(hiddenIn).length);
  });
});
