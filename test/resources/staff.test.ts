import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeInstitution, makeStaff, STAFF } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a staff member', () => {
  it('belongs to an institution and works there unless said otherwise', async () => {
    const caller = await livline.freshMunicipality();
    const { id: institutionId } = await makeInstitution(caller);
    const created = await caller.post(`/institutions/${institutionId}/staff`, STAFF);
    expect(created.body).toMatchObject({ ...STAFF, institutionId, active: true });
    expect(created.headers['location']).toBe(
      `/v1/municipalities/${caller.code}/institutions/${institutionId}/staff/${created.body.id}`,
    );
    const read = await caller.get(`/institutions/${institutionId}/staff/${created.body.id}`);
    expect(read.body).toEqual(created.body);
  });

  it('is found under its own institution only', async () => {
    const caller = await livline.freshMunicipality();
    const [own, other] = [await makeInstitution(caller), await makeInstitution(caller)];
    const member = await makeStaff(caller, { institutionId: own.id });
    expect((await caller.get(`/institutions/${own.id}/staff`)).body.items).toEqual([member]);
    expect((await caller.get(`/institutions/${other.id}/staff`)).body.items).toEqual([]);
    const elsewhere = `/institutions/${other.id}/staff/${member.id}`;
    expectProblem(await caller.get(elsewhere), 404, 'not_found');
    expectProblem(await caller.patch(elsewhere, { name: 'X' }, 1), 404, 'not_found');
  });

  it('cannot be moved to another institution', async () => {
    const caller = await livline.freshMunicipality();
    const { id, institutionId } = await makeStaff(caller);
    const moved = await caller.patch(`/institutions/${institutionId}/staff/${id}`, { institutionId: randomUUID() }, 1);
    expectProblem(moved, 422, 'validation_failed', '/institutionId');
  });

  it('of an institution that does not exist is not found, whatever is asked', async () => {
    const caller = await livline.freshMunicipality();
    const family = await caller.post('/families', { alias: 'A', kind: 'almen' });
    for (const parent of [randomUUID(), family.body.id, 'none', 'a'.repeat(3_000)]) {
      const staff = `/institutions/${parent}/staff`;
      const replies = [
        await caller.get(staff),
        await caller.post(staff, STAFF),
        await caller.get(`${staff}/${randomUUID()}`),
        await caller.put(`${staff}/external/municipal/s-1`, STAFF),
      ];
      for (const reply of replies) expectProblem(reply, 404, 'not_found');
    }
    expect(withoutInstance(await caller.get('/institutions/none/staff'))).toEqual(
      withoutInstance(await caller.get(`/institutions/${randomUUID()}/staff`)),
    );
  });

  it('is listed by whether it works there, and by speciality, among its own institution', async () => {
    const caller = await livline.freshMunicipality();
    const { id: institutionId } = await makeInstitution(caller);
    const working = await makeStaff(caller, { institutionId, specialties: ['autism'] });
    const gone = await makeStaff(caller, { institutionId, active: false });
    await makeStaff(caller, { specialties: ['autism'] });
    const list = async (query: Record<string, string>) =>
      (await caller.get(`/institutions/${institutionId}/staff`, query)).body.items;
    expect(await list({ active: 'true' })).toEqual([working]);
    expect(await list({ active: 'false' })).toEqual([gone]);
    expect(await list({ specialty: 'autism' })).toEqual([working]);
  });

  it('stops working there by a patch', async () => {
    const caller = await livline.freshMunicipality();
    const { id, institutionId } = await makeStaff(caller);
    const { body } = await caller.patch(`/institutions/${institutionId}/staff/${id}`, { active: false }, 1);
    expect(body).toMatchObject({ active: false, version: 2 });
  });
});
