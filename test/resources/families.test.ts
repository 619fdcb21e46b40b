import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY, makeChild, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectMachine, stepsOf } from '#test/support/machines.ts';
import { expectProblem } from '#test/support/problems.ts';
import { expectSealed } from '#test/support/sealed.ts';

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
    const { id: childId } = await makeChild(caller);
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
      approval: { ...APPROVAL, to: '2029-07-31', childId },
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
      relay: livline.relay,
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
    expect(closed.body).toMatchObject({ status: 'closed' });
    expect((await caller.get(`/families/${id}`)).body.statusReason).toBe('Flyttet til Norge');
    const born = await caller.post('/families', { ...FAMILY, status: 'closed' });
    expectProblem(born, 422, 'validation_failed', '/statusReason');
    expect((await caller.post('/families', { ...FAMILY, status: 'closed', statusReason: 'Ophørt' })).status).toBe(201);
  });

  it('does not keep the reason of a status that it has left', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, { status: 'active' });
    await caller.status(`/families/${id}`, 1, { status: 'paused', reason: 'Barsel' });
    await caller.status(`/families/${id}`, 2, { status: 'active' });
    const { body } = await caller.get(`/families/${id}`);
    expect(body).toMatchObject({ status: 'active', version: 3 });
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

  it('of the network is approved for a child of this municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const strangers = [randomUUID(), (await makeChild(other)).id, (await makeFamily(caller)).id];
    for (const childId of strangers) {
      const family = { ...FAMILY, kind: 'netvaerk', approval: { ...APPROVAL, childId } };
      expectProblem(await caller.post('/families', family), 422, 'unknown_reference', '/approval/childId');
    }
    const { id: childId } = await makeChild(caller);
    const made = await makeFamily(caller, { kind: 'netvaerk', approval: { ...APPROVAL, childId } });
    expect(made.approval.childId).toBe(childId);
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

describe('who is calling', () => {
  const SPELLINGS = ['70 10 20 30', '70102030', '70-10-20-30', '+4570102030', '+45 70 10 20 30', '004570102030'];
  const adult = (phone: string) => ({ adults: [{ name: 'Anne Prøve', phone }] });
  const find = async (caller: Caller, phone: string) => {
    const { status, body } = await caller.post('/families/lookup', { phone });
    expect(status).toBe(200);
    return body.items;
  };

  it.each(['70 10 20 30', '+4570102030', '004570102030'])(
    'is told by the telephone %s, however either side writes it',
    async (phone) => {
      const caller = await livline.freshMunicipality();
      const family = await makeFamily(caller, adult(phone));
      await makeFamily(caller, adult('70102031'));
      for (const spelling of SPELLINGS) expect(await find(caller, spelling)).toEqual([family]);
    },
  );

  it('is told by the telephone of any adult, and by that of several families', async () => {
    const caller = await livline.freshMunicipality();
    const adults = [{ name: 'Anne' }, { name: 'Bo', phone: '70102030' }, { name: 'Ib', phone: '+4746 10 20 30 40' }];
    const one = await makeFamily(caller, { adults, alias: 'A' });
    const other = await makeFamily(caller, { adults: adults.slice(0, 2), alias: 'B' });
    expect(await find(caller, '70102030')).toEqual([one, other]);
    expect(await find(caller, '004746102030 40')).toEqual([one]);
    expect(await find(caller, '70102031')).toEqual([]);
  });

  it('is not told in another municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    await makeFamily(caller, adult('70102030'));
    expect(await find(other, '70102030')).toEqual([]);
  });

  it('is told by no number that the family has no more', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller, adult('70102030'));
    const { body } = await caller.patch(`/families/${id}`, adult('70102039'), 1);
    expect(await find(caller, '70102030')).toEqual([]);
    expect(await find(caller, '70102039')).toEqual([body]);
    await caller.patch(`/families/${id}`, { adults: null }, 2);
    expect(await find(caller, '70102039')).toEqual([]);
  });

  it('is told by a CPR number too, with and without hyphen', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller, { adults: [{ name: 'Anne', cpr: '610180-1234' }] });
    for (const cpr of ['610180-1234', '6101801234']) {
      expect((await caller.post('/families/lookup', { cpr })).body).toEqual({ items: [family] });
    }
  });

  it('is asked for in one Query and one read of who it finds, between its count and its entry, without sensitive fields', async () => {
    const caller = await livline.freshMunicipality();
    await makeFamily(caller, adult('70102030'));
    const requests = await livline.requestsOf(async () => {
      const [family] = await find(caller, '70102030');
      expect(family.adults).toBeUndefined();
    });
    const commands = ['UpdateItem', 'Query', 'BatchGetItem', 'PutItem'];
    expect(requests.map(({ command }) => command)).toEqual(commands);
    expect(JSON.stringify(requests)).not.toContain('70102030');
  });

  it('is stored as a keyed hash: the number itself stands nowhere', async () => {
    const caller = await livline.freshMunicipality();
    const requests = await livline.requestsOf(async () => {
      const { id } = await makeFamily(caller, adult('70 10 20 30'));
      await caller.patch(`/families/${id}`, { pressure: 'high' }, 1);
    });
    const rows = requests.flatMap(({ input }) => input.TransactItems ?? []).flatMap(({ Put }) => Put?.Item ?? []);
    for (const row of rows) expect(JSON.stringify(row)).not.toContain('70102030');
    const own = rows.filter(({ type, sk }) => type === 'families' && sk === 'A');
    expect(own.map(({ version }) => version)).toEqual([1, 2]);
    for (const { sensitive } of own) expectSealed(sensitive, ['adults']);
    const edges = rows.filter(({ sk }) => String(sk).startsWith('E#lookup-phone#'));
    expect(edges.length).toBeGreaterThan(0);
    for (const { sk } of edges) expect(sk).toMatch(/^E#lookup-phone#[0-9a-f]{64}$/);
  });

  it.each([
    ['two names at a time', { phone: '70102030', cpr: '6101801234' }],
    ['none', {}],
    ['what is no number', { phone: 'Anne' }],
    ['a name that nobody is looked up by', { email: 'anne@example.dk' }],
  ])('is not asked with %s', async (_, body) => {
    const caller = await livline.freshMunicipality();
    const reply = await caller.post('/families/lookup', body);
    expect(reply).toMatchObject({ status: 422, body: { type: '/problems/validation_failed' } });
  });

  it('is asked by those only who may read families', async () => {
    const caller = (await livline.freshMunicipality()).withScopes('helpline:read');
    expectProblem(await caller.post('/families/lookup', { phone: '70102030' }), 403, 'forbidden');
  });
});
