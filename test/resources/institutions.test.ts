import { beforeAll, describe, expect, it } from 'vitest';
import { allMunicipalities } from '#shared/register/register.ts';
import { INSTITUTION, makeInstitution } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('an institution', () => {
  it('keeps its name, kind, numbers and special knowledge', async () => {
    const caller = await livline.freshMunicipality();
    const whole = { name: 'Bakkevej', kind: 'opholdssted', cvr: '29189587', pnr: '1999259150', specialties: ['adhd'] };
    const { id } = await makeInstitution(caller, whole);
    const { body } = await caller.get(`/institutions/${id}`);
    expect(body).toMatchObject(whole);
    expect(body.status).toBeUndefined();
  });

  it('has no status, so none can be given or changed', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeInstitution(caller);
    expectProblem(await caller.status(`/institutions/${id}`, 1, { status: 'closed' }), 404, 'not_found');
    const born = await caller.post('/institutions', { ...INSTITUTION, status: 'active' });
    expectProblem(born, 422, 'validation_failed', '/status');
  });

  it.each([
    ['a CVR number whose digits do not add up', { cvr: '29189588' }, '/cvr'],
    ['a CVR number of seven digits', { cvr: '2918958' }, '/cvr'],
    ['a P-nummer of nine digits', { pnr: '100325915' }, '/pnr'],
    ['a kind that does not exist', { kind: 'skole' }, '/kind'],
    ['a speciality that is no code', { specialties: ['Self Harm'] }, '/specialties/0'],
    ['the same speciality twice', { specialties: ['adhd', 'adhd'] }, '/specialties'],
    ['no name', { name: ' ' }, '/name'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.post('/institutions', { ...INSTITUTION, ...fields }), 422, 'validation_failed', pointer);
  });

  it('takes the CVR number of any municipality', async () => {
    const caller = await livline.freshMunicipality();
    for (const { cvr } of allMunicipalities().slice(0, 5))
      expect((await makeInstitution(caller, { cvr })).cvr).toBe(cvr);
  });

  it('is listed by kind', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makeInstitution(caller, { kind: 'opholdssted' });
    await makeInstitution(caller, { kind: 'doegninstitution' });
    expect((await caller.get('/institutions', { kind: 'opholdssted' })).body.items).toEqual([first]);
  });

  it('is listed by each of its specialities, and no more by one it has lost', async () => {
    const caller = await livline.freshMunicipality();
    const named = async (specialty: string) =>
      (await caller.get('/institutions', { specialty })).body.items.map(({ name }: { name: string }) => name);
    const { id } = await makeInstitution(caller, { name: 'A', specialties: ['adhd', 'trauma'] });
    await makeInstitution(caller, { name: 'B', specialties: ['trauma'] });
    expect(await named('trauma')).toEqual(['A', 'B']);
    expect(await named('adhd')).toEqual(['A']);
    await caller.patch(`/institutions/${id}`, { name: 'C', specialties: ['trauma', 'autism'] }, 1);
    expect(await named('adhd')).toEqual([]);
    expect(await named('autism')).toEqual(['C']);
    expect(await named('trauma')).toEqual(['B', 'C']);
  });
});
