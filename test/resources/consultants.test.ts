import { beforeAll, describe, expect, it } from 'vitest';
import { CONSULTANT, makeConsultant } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a consultant', () => {
  it('keeps who employs it and how to reach it, the telephone apart', async () => {
    const caller = await livline.freshMunicipality();
    const whole = {
      ...CONSULTANT,
      email: 'konsulent@example.dk',
      phone: '+45 12 34 56 78',
      fkOrgUuid: '5f0f2ea0-7a5b-4d3c-9d1e-0c6a7b8c9d0e',
    };
    const created = await caller.post('/consultants', whole);
    expect(created.body.phone).toBeUndefined();
    const { body } = await caller.get(`/consultants/${created.body.id}`);
    expect(body).toMatchObject({ ...whole, phone: '+4512345678' });
  });

  it.each([
    ['another kind', { kind: 'konsulent' }, '/kind'],
    ['an e-mail without a domain', { email: 'konsulent' }, '/email'],
    ['a telephone with letters', { phone: 'ring til mig' }, '/phone'],
    ['a UUID of FK Organisation that is none', { fkOrgUuid: '123' }, '/fkOrgUuid'],
    ['no employer', { employer: undefined }, '/employer'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.post('/consultants', { ...CONSULTANT, ...fields }), 422, 'validation_failed', pointer);
  });

  it('keeps its kind, on which the groups it leads rely', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeConsultant(caller, { kind: 'familiekonsulent' });
    const changed = await caller.patch(`/consultants/${id}`, { kind: 'plejefamiliekonsulent' }, 1);
    expectProblem(changed, 422, 'validation_failed', '/kind');
    expect((await caller.patch(`/consultants/${id}`, { employer: 'Carelink' }, 1)).body).toMatchObject({
      kind: 'familiekonsulent',
      employer: 'Carelink',
    });
  });

  it('is listed by kind', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makeConsultant(caller, { kind: 'familiekonsulent' });
    await makeConsultant(caller, { kind: 'plejefamiliekonsulent' });
    expect((await caller.get('/consultants', { kind: 'familiekonsulent' })).body.items).toEqual([first]);
  });

  it('of a partner carries the partner as its source', async () => {
    const municipality = await livline.freshMunicipality();
    const carelink = (await livline.freshPartner('carelink', [municipality.code]))(municipality.code);
    const { id } = await makeConsultant(carelink, { employer: 'Carelink' });
    expect((await municipality.get(`/consultants/${id}`)).body.source).toBe('carelink');
  });
});
