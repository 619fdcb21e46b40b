import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeProgramme, makeRound, PROGRAMME, ROUND } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const namesOf = async (caller: Caller, query: Record<string, string>): Promise<string[]> =>
  (await caller.get('/rounds', query)).body.items.map(({ name }: typeof ROUND) => name);

describe('a round', () => {
  it('belongs to a programme and has a name and a time', async () => {
    const caller = await livline.freshMunicipality();
    const { id: programmeId } = await makeProgramme(caller);
    const { id } = await makeRound(caller, { programmeId });
    const { body } = await caller.get(`/rounds/${id}`);
    expect(body).toMatchObject({ programmeId, ...ROUND });
    expect(body.status).toBeUndefined();
  });

  it.each([
    ['no programme', { programmeId: undefined }, '/programmeId'],
    ['no name', { name: '' }, '/name'],
    ['no last day', { to: undefined }, '/to'],
    ['a day that does not exist', { from: '2026-02-30' }, '/from'],
    ['a status', { status: 'invited' }, '/status'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    const body = { ...ROUND, programmeId: randomUUID(), ...fields };
    expectProblem(await caller.post('/rounds', body), 422, 'validation_failed', pointer);
  });

  it('belongs to a programme of its own municipality only', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const [own, theirs] = [await makeProgramme(here), await makeProgramme(there)];
    const ask = (programmeId: string) => here.post('/rounds', { ...ROUND, programmeId });
    const [foreign, unknown] = [await ask(theirs.id), await ask(randomUUID())];
    expectProblem(foreign, 422, 'unknown_reference', '/programmeId');
    expect(withoutInstance(foreign)).toEqual(withoutInstance(unknown));
    expectProblem(await ask((await makeFamily(here)).id), 422, 'unknown_reference', '/programmeId');
    expect((await ask(own.id)).status).toBe(201);
  });

  it('belongs to no programme that the municipality has left, and can be held on to there', async () => {
    const caller = await livline.freshMunicipality();
    const { id: programmeId } = await makeProgramme(caller);
    const { id } = await makeRound(caller, { programmeId });
    const left = { body: { municipalities: [] }, headers: { 'if-match': '"1"' } };
    expect((await livline.operator('PATCH', `/programmes/${programmeId}`, left)).status).toBe(200);
    const late = await caller.post('/rounds', { ...ROUND, programmeId });
    expectProblem(late, 422, 'unknown_reference', '/programmeId');
    expect((await caller.patch(`/rounds/${id}`, { name: 'Afsluttet' }, 1)).status).toBe(200);
    const moved = await caller.patch(`/rounds/${id}`, { to: '2027-06-29' }, 2);
    expectProblem(moved, 422, 'unknown_reference', '/programmeId');
  });

  it('keeps its programme', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeRound(caller);
    const { id: programmeId } = await makeProgramme(caller);
    expectProblem(await caller.patch(`/rounds/${id}`, { programmeId }, 1), 422, 'validation_failed', '/programmeId');
  });

  it('does not end before it starts', async () => {
    const caller = await livline.freshMunicipality();
    const { id, programmeId } = await makeRound(caller, { from: '2026-08-01', to: '2026-08-01' });
    const born = { programmeId, name: 'Nyt', from: '2026-08-01', to: '2026-07-31' };
    expectProblem(await caller.post('/rounds', born), 422, 'validation_failed', '/to');
    expectProblem(await caller.patch(`/rounds/${id}`, { to: '2026-07-31' }, 1), 422, 'validation_failed', '/to');
  });

  it('lies in the time of its programme, first and last day included', async () => {
    const caller = await livline.freshMunicipality();
    const { from, to } = PROGRAMME;
    const { id, programmeId } = await makeRound(caller, { from, to });
    const early = { from: '2025-12-31', to };
    const late = { from, to: '2029-01-01' };
    const ask = (time: object) => caller.post('/rounds', { ...ROUND, programmeId, ...time });
    expectProblem(await ask(early), 422, 'validation_failed', '/from');
    expectProblem(await ask(late), 422, 'validation_failed', '/to');
    expectProblem(await caller.patch(`/rounds/${id}`, early, 1), 422, 'validation_failed', '/from');
    expectProblem(await caller.patch(`/rounds/${id}`, late, 1), 422, 'validation_failed', '/to');
  });

  it('is listed by programme, and by the day it runs', async () => {
    const caller = await livline.freshMunicipality();
    const { id: programmeId } = await makeProgramme(caller);
    await makeRound(caller, { programmeId, name: 'Første', from: '2026-01-01', to: '2026-06-30' });
    await makeRound(caller, { programmeId, name: 'Andet', from: '2026-06-30', to: '2026-12-31' });
    await makeRound(caller, { name: 'Et andet sted', from: '2026-01-01', to: '2028-12-31' });
    expect(await namesOf(caller, {})).toEqual(['Første', 'Andet', 'Et andet sted']);
    expect(await namesOf(caller, { programmeId })).toEqual(['Første', 'Andet']);
    expect(await namesOf(caller, { on: '2026-06-29' })).toEqual(['Første', 'Et andet sted']);
    expect(await namesOf(caller, { on: '2026-06-30' })).toEqual(['Første', 'Andet', 'Et andet sted']);
    expect(await namesOf(caller, { on: '2026-12-31', programmeId })).toEqual(['Andet']);
  });

  it('reads its programme only where its time changes', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeRound(caller);
    const trips = (patch: object, version: number) =>
      livline.roundTripsOf(() => caller.patch(`/rounds/${id}`, patch, version));
    expect(await trips({ name: 'Andet forløb' }, 1)).toBe(2);
    expect(await trips({ to: '2027-05-31' }, 2)).toBe(3);
  });

  it('is in the event feed as round.created and round.updated', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeRound(caller);
    await caller.patch(`/rounds/${id}`, { name: 'Andet forløb' }, 1);
    await livline.relay();
    const { items } = (await caller.get('/events', { types: 'round.*' })).body;
    expect(items.map(({ type }: { type: string }) => type)).toEqual([
      'dk.livline.round.created',
      'dk.livline.round.updated',
    ]);
    expect(items[1].data).toMatchObject({ action: 'updated', objectType: 'round', objectId: id, changed: ['name'] });
  });
});
