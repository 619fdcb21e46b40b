import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AFFILIATION, makeAffiliation, makeFamily, makeInstitution } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { pages } from '#test/support/pages.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const ROLES = {
  municipality: ['Fører tilsyn'],
  institution: ['Døgntelefon', 'Individuel supervision'],
  family: ['Skriver dagbog'],
  contactRhythmDays: 7,
};
/** The day so many days into 2026. */
const day = (at: number) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10);

async function familyAndInstitution(by: Caller) {
  const [family, institution] = await Promise.all([makeFamily(by), makeInstitution(by)]);
  return { familyId: family.id, institutionId: institution.id };
}

describe('an affiliation', () => {
  it('attaches a family to an institution for a time, with who does what', async () => {
    const caller = await livline.freshMunicipality();
    const whole = {
      ...(await familyAndInstitution(caller)),
      from: '2025-08-01',
      to: '2027-07-31',
      roleAgreement: ROLES,
    };
    const { id } = await makeAffiliation(caller, whole);
    const { body } = await caller.get(`/affiliations/${id}`);
    expect(body).toMatchObject(whole);
    expect(body.status).toBeUndefined();
  });

  it('may leave open when it ends and what was agreed', async () => {
    const caller = await livline.freshMunicipality();
    const bare = await makeAffiliation(caller);
    expect(Object.keys(bare)).not.toContain('to');
    expect(Object.keys(bare)).not.toContain('roleAgreement');
    await caller.patch(`/affiliations/${bare.id}`, { roleAgreement: { family: ['Ringer selv'] } }, 1);
    const { body } = await caller.get(`/affiliations/${bare.id}`);
    expect(body.roleAgreement).toEqual({ municipality: [], institution: [], family: ['Ringer selv'] });
  });

  it.each([
    ['no first day', { from: undefined }, '/from'],
    ['a rhythm of no day', { roleAgreement: { contactRhythmDays: 0 } }, '/roleAgreement/contactRhythmDays'],
    ['a rhythm of more than a year', { roleAgreement: { contactRhythmDays: 366 } }, '/roleAgreement/contactRhythmDays'],
    ['a task for somebody else', { roleAgreement: { school: ['Lektiehjælp'] } }, '/roleAgreement/school'],
    ['an empty task', { roleAgreement: { family: [' '] } }, '/roleAgreement/family/0'],
    ['a status', { status: 'active' }, '/status'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { ...AFFILIATION, ...(await familyAndInstitution(caller)), ...fields };
    expectProblem(await caller.post('/affiliations', body), 422, 'validation_failed', pointer);
  });

  it('does not end before it starts', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId, institutionId } = await makeAffiliation(caller, { to: AFFILIATION.from });
    const born = { familyId, institutionId, from: '2026-01-01', to: '2025-12-31' };
    expectProblem(await caller.post('/affiliations', born), 422, 'validation_failed', '/to');
    const early = await caller.patch(`/affiliations/${id}`, { to: '2025-12-31' }, 1);
    expectProblem(early, 422, 'validation_failed', '/to');
    const late = await caller.patch(`/affiliations/${id}`, { from: '2026-01-02' }, 1);
    expectProblem(late, 422, 'validation_failed', '/to');
  });

  it('names a family and an institution of its own municipality', async () => {
    const caller = await livline.freshMunicipality();
    const own = await familyAndInstitution(caller);
    for (const name of ['familyId', 'institutionId'] as const) {
      const other = name === 'familyId' ? own.institutionId : own.familyId;
      for (const id of [randomUUID(), other]) {
        const reply = await caller.post('/affiliations', { ...AFFILIATION, ...own, [name]: id });
        expectProblem(reply, 422, 'unknown_reference', `/${name}`);
      }
    }
    expect((await caller.get('/affiliations')).body.items).toEqual([]);
  });

  it('keeps its family and its institution: whoever is attached elsewhere gets another one', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId, institutionId } = await makeAffiliation(caller, { externalId: 'T-1' });
    const other = await familyAndInstitution(caller);
    for (const name of ['familyId', 'institutionId'] as const) {
      const pointer = `/${name}`;
      const patched = await caller.patch(`/affiliations/${id}`, { [name]: other[name] }, 1);
      expectProblem(patched, 422, 'validation_failed', pointer);
      const body = { ...AFFILIATION, familyId, institutionId, [name]: other[name] };
      const put = await caller.put('/affiliations/external/municipal/T-1', body);
      expectProblem(put, 422, 'validation_failed', pointer);
    }
    expect((await caller.get(`/affiliations/${id}`)).body).toMatchObject({ familyId, institutionId, version: 1 });
  });

  it('is listed by institution and by family, those that still hold first', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId, institutionId } = await familyAndInstitution(caller);
    const past = await makeAffiliation(caller, { familyId, institutionId, from: '2024-01-01', to: '2024-12-31' });
    const open = await makeAffiliation(caller, { institutionId });
    const elsewhere = await makeAffiliation(caller, { familyId, from: '2025-01-01', to: '2026-06-30' });
    const list = async (query: Record<string, string>) => (await caller.get('/affiliations', query)).body.items;
    expect(await list({})).toEqual([open, elsewhere, past]);
    expect(await list({ institutionId })).toEqual([open, past]);
    expect(await list({ familyId })).toEqual([elsewhere, past]);
    expect(await list({ familyId, institutionId })).toEqual([past]);
  });

  it('is started when it is created and ended when its last day comes to be set, else updated', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    const { id } = await makeAffiliation(caller);
    const changes = [
      { roleAgreement: ROLES },
      { to: '2026-12-31' },
      { to: '2026-11-30' },
      { to: null },
      { to: '2027-01-31' },
    ];
    for (const [at, change] of changes.entries()) {
      expect((await caller.patch(`/affiliations/${id}`, change, at + 1)).status).toBe(200);
    }
    const { id: over } = await makeAffiliation(caller, { from: '2020-01-01', to: '2021-12-31' });
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'affiliation.*' })).body;
    const told = items.map(({ type, subject, data }: { type: string; subject: string; data: { action: string } }) => [
      type.slice('dk.livline.affiliation.'.length),
      data.action,
      subject,
    ]);
    expect(told).toEqual([
      ['started', 'created', id],
      ['updated', 'updated', id],
      ['ended', 'ended', id],
      ['updated', 'updated', id],
      ['updated', 'updated', id],
      ['ended', 'ended', id],
      ['started', 'created', over],
    ]);
  });
});

describe('an institution’s attached families on a day', () => {
  it('are those whose affiliation holds then, first and last day included', async () => {
    const caller = await livline.freshMunicipality();
    const { institutionId } = await makeAffiliation(caller);
    const span = await makeAffiliation(caller, { institutionId, from: '2026-11-10', to: '2026-11-22' });
    await makeAffiliation(caller, { from: '2026-11-10', to: '2026-11-22' });
    const attached = async (on: string) =>
      (await caller.get('/affiliations', { institutionId, on })).body.items.map(({ id }: { id: string }) => id);
    for (const on of ['2026-11-10', '2026-11-15', '2026-11-22']) expect(await attached(on)).toContain(span.id);
    for (const on of ['2026-11-09', '2026-11-23']) expect(await attached(on)).toHaveLength(1);
    expect(await attached('2025-12-31')).toEqual([]);
  });

  it('are the same as a look at every affiliation finds, in Queries that read on until a page is full', async () => {
    const caller = await livline.freshMunicipality();
    const { familyId } = await familyAndInstitution(caller);
    const span = fc.record({ start: fc.nat({ max: 40 }), days: fc.option(fc.nat({ max: 20 })) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(span, { minLength: 1, maxLength: 9 }),
        fc.array(fc.nat({ max: 70 }), { maxLength: 3 }),
        async (spans, days) => {
          const { id: institutionId } = await makeInstitution(caller);
          const all = await Promise.all(
            spans.map((given) =>
              makeAffiliation(caller, {
                familyId,
                institutionId,
                from: day(given.start),
                ...(given.days !== null && { to: day(given.start + given.days) }),
              }),
            ),
          );
          const sortedBy = ({ to = '9999-12-31', id }: { to?: string; id: string }) => `${to} ${id}`;
          const newestFirst = all.toSorted((a, b) => (sortedBy(a) < sortedBy(b) ? 1 : -1));
          // The days on which something changes, and some others.
          const edges = spans.slice(0, 2).flatMap(({ start, days: length }) => [start, start + (length ?? 0)]);
          for (const on of new Set([...days, ...edges, ...edges.map((edge) => edge + 1)].map(day))) {
            const holding = newestFirst.filter(({ from, to }) => from <= on && (to === undefined || on <= to));
            let read: unknown[] = [];
            const requests = await livline.requestsOf(async () => {
              read = await pages(caller, '/affiliations', { institutionId, on, limit: '4' });
            });
            expect(read.flat()).toEqual(holding);
            expect(new Set(requests.map(({ command }) => command))).toEqual(new Set(['Query']));
            expect(requests.length).toBeLessThanOrEqual(read.length + Math.ceil(all.length / 4));
          }
        },
      ),
      { numRuns: 6 },
    );
  });

  it.each(['2026-02-30', '22.11.2026', '2026-11-22T00:00:00Z', ''])(
    'are not asked for on %j, which is no day',
    async (on) => {
      const caller = await livline.freshMunicipality();
      expectProblem(await caller.get('/affiliations', { on }), 422, 'validation_failed', '/query/on');
    },
  );

  it('is a question to lists of what holds for a time alone', async () => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.get('/calls', { on: '2026-11-22' }), 422, 'validation_failed', '/query/on');
  });
});
