import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY, makeFamily, makeStaff, STAFF } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const pathOf = (externalId: string, source = 'municipal') =>
  `/families/external/${source}/${encodeURIComponent(externalId)}`;

describe('a record put under its external id', () => {
  it('is created the first time and replaced from then on, and the same again changes nothing', async () => {
    const caller = await livline.freshMunicipality();
    const created = await caller.put(pathOf('F-1'), { ...FAMILY, skills: ['a'] });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ externalId: 'F-1', source: 'municipal', version: 1 });
    expect(created.headers).toMatchObject({
      etag: '"1"',
      location: `/v1/municipalities/${caller.code}/families/${created.body.id}`,
    });
    const requests = await livline.requestsOf(async () => {
      const again = await caller.put(pathOf('F-1'), { ...FAMILY, skills: ['a'] });
      expect(again).toMatchObject({ status: 200, body: created.body });
      expect(again.headers['location']).toBeUndefined();
    });
    expect(writesIn(requests)).toEqual([]);
    const { capacity: _, ...rest } = FAMILY;
    const replaced = await caller.put(pathOf('F-1'), { ...rest, pressure: 'high' });
    expect(replaced).toMatchObject({
      status: 200,
      body: { id: created.body.id, version: 2, pressure: 'high', skills: [] },
    });
    expect(replaced.body.capacity).toBeUndefined();
    expect((await caller.get('/families')).body.items).toEqual([replaced.body]);
  });

  it('is found there by whoever may read, and in no other municipality', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const { body } = await one.put(pathOf('F-2'), FAMILY);
    expect((await one.get(pathOf('F-2'))).body).toEqual(body);
    expectProblem(await other.get(pathOf('F-2')), 404, 'not_found');
    expect((await other.put(pathOf('F-2'), FAMILY)).status).toBe(201);
  });

  it('is its source’s own: nobody writes under another’s ids, and each may use the same id', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [municipality.code]))(municipality.code);
    const own = await carelink.put(pathOf('F-3', 'carelink'), FAMILY);
    expect(own.body.source).toBe('carelink');
    expectProblem(await carelink.put(pathOf('F-3', 'municipal'), FAMILY), 403, 'forbidden');
    expectProblem(await municipality.put(pathOf('F-3', 'carelink'), FAMILY), 403, 'forbidden');
    expectProblem(await municipality.put(pathOf('F-3', 'nobody'), FAMILY), 403, 'forbidden');
    expect((await municipality.put(pathOf('F-3'), FAMILY)).status).toBe(201);
    expect((await municipality.get(pathOf('F-3', 'carelink'))).body.id).toBe(own.body.id);
    expect((await municipality.get('/families')).body.items).toHaveLength(2);
  });

  it('may be any visible text without # and /', async () => {
    const caller = await livline.freshMunicipality();
    const visible = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !/[#/\p{Cc}\p{Cs}]/u.test(text));
    const awkward = ['100%', '%41', 'a%2Fb', '?', 'a b', '+', 'å', '🏡', '\uff21', 'A&b=c;d', '"', '\\', '%0023'];
    const ids = new Set([...awkward, ...fc.sample(visible, 8)].map((text) => text.normalize('NFC')));
    const made = new Map<string, string>();
    for (const id of ids) made.set((await caller.put(pathOf(id), FAMILY)).body.id, id);
    expect(made.size).toBe(ids.size);
    for (const [id, externalId] of made) {
      expect((await caller.get(pathOf(externalId))).body).toMatchObject({ id, externalId });
    }
  });

  it('may say the same external id in its body, and no other', async () => {
    const caller = await livline.freshMunicipality();
    expect((await caller.put(pathOf('F-4'), { ...FAMILY, externalId: 'F-4' })).status).toBe(201);
    const other = await caller.put(pathOf('F-4'), { ...FAMILY, externalId: 'F-5' });
    expectProblem(other, 422, 'validation_failed', '/externalId');
  });

  it('goes the steps of its status machine, and stays where it stands when no status is sent', async () => {
    const caller = await livline.freshMunicipality();
    await caller.put(pathOf('F-6'), { ...FAMILY, status: 'approved' });
    expect((await caller.put(pathOf('F-6'), { ...FAMILY, status: 'active' })).body).toMatchObject({ status: 'active' });
    expect((await caller.put(pathOf('F-6'), { ...FAMILY, capacity: 1 })).body).toMatchObject({ status: 'active' });
    expectProblem(await caller.put(pathOf('F-6'), { ...FAMILY, status: 'approved' }), 409, 'illegal_transition');
    const unexplained = await caller.put(pathOf('F-6'), { ...FAMILY, status: 'closed' });
    expectProblem(unexplained, 422, 'validation_failed', '/statusReason');
    const closed = await caller.put(pathOf('F-6'), { ...FAMILY, status: 'closed', statusReason: 'Ophørt' });
    expect(closed.body).toMatchObject({ status: 'closed', version: 4 });
    expect((await caller.get(`/families/${closed.body.id}`)).body.statusReason).toBe('Ophørt');
  });

  it('may be guarded by the version that was read', async () => {
    const caller = await livline.freshMunicipality();
    const put = (ifMatch: string) => caller.put(pathOf('F-7'), { ...FAMILY, capacity: 9 }, { 'if-match': ifMatch });
    expectProblem(await put('"1"'), 412, 'precondition_failed');
    await caller.put(pathOf('F-7'), FAMILY);
    expectProblem(await put('"2"'), 412, 'precondition_failed');
    expect((await put('"1"')).body).toMatchObject({ capacity: 9, version: 2 });
  });

  it('does not lose its sensitive fields to a read without the scope for them', async () => {
    const caller = await livline.freshMunicipality();
    const adults = [{ name: 'Anne Prøve' }];
    const { body } = await caller.put(pathOf('F-8'), { ...FAMILY, adults });
    expect(body.adults).toBeUndefined();
    expect((await caller.get(pathOf('F-8'))).body.adults).toEqual(adults);
    expect((await caller.withScopes('families:read').get(pathOf('F-8'))).body.adults).toBeUndefined();
  });
});

describe('an external id', () => {
  it('is unique for each source and type, however it was given', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { externalId: 'X-1' });
    expectProblem(await caller.post('/families', { ...FAMILY, externalId: 'X-1' }), 409, 'already_exists');
    const other = await makeFamily(caller);
    expectProblem(await caller.patch(`/families/${other.id}`, { externalId: 'X-1' }, 1), 409, 'already_exists');
    const institution = { name: 'Bakkevej', kind: 'opholdssted', externalId: 'X-1' };
    expect((await caller.post('/institutions', institution)).status).toBe(201);
    expect((await caller.get(pathOf('X-1'))).body.id).toBe(id);
  });

  it('is free again once its record has another or none', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { externalId: 'X-2' });
    await caller.patch(`/families/${id}`, { externalId: 'X-3' }, 1);
    expectProblem(await caller.get(pathOf('X-2')), 404, 'not_found');
    expect((await caller.get(pathOf('X-3'))).body.id).toBe(id);
    await caller.patch(`/families/${id}`, { externalId: null }, 2);
    expectProblem(await caller.get(pathOf('X-3')), 404, 'not_found');
    await makeFamily(caller, { externalId: 'X-2' });
    await makeFamily(caller, { externalId: 'X-3' });
  });

  it('of a nested record is found under its own parent', async () => {
    const caller = await livline.freshMunicipality();
    const [one, other] = [await makeStaff(caller), await makeStaff(caller)];
    const path = (institutionId: string) => `/institutions/${institutionId}/staff/external/municipal/S-1`;
    expect((await caller.put(path(one.institutionId), STAFF)).body.institutionId).toBe(one.institutionId);
    expect((await caller.get(path(one.institutionId))).status).toBe(200);
    expectProblem(await caller.get(path(other.institutionId)), 404, 'not_found');
  });
});
