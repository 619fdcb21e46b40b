import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY, makeFamily } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const APPROVAL = {
  authority: 'Socialtilsyn Midt',
  from: '2019-08-01',
  places: 2,
  ageMin: 0,
  ageMax: 17,
  careForms: ['doegn'],
};
const CHILD = '01930000-0000-7000-8000-000000000009';

describe('a family', () => {
  it('is created in its first status and read back as it was answered', async () => {
    const caller = await livline.freshMunicipality();
    const created = await caller.post('/families', FAMILY);
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      ...FAMILY,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      municipality: caller.code,
      version: 1,
      status: 'applicant',
      statusAt: '2026-11-20T09:00:00.000Z',
      type: 'plejefamilie',
      residence: caller.code,
      skills: [],
      pressure: 'normal',
      source: 'municipal',
      createdAt: '2026-11-20T09:00:00.000Z',
      createdBy: caller.clientId,
      updatedAt: '2026-11-20T09:00:00.000Z',
      updatedBy: caller.clientId,
    });
    expect((await caller.get(`/families/${created.body.id}`)).body).toEqual(created.body);
  });

  it('keeps every field of the domain page', async () => {
    const caller = await livline.freshMunicipality();
    const whole = {
      ...FAMILY,
      kind: 'specialiseret',
      careForms: ['doegn', 'stoetteophold'],
      fosteringSince: '2019-08-01',
      residence: '0630',
      skills: ['teenagers', 'autism'],
      pressure: 'high',
      socialtilsyn: 'midt',
      tilbudsportalId: '123456',
      approval: { ...APPROVAL, to: '2029-07-31', childId: CHILD },
      outsideWork: 'Den ene arbejder ude 20 timer',
      adults: [{ name: 'Anne Prøve', cpr: '6101801234', phone: '+4512345678', email: 'anne@example.dk' }],
      caseRefs: [{ system: 'DUBU', caseId: 'sag-1', caseNumber: '27.03.00-G01-12-26' }],
      externalId: 'F-1',
      status: 'active',
      statusAt: '2019-08-01T00:00:00.000Z',
    };
    const { id } = await makeFamily(caller, whole);
    expect((await caller.get(`/families/${id}`)).body).toMatchObject(whole);
  });

  it('goes only the steps of its status machine', async () => {
    const caller = await livline.freshMunicipality();
    await expectMachine({
      caller,
      path: '/families',
      steps: stepsOf(
        `applicant→in_training→approved→active⇄paused; active, paused→closed (reason);
         approved, active, paused→suspended→active, closed; applicant, in_training→closed`,
      ),
      reasonFor: ['closed'],
      make: () => makeFamily(caller),
      runs: 10,
    });
  });

  it('is closed with a reason only', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    expectProblem(await caller.status(`/families/${id}`, 1, { status: 'closed' }), 422, 'validation_failed', '/reason');
    const closed = await caller.status(`/families/${id}`, 1, { status: 'closed', reason: 'Flyttet til Norge' });
    expect(closed.body).toMatchObject({ status: 'closed', statusReason: 'Flyttet til Norge' });
    const born = await caller.post('/families', { ...FAMILY, status: 'closed' });
    expectProblem(born, 422, 'validation_failed', '/statusReason');
    expect((await caller.post('/families', { ...FAMILY, status: 'closed', statusReason: 'Ophørt' })).status).toBe(201);
  });

  it('does not keep the reason of a status that it has left', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { status: 'active' });
    await caller.status(`/families/${id}`, 1, { status: 'paused', reason: 'Barsel' });
    const { body } = await caller.status(`/families/${id}`, 2, { status: 'active' });
    expect(body.statusReason).toBeUndefined();
  });

  it('does not change its status in the future, nor end before it began', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { status: 'active', fosteringSince: '2019-08-01' });
    const pause = await caller.status(`/families/${id}`, 1, { status: 'paused', at: '2026-11-20T09:02:00Z' });
    expectProblem(pause, 422, 'validation_failed', '/at');
    const close = { status: 'closed', reason: 'Ophørt', at: '2019-07-31T21:00:00Z' };
    expectProblem(await caller.status(`/families/${id}`, 1, close), 422, 'validation_failed', '/at');
    expect((await caller.status(`/families/${id}`, 1, { ...close, at: '2019-08-01T00:00:00+02:00' })).status).toBe(200);
    const born = {
      ...FAMILY,
      status: 'closed',
      statusReason: 'Ophørt',
      statusAt: close.at,
      fosteringSince: '2019-08-01',
    };
    expectProblem(await caller.post('/families', born), 422, 'validation_failed', '/statusAt');
  });

  it.each([
    ['almen', ['doegn'], 'plejefamilie'],
    ['forstaerket', ['doegn', 'stoetteophold'], 'plejefamilie'],
    ['specialiseret', ['stoetteophold'], 'aflastningsfamilie'],
    ['netvaerk', ['stoetteophold'], 'netvaerksplejefamilie'],
  ])('of kind %s with care forms %j is a %s, and cannot say so itself', async (kind, careForms, type) => {
    const caller = await livline.freshMunicipality();
    expect(await makeFamily(caller, { kind, careForms })).toMatchObject({ type });
    expectProblem(await caller.post('/families', { ...FAMILY, type }), 422, 'validation_failed', '/type');
  });

  it('becomes another type when its care forms change', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const { body } = await caller.patch(`/families/${id}`, { careForms: ['stoetteophold'] }, 1);
    expect(body.type).toBe('aflastningsfamilie');
  });

  it.each([
    ['ends before it starts', { approval: { ...APPROVAL, to: '2019-07-31' } }, '/approval/to'],
    ['has its ages the wrong way round', { approval: { ...APPROVAL, ageMin: 12, ageMax: 11 } }, '/approval/ageMax'],
    ['of a network family names no child', { kind: 'netvaerk', approval: APPROVAL }, '/approval/childId'],
    ['has more than ten places', { approval: { ...APPROVAL, places: 11 } }, '/approval/places'],
  ])('is refused when its approval %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.post('/families', { ...FAMILY, ...fields }), 422, 'validation_failed', pointer);
  });

  it('lives in one of the 98 municipalities, 630 being 0630', async () => {
    const caller = await livline.freshMunicipality();
    expect(await makeFamily(caller, { residence: '630' })).toMatchObject({ residence: '0630' });
    for (const residence of ['9999', '0000', '63', '06300', 'Vejle', 630]) {
      expectProblem(await caller.post('/families', { ...FAMILY, residence }), 422, 'validation_failed', '/residence');
    }
  });

  it('takes CPR numbers with and without hyphen, whatever modulus 11 says, and keeps them without', async () => {
    const caller = await livline.freshMunicipality();
    const numbers = ['610180-1234', '6101801235', '610180-0000', '6101809999'];
    const { id } = await makeFamily(caller, { adults: numbers.map((cpr) => ({ name: 'Prøve', cpr })) });
    const { body } = await caller.get(`/families/${id}`);
    expect(body.adults.map(({ cpr }: { cpr: string }) => cpr)).toEqual(numbers.map((cpr) => cpr.replace('-', '')));
    const adults = [{ name: 'Prøve', cpr: '610180 1234' }];
    expectProblem(await caller.post('/families', { ...FAMILY, adults }), 422, 'validation_failed', '/adults/0/cpr');
  });

  it('has events of its own for what happens to it', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeFamily(caller, { status: 'approved' });
    const steps = ['active', 'paused', 'active', 'suspended', 'closed'];
    for (const [at, status] of steps.entries()) await caller.status(`/families/${id}`, at + 1, { status, reason: 'x' });
    await caller.patch(`/families/${id}`, { pressure: 'high' }, 6);
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'family.*' });
    expect(body.items.map(({ type, data }: { type: string; data: { action: string } }) => [type, data.action])).toEqual(
      [
        ['dk.livline.family.created', 'created'],
        ['dk.livline.family.activated', 'updated'],
        ['dk.livline.family.paused', 'updated'],
        ['dk.livline.family.activated', 'updated'],
        ['dk.livline.family.suspended', 'updated'],
        ['dk.livline.family.closed', 'ended'],
        ['dk.livline.family.updated', 'updated'],
      ],
    );
  });

  it.each([
    ['status', 'active', 'applicant'],
    ['kind', 'netvaerk', 'almen'],
    ['pressure', 'high', 'normal'],
  ])('is listed by %s', async (filter, wanted, other) => {
    const caller = await livline.freshMunicipality();
    const first = await makeFamily(caller, { [filter]: wanted });
    await makeFamily(caller, { [filter]: other });
    const { body } = await caller.get('/families', { [filter]: wanted });
    expect(body.items).toEqual([first]);
  });
});
