import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { schemasOf } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { MAKERS, makeFamily, makeSession } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { collectionAt, makeOf, pathOf } from '#test/support/records.ts';
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
  calls: { callerPhone: '72625242', note: 'HEMMELIG-notat', outcome: 'HEMMELIG-udfald' },
  affiliations: {
    roleAgreement: { municipality: ['HEMMELIG-opgave'], institution: [], family: [], contactRhythmDays: 7 },
  },
  'supervision-groups': { criteria: 'HEMMELIG-kriterier' },
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

const withStatuses = RESOURCES.filter(({ machine }) => machine);
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
    // A receipt is the reason of a hand-over, warnings tell what hidden fields say, and a reason is always sensitive.
    const derived = ['concern-reports.receipt S', 'placements.warnings S'];
    const reasons = [...derived, ...withStatuses.map(({ path }) => `${path}.statusReason S`)];
    expect(marked.sort()).toEqual([...planted, ...reasons].sort());
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
    // A change of a hold is itself under the hold: its first transaction is refused, the next keeps the version before.
    expect(own).toHaveLength(path === 'legal-holds' ? 3 : 2);
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

describe('the reason for a status', () => {
  it.each(withStatuses.map(({ path }) => [path, byPath(path)] as const))(
    'of %s is shown by a read with sensitive:read alone, and in no other answer, list or event',
    async (path, resource) => {
      const caller = await livline.freshMunicipality();
      const made = await makeOf(path, caller);
      const [step] = (resource.machine?.steps[made.status] ?? []).filter((status) => status !== 'completed');
      // Who sets a hold does not lift it, and an erasure is completed by Livline.
      const by = path === 'legal-holds' ? (await livline.freshPartner('afgoer', [caller.code]))(caller.code) : caller;
      const at = pathOf(resource, made);
      const changed = await by.status(at, made.version, { status: step, reason: 'HEMMELIG-grund' });
      expect(changed.status, JSON.stringify(changed.body)).toBe(200);
      await livline.relay();
      const plain = caller.withScopes(...caller.scopes.filter((scope) => scope !== 'sensitive:read'));
      const replies = [
        changed,
        await plain.get(at),
        await caller.get(collectionAt(resource, made)),
        await caller.get('/events'),
      ];
      for (const { text } of replies) expect(text).not.toContain('HEMMELIG');
      expect((await caller.get(at)).body.statusReason).toBe('HEMMELIG-grund');
      const { body } = await caller.get('/access-log', { subject: made.id });
      expect(body.items[0]).toMatchObject({ fields: expect.arrayContaining(['statusReason']) });
    },
  );
});

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

  it('is written by the organisation that wrote the record alone, whether there is one or not', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('partner', [municipality.code]))(municipality.code);
    const made = [await makeSession(carelink, { reflection: 'Deres' }), await makeSession(carelink)];
    const refusals = [];
    for (const { id } of made) {
      const reply = await municipality.patch(`/supervision-sessions/${id}`, { reflection: 'Kommunens' }, 1);
      expectProblem(reply, 403, 'forbidden');
      refusals.push(reply.body.detail);
    }
    expect(refusals[0]).toBe(refusals[1]);
  });
});

describe('a client without the scope sensitive:read', () => {
  const ADULTS = [{ name: 'HEMMELIG-Anne', phone: '70605040' }];

  it('keeps what it was not shown when it reads, changes and puts a record', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { externalId: 'F-1', adults: ADULTS, outsideWork: 'HEMMELIG-arbejde' });
    const plain = caller.withScopes('families:read', 'families:write');
    const { alias, kind, careForms } = (await plain.get(`/families/${id}`)).body;
    const path = '/families/external/municipal/F-1';
    const put = await plain.put(path, { alias, kind, careForms, capacity: 3 });
    expect(put.body).toMatchObject({ version: 2, capacity: 3 });
    const seen = (await caller.get(`/families/${id}`)).body;
    expect(seen).toMatchObject({ adults: ADULTS, outsideWork: 'HEMMELIG-arbejde' });
    expect((await plain.put(path, { alias, kind, careForms, adults: null })).body).toMatchObject({ version: 3 });
    const after = (await caller.get(`/families/${id}`)).body;
    expect(after).toMatchObject({ outsideWork: 'HEMMELIG-arbejde' });
    expect(after).not.toHaveProperty('adults');
  });

  it('makes a version with each sensitive field that it sends, also with the value that it has', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { adults: ADULTS });
    const plain = caller.withScopes('families:write');
    const patches = [{ adults: ADULTS }, { adults: [{ name: 'En anden' }] }, { adults: null }, { adults: null }];
    for (const [at, patch] of patches.entries()) {
      expect((await plain.patch(`/families/${id}`, patch, at + 1)).body.version).toBe(at + 2);
    }
  });

  it('is refused each hidden field of a locked session before it is compared', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeSession(caller, { status: 'locked', summary: 'HEMMELIG-referat', reflection: 'Min' });
    const plain = caller.withScopes('supervision:write');
    for (const patch of [{ summary: 'HEMMELIG-referat' }, { summary: 'Et andet' }, { summary: null }]) {
      expectProblem(await plain.patch(`/supervision-sessions/${id}`, patch, 1), 422, 'validation_failed', '/summary');
    }
    for (const reflection of ['Min', 'En anden']) {
      const reply = await plain.patch(`/supervision-sessions/${id}`, { reflection }, 1);
      expectProblem(reply, 422, 'validation_failed', '/reflection');
    }
    const addenda = [{ at: '2026-11-19T12:00:00.000Z', text: 'Rettelse' }];
    expectProblem(await plain.patch(`/supervision-sessions/${id}`, { addenda }, 1), 403, 'forbidden');
    expect((await caller.patch(`/supervision-sessions/${id}`, { addenda }, 1)).status).toBe(200);
  });
});
