import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { MAKERS, makeFamily, makeSession } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { collectionAt } from '#test/support/records.ts';
import { expectSealed } from '#test/support/sealed.ts';

let livline: Livline;
const logged: string[] = [];
beforeAll(async () => {
  livline = await startLivline();
});
beforeEach(() => {
  logged.length = 0;
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => logged.push(String(chunk)) > 0);
  return () => spy.mockRestore();
});

/** Every sensitive field there is, with a value of its own that is seen nowhere else. */
const PLANTED = {
  families: {
    outsideWork: 'HEMMELIG-arbejde',
    adults: [{ name: 'HEMMELIG-Anne', cpr: '610180-1234', phone: '70605040', email: 'hemmelig@example.dk' }],
  },
  consultants: { phone: '71615141' },
  calls: { callerPhone: '72625242', note: 'HEMMELIG-notat' },
  children: { cpr: '620114-4321', needs: ['HEMMELIG-behov'], custody: 'HEMMELIG-forældremyndighed' },
  placements: { keptRelations: ['HEMMELIG-mormor'] },
  contacts: { note: 'HEMMELIG-samtale' },
  visits: { note: 'HEMMELIG-tilsyn' },
  progress: { note: 'HEMMELIG-fremgang' },
  'concern-reports': { note: 'HEMMELIG-underretning' },
  'legal-holds': { reason: 'HEMMELIG-bevaring' },
  'supervision-sessions': {
    summary: 'HEMMELIG-referat',
    reflection: 'HEMMELIG-refleksion',
    addenda: [{ at: '2026-11-20T08:30:00.000Z', text: 'HEMMELIG-tilføjelse' }],
  },
} as const;
const SECRETS = /HEMMELIG|hemmelig@|610180-?1234|620114-?4321|70605040|71615141|72625242/;

const records = Object.keys(PLANTED) as (keyof typeof PLANTED)[];
const byPath = (path: string) => RESOURCES.find((resource) => resource.path === path) as (typeof RESOURCES)[number];
describe('the sensitive fields', () => {
  it('are those of the domain page', () => {
    const marked = RESOURCES.flatMap((resource) =>
      Object.entries(schemasOf(resource).sensitivity).map(([name, mark]) => `${resource.path}.${name} ${mark}`),
    );
    const planted = Object.entries(PLANTED).flatMap(([path, fields]) =>
      Object.keys(fields).map((name) => `${path}.${name} ${name === 'reflection' ? 'SS' : 'S'}`),
    );
    expect(marked.sort()).toEqual(planted.sort());
  });
});

describe.each(records)('a sensitive field of %s', (path) => {
  const fields: object = PLANTED[path];
  const make = MAKERS[path] as (by: Caller, fields?: object) => Promise<Reply['body']>;

  it('is in no answer to a write, no list, no timeline and no event', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const linked = ['calls', 'supervision-sessions', 'contacts'].includes(path) ? { familyId } : {};
    livline.takeStream();
    const made = await make(caller, { ...fields, ...linked, externalId: 'S-1' });
    const collection = collectionAt(byPath(path), made);
    await livline.relay();
    const replies = [
      { body: made },
      await caller.patch(`${collection}/${made.id}`, { caseRefs: [{ system: 'DUBU' }] }, 1),
      await caller.get(collection),
      await caller.get(`/families/${familyId}/timeline`),
      await caller.get('/events'),
      await caller
        .withScopes(...caller.scopes.filter((scope) => scope !== 'sensitive:read'))
        .get(`${collection}/${made.id}`),
      await caller.get(`${collection}/${made.id}/history`),
      await caller.get('/family-overviews'),
    ];
    for (const { body } of replies) expect(JSON.stringify(body)).not.toMatch(SECRETS);
    expect(replies[2]?.body.items.map(({ id }: { id: string }) => id)).toContain(made.id);
  });

  it('is stored sealed in the record’s own row, and in no event, index or other row', async () => {
    const caller = await livline.freshMunicipality();
    const requests = await livline.requestsOf(async () => {
      const made = await make(caller, fields);
      await caller.patch(`${collectionAt(byPath(path), made)}/${made.id}`, { caseRefs: [{ system: 'DUBU' }] }, 1);
    });
    const rows = requests.flatMap(({ input }) => input.TransactItems ?? []).flatMap(({ Put }) => Put?.Item ?? []);
    const own = rows.filter(({ type, sk }) => type === path && sk === 'A');
    expect(own).toHaveLength(2);
    for (const { sensitive } of own) expectSealed(sensitive, Object.keys(fields));
    for (const row of rows) expect(JSON.stringify(row)).not.toMatch(SECRETS);
    expect(rows.filter(({ type }) => type === 'event').map(({ sensitive }) => sensitive)).toEqual(
      Array(rows.filter(({ type }) => type === 'event').length).fill(undefined),
    );
  });

  it('is shown by a read with the scope for it', async () => {
    const caller = await livline.freshMunicipality();
    const made = await make(caller, fields);
    const { body } = await caller.get(`${collectionAt(byPath(path), made)}/${made.id}`);
    expect(Object.keys(body)).toEqual(expect.arrayContaining(Object.keys(fields)));
    expect(JSON.stringify(body)).toMatch(SECRETS);
  });

  it('is in no log and no problem, whatever goes wrong', async () => {
    const caller = await livline.freshMunicipality();
    const made = await make(caller, fields);
    const { id, ...record } = made;
    const collection = collectionAt(byPath(path), made);
    const own = Object.fromEntries(
      Object.entries({ ...record, ...fields }).filter(
        ([name]) => name in (schemasOf(byPath(path)).create.shape as object),
      ),
    );
    const replies = [
      await livline.cutOff('sending', 'TransactWriteItems', () => caller.post(collection, own)),
      await livline.cutOff('sending', 'TransactWriteItems', () =>
        caller.patch(`${collection}/${id}`, { ...fields, externalId: 'S-2' }, 1),
      ),
      await livline.cutOff('answer', 'GetItem', () => caller.get(`${collection}/${id}`)),
      await caller.post(collection, { ...own, ...faulty(fields) }),
      await caller.patch(`${collection}/${id}`, faulty(fields), 1),
      await caller.post(collection, { ...own, 'HEMMELIG navn': 1, externalId: 'a#b' }, { 'idempotency-key': 'æ' }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([500, 500, 500, 422, 422, 422]);
    for (const { body } of replies.slice(0, 5)) expect(JSON.stringify(body)).not.toMatch(SECRETS);
    expect(logged.join('')).toMatch(/unexpected error/);
    expect(logged.join('')).not.toMatch(SECRETS);
  });
});

/** The same fields, each with a value that its schema refuses and that still holds the secret. */
const faulty = (fields: object) =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { secret: value }]));

describe('a field that is shown only to the organisation that wrote it', () => {
  it('is neither seen nor overwritten nor removed by another', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [municipality.code]))(municipality.code);
    const { id } = await makeSession(carelink, { reflection: 'HEMMELIG-refleksion', summary: 'Referat' });
    const path = `/supervision-sessions/${id}`;
    expect((await carelink.get(path)).body).toMatchObject({ reflection: 'HEMMELIG-refleksion', summary: 'Referat' });
    const seen = (await municipality.get(path)).body;
    expect(seen.summary).toBe('Referat');
    expect(seen.reflection).toBeUndefined();
    for (const reflection of ['Min egen', null]) {
      expectProblem(await municipality.patch(path, { reflection }, 1), 403, 'forbidden');
    }
    const patched = await municipality.patch(path, { minutes: 90 }, 1);
    expect(patched.body).toMatchObject({ minutes: 90, version: 2 });
    expect((await carelink.get(path)).body.reflection).toBe('HEMMELIG-refleksion');
  });

  it('stays when its record is put again by the source, which may not write it either', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('partner', [municipality.code]))(municipality.code);
    const { id, familyId } = await makeSession(carelink, { externalId: 'R-1' });
    await municipality.patch(`/supervision-sessions/${id}`, { reflection: 'Kommunens' }, 1);
    const session = { form: 'individual', familyId, at: '2026-11-19T08:00:00Z', minutes: 60 };
    const external = '/supervision-sessions/external/partner/R-1';
    expect((await carelink.put(external, session)).body).toMatchObject({ minutes: 60, version: 3 });
    expectProblem(await carelink.put(external, { ...session, reflection: 'Vores' }), 403, 'forbidden');
    expect((await municipality.get(`/supervision-sessions/${id}`)).body.reflection).toBe('Kommunens');
  });

  it('can be written by another once its writer has removed it', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('other', [municipality.code]))(municipality.code);
    const { id } = await makeSession(carelink, { reflection: 'Deres' });
    const path = `/supervision-sessions/${id}`;
    await carelink.patch(path, { reflection: null }, 1);
    expect((await municipality.patch(path, { reflection: 'Kommunens' }, 2)).status).toBe(200);
    expect((await municipality.get(path)).body.reflection).toBe('Kommunens');
    expect((await carelink.get(path)).body.reflection).toBeUndefined();
  });
});
