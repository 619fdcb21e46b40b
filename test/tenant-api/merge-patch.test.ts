import { beforeAll, describe, expect, it } from 'vitest';
import { makeFamily } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const APPROVAL = { authority: 'Midt', from: '2019-08-01', places: 2, ageMin: 0, ageMax: 17, careForms: ['doegn'] };

describe('a merge patch', () => {
  it('replaces what it names, removes what it makes null, and leaves the rest', async () => {
    const caller = await livline.freshMunicipality();
    const before = await makeFamily(caller, { approval: { ...APPROVAL, to: '2029-07-31' }, skills: ['a', 'b'] });
    livline.advance(60);
    const patch = { alias: 'Nyt navn', capacity: null, approval: { places: 3, to: null }, skills: ['c'] };
    const { body } = await caller.patch(`/families/${before.id}`, patch, 1);
    const { capacity: _, ...rest } = before;
    expect(body).toEqual({
      ...rest,
      alias: 'Nyt navn',
      approval: { ...APPROVAL, places: 3 },
      skills: ['c'],
      version: 2,
      updatedAt: new Date(livline.now()).toISOString(),
    });
    expect((await caller.get(`/families/${before.id}`)).body).toEqual(body);
  });

  it('brings back the default of a field that it makes null', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { pressure: 'high', residence: '0630' });
    const { body } = await caller.patch(`/families/${id}`, { pressure: null, residence: null }, 1);
    expect(body).toMatchObject({ pressure: 'normal', residence: caller.code });
  });

  it('that changes nothing writes nothing, tells nobody and keeps the version', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller, { approval: APPROVAL, adults: [{ name: 'A', cpr: '6101801234' }] });
    const { alias, kind, careForms, approval } = family;
    const same = [
      {},
      { alias: ` ${alias} ` },
      { alias, kind, careForms, approval },
      { skills: null, tilbudsportalId: null },
    ];
    for (const patch of same) {
      const requests = await livline.requestsOf(async () => {
        const reply = await caller.patch(`/families/${family.id}`, patch, 1);
        expect(reply).toMatchObject({ status: 200, body: family });
        expect(reply.headers['etag']).toBe('"1"');
      });
      expect(writesIn(requests)).toEqual([]);
    }
  });

  it('cannot touch what is not the caller’s to set', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const fixed = ['id', 'municipality', 'version', 'status', 'statusAt', 'statusReason', 'source', 'type'];
    for (const name of [...fixed, 'createdAt', 'createdBy', 'updatedAt', 'updatedBy']) {
      const reply = await caller.patch(`/families/${id}`, { [name]: 'x' }, 1);
      expectProblem(reply, 422, 'validation_failed', `/${name}`);
    }
    expect((await caller.get(`/families/${id}`)).body.version).toBe(1);
  });

  it('cannot remove what must be there', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { approval: APPROVAL });
    const patch = { alias: null, approval: { from: null } };
    const reply = await caller.patch(`/families/${id}`, patch, 1);
    expectProblem(reply, 422, 'validation_failed', '/alias', '/approval/from');
    expect(reply.body.errors.map(({ code }: { code: string }) => code)).toEqual(['required', 'required']);
  });

  it.each([[[]], [null], ['text'], [1]])('is an object, not %j', async (patch) => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const reply = await caller.patch(`/families/${id}`, patch, 1);
    expect(reply.body).toMatchObject({ status: 422, errors: [{ pointer: '', code: 'invalid_type' }] });
  });

  it('may come as application/merge-patch+json', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const headers = { 'if-match': '"1"', 'content-type': 'application/merge-patch+json; charset=UTF-8' };
    const reply = await caller.send('PATCH', `/families/${id}`, { body: { capacity: 1 }, headers });
    expect(reply.body.capacity).toBe(1);
  });

  it('tells in its event which fields changed, and not to what', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeFamily(caller);
    await caller.patch(`/families/${id}`, { alias: 'Hemmeligt navn', careForms: ['stoetteophold'] }, 1);
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'family.updated' })).body;
    expect(items[0].data).toMatchObject({ action: 'updated', changed: ['alias', 'careForms', 'type'] });
    expect(JSON.stringify(items)).not.toContain('Hemmeligt');
  });
});
