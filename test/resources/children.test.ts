import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CHILD, makeChild } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
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

/** Numbers of the demo's kind, day + 60, by the day after which the child is 10: today, and tomorrow. */
const TEN_TODAY = '8011164321';
const TEN_TOMORROW = '8111164321';
/** 29 February of a year that had none, by its seventh digit. */
const NO_DAY = '8902000321';
const SENSITIVE = { cpr: '610314-4321', needs: ['HEMMELIG-ro om morgenen'], custody: 'HEMMELIG-moderen' };
const SECRETS = /HEMMELIG|610314-?4321/;

describe('a child', () => {
  it('keeps every field of the domain page, its CPR number without hyphen', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, {
      ...SENSITIVE,
      responsibleMunicipality: '0630',
      externalId: 'B-1',
      caseRefs: [{ system: 'DUBU', caseNumber: '27.24.00-G01-1-26' }],
    });
    expect((await caller.get(`/children/${id}`)).body).toEqual({
      ...CHILD,
      ...SENSITIVE,
      cpr: '6103144321',
      responsibleMunicipality: '0630',
      age: 12,
      party: true,
      externalId: 'B-1',
      caseRefs: [{ system: 'DUBU', caseNumber: '27.24.00-G01-1-26' }],
      id,
      municipality: caller.code,
      version: 1,
      source: 'municipal',
      createdAt: '2026-11-20T09:00:00.000Z',
      createdBy: caller.clientId,
      updatedAt: '2026-11-20T09:00:00.000Z',
      updatedBy: caller.clientId,
    });
  });

  it('is decided on by one of the 98 municipalities: its own unless it names another, 630 being 0630', async () => {
    const caller = await livline.freshMunicipality();
    expect((await makeChild(caller)).responsibleMunicipality).toBe(caller.code);
    expect((await makeChild(caller, { responsibleMunicipality: '630' })).responsibleMunicipality).toBe('0630');
    for (const responsibleMunicipality of ['9999', '0000', '63', 'Vejle']) {
      const reply = await caller.post('/children', { ...CHILD, responsibleMunicipality });
      expectProblem(reply, 422, 'validation_failed', '/responsibleMunicipality');
    }
  });

  it('has its year of birth from its CPR number where it is not given, for whoever may see that', async () => {
    const caller = await livline.freshMunicipality();
    for (const [cpr, birthYear] of Object.entries({ '610314-4321': 2014, '6112095000': 2009 })) {
      const made = await makeChild(caller, { birthYear: undefined, cpr });
      expect((await caller.get(`/children/${made.id}`)).body).toMatchObject({ birthYear });
      const plain = (await caller.withScopes('children:read').get(`/children/${made.id}`)).body;
      for (const body of [made, plain]) {
        for (const derived of ['birthYear', 'age', 'party']) expect(body).not.toHaveProperty(derived);
      }
    }
  });

  it('keeps its CPR number from telling its year of birth to who sends another one', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, { cpr: SENSITIVE.cpr });
    const plain = caller.withScopes('children:write');
    expect((await plain.patch(`/children/${id}`, { birthYear: 2013 }, 1)).status).toBe(200);
    const removed = await plain.patch(`/children/${id}`, { birthYear: null }, 2);
    expectProblem(removed, 422, 'validation_failed', '/birthYear');
  });

  it('is refused when its CPR number and its year of birth do not agree', async () => {
    const caller = await livline.freshMunicipality();
    const born = await caller.post('/children', { ...CHILD, birthYear: 2013, cpr: SENSITIVE.cpr });
    expectProblem(born, 422, 'validation_failed', '/birthYear');
    const { id } = await makeChild(caller, { birthYear: 2013 });
    const patched = await caller.patch(`/children/${id}`, { cpr: SENSITIVE.cpr }, 1);
    expectProblem(patched, 422, 'validation_failed', '/birthYear');
    const both = await caller.patch(`/children/${id}`, { cpr: SENSITIVE.cpr, birthYear: null }, 1);
    expect(both.status).toBe(200);
    expect((await caller.get(`/children/${id}`)).body.birthYear).toBe(2014);
  });

  it('is refused without anything that tells its year of birth', async () => {
    const caller = await livline.freshMunicipality();
    for (const cpr of [undefined, NO_DAY]) {
      const reply = await caller.post('/children', { alias: 'Barn', cpr });
      expectProblem(reply, 422, 'validation_failed', '/birthYear');
    }
    const { id } = await makeChild(caller);
    expectProblem(
      await caller.patch(`/children/${id}`, { birthYear: null }, 1),
      422,
      'validation_failed',
      '/birthYear',
    );
  });

  it('is not born in the future', async () => {
    const caller = await livline.freshMunicipality();
    const next = await caller.post('/children', { ...CHILD, birthYear: 2027 });
    expectProblem(next, 422, 'validation_failed', '/birthYear');
    const tomorrow = await caller.post('/children', { alias: 'Barn', cpr: '8111264321' });
    expectProblem(tomorrow, 422, 'validation_failed', '/cpr');
    await makeChild(caller, { birthYear: undefined, cpr: '8011264321' });
  });

  it('has a CPR number `^\\d{6}-?\\d{4}$` that is never rejected on modulus 11', async () => {
    const caller = await livline.freshMunicipality();
    for (const cpr of ['610314-4321', '6103144320', '6103144322', '6103144323', NO_DAY]) {
      const { id } = await makeChild(caller, { cpr });
      expect((await caller.get(`/children/${id}`)).body.cpr).toBe(cpr.replace('-', ''));
    }
    for (const cpr of ['610314 4321', '61031-44321', '610314432', '61031443210', 6103144321]) {
      expectProblem(await caller.post('/children', { ...CHILD, cpr }), 422, 'validation_failed', '/cpr');
    }
  });
});

describe('a child’s CPR number', () => {
  it('is looked up by keyed hash, with or without hyphen, in its own municipality alone', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const child = await makeChild(caller, SENSITIVE);
    await makeChild(caller, { cpr: '6103144322' });
    for (const cpr of ['610314-4321', '6103144321']) {
      expect(await caller.post('/children/lookup', { cpr })).toMatchObject({ status: 200, body: { items: [child] } });
      expect((await other.post('/children/lookup', { cpr })).body).toEqual({ items: [] });
    }
  });

  it('finds the child no more once it is another', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, SENSITIVE);
    const { body } = await caller.patch(`/children/${id}`, { cpr: '6103144322' }, 1);
    const find = async (cpr: string) => (await caller.post('/children/lookup', { cpr })).body.items;
    expect(await find('6103144321')).toEqual([]);
    expect(await find('6103144322')).toEqual([body]);
  });
});

describe('a child of 10 or more is a party', () => {
  it.each([
    ['whose 10th birthday is today', { cpr: TEN_TODAY }, { age: 10, party: true }],
    ['whose 10th birthday is tomorrow', { cpr: TEN_TOMORROW }, { age: 9, party: false }],
    ['that may be 10 by its year of birth', { birthYear: 2016 }, { age: 10, party: true }],
    ['that cannot be 10 by its year of birth', { birthYear: 2017 }, { age: 9, party: false }],
    ['born this year', { birthYear: 2026 }, { age: 0, party: false }],
    ['with a CPR number that tells no date of birth', { birthYear: 2016, cpr: NO_DAY }, { age: 10, party: true }],
  ])('and one %s is as old as that makes it', async (_, fields, expected) => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, { birthYear: undefined, ...fields });
    expect((await caller.get(`/children/${id}`)).body).toMatchObject(expected);
  });

  it('from the first instant of its birthday in Denmark, although nothing was written', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller, { birthYear: undefined, cpr: TEN_TOMORROW });
    const seen = async () => (await caller.get(`/children/${id}`)).body;
    const toMidnight = (Date.parse('2026-11-20T23:00:00Z') - livline.now().getTime()) / 1000;
    livline.advance(toMidnight - 1);
    expect(await seen()).toMatchObject({ age: 9, party: false, version: 1 });
    livline.advance(1);
    expect(await seen()).toMatchObject({ age: 10, party: true, version: 1 });
    livline.advance(-toMidnight);
  });

  it('by its age, which is derived from year of birth or CPR number and never stored', async () => {
    const caller = await livline.freshMunicipality();
    const requests = await livline.requestsOf(() => makeChild(caller, SENSITIVE));
    const rows = requests.flatMap(({ input }) => input.TransactItems ?? []).flatMap(({ Put }) => Put?.Item ?? []);
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) expect(JSON.stringify(row)).not.toMatch(/"(age|party)\\?":/);
    for (const field of ['age', 'party']) {
      expectProblem(await caller.post('/children', { ...CHILD, [field]: 12 }), 422, 'validation_failed', `/${field}`);
    }
  });
});

describe('what is sensitive of a child', () => {
  it('is shown by a read with the scope for it alone, and in no list, event, history or answer to a write', async () => {
    const caller = await livline.freshMunicipality();
    const created = await makeChild(caller, SENSITIVE);
    const path = `/children/${created.id}`;
    const patched = await caller.patch(path, { custody: 'HEMMELIG-faderen' }, 1);
    await livline.relay();
    const withoutScope = caller.withScopes('children:read', 'children:write', 'events:read');
    const shown = [
      created,
      patched.body,
      (await caller.get('/children')).body,
      (await caller.post('/children/lookup', { cpr: SENSITIVE.cpr })).body,
      (await caller.get('/events')).body,
      (await caller.get(`${path}/history`)).body,
      (await withoutScope.get(path)).body,
    ];
    for (const body of shown) {
      expect(body).toBeDefined();
      expect(JSON.stringify(body)).not.toMatch(SECRETS);
    }
    expect(shown[2].items).toHaveLength(1);
    expect(shown[5].items[0].changed).toEqual(['custody']);
    expect((await caller.get(path)).body).toMatchObject({ cpr: '6103144321', needs: SENSITIVE.needs });
  });

  it('is in no problem and no log, and stored sealed in its own row alone', async () => {
    const caller = await livline.freshMunicipality();
    const requests = await livline.requestsOf(() => makeChild(caller, SENSITIVE));
    const rows = requests.flatMap(({ input }) => input.TransactItems ?? []).flatMap(({ Put }) => Put?.Item ?? []);
    const [own, ...others] = rows.filter(({ sensitive }) => sensitive !== undefined);
    expect(others).toEqual([]);
    expectSealed(own?.['sensitive'], Object.keys(SENSITIVE));
    for (const row of rows) expect(JSON.stringify(row)).not.toMatch(SECRETS);
    const replies = [
      await caller.post('/children', { ...CHILD, ...SENSITIVE, birthYear: 2013 }),
      await caller.post('/children', { ...CHILD, ...SENSITIVE, cpr: '610314-43210' }),
      await caller.post('/children', { ...CHILD, ...SENSITIVE, needs: [SENSITIVE.needs[0], SENSITIVE.needs[0]] }),
      await caller.post('/children/lookup', { cpr: 'x610314-4321' }),
      await livline.cutOff('sending', 'TransactWriteItems', () => caller.post('/children', { ...CHILD, ...SENSITIVE })),
    ];
    expect(replies.map(({ status }) => status)).toEqual([422, 422, 422, 422, 500]);
    for (const { text } of replies) expect(text).not.toMatch(SECRETS);
    expect(logged.join('')).toMatch(/unexpected error/);
    expect(logged.join('')).not.toMatch(SECRETS);
  });
});

describe('children', () => {
  it('are told of as they are created and updated', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeChild(caller);
    await caller.patch(`/children/${id}`, { needs: ['Ro'] }, 1);
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'child.*' })).body;
    expect(items).toMatchObject([
      { type: 'dk.livline.child.created', subject: id, data: { objectType: 'child', action: 'created' } },
      { type: 'dk.livline.child.updated', subject: id, data: { action: 'updated', changed: ['needs'] } },
    ]);
  });

  it('are listed by alias, and by the municipality that decides on them', async () => {
    const caller = await livline.freshMunicipality();
    const own = await makeChild(caller, { alias: 'Å' });
    const foreign = await makeChild(caller, { alias: 'b', responsibleMunicipality: '0630' });
    const first = await makeChild(caller, { alias: 'A' });
    const list = async (query = {}) => (await caller.get('/children', query)).body.items;
    expect(await list()).toEqual([first, foreign, own]);
    expect(await list({ responsibleMunicipality: '0630' })).toEqual([foreign]);
    expect(await list({ responsibleMunicipality: caller.code })).toEqual([first, own]);
  });
});
