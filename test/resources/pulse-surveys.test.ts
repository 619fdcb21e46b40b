import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeChild, makeFamily, makePulseSurvey, PULSE_SURVEY } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('a pulse survey', () => {
  it('keeps every field of the domain page', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { id } = await makePulseSurvey(caller, { familyId, at: '2026-11-16T20:00:00+01:00' });
    expect((await caller.get(`/pulse-surveys/${id}`)).body).toEqual({
      ...PULSE_SURVEY,
      at: '2026-11-16T19:00:00.000Z',
      familyId,
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

  it('has every figure on a scale of whole numbers from 1 to 5', async () => {
    const caller = await livline.freshMunicipality();
    const { id: familyId } = await makeFamily(caller);
    const { cooperation } = PULSE_SURVEY;
    const with_ = (place: string, value: unknown) => {
      const [name = '', inner] = place.split('/');
      return { ...PULSE_SURVEY, familyId, [name]: inner ? { ...cooperation, [inner]: value } : value };
    };
    for (const place of ['heard', 'alone', 'stress', 'cooperation/parents', 'cooperation/municipality']) {
      for (const value of [0, 6, 2.5, '3', undefined]) {
        const reply = await caller.post('/pulse-surveys', with_(place, value));
        expectProblem(reply, 422, 'validation_failed', `/${place}`);
      }
      for (const value of [1, 5]) {
        expect((await caller.post('/pulse-surveys', with_(place, value))).status).toBe(201);
      }
    }
  });

  it('is not answered in the future', async () => {
    const caller = await livline.freshMunicipality();
    const { id, familyId } = await makePulseSurvey(caller);
    const at = '2026-11-20T09:02:00Z';
    const born = await caller.post('/pulse-surveys', { ...PULSE_SURVEY, familyId, at });
    expectProblem(born, 422, 'validation_failed', '/at');
    expectProblem(await caller.patch(`/pulse-surveys/${id}`, { at }, 1), 422, 'validation_failed', '/at');
  });

  it('is of a family of this municipality', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    for (const familyId of [randomUUID(), (await makeFamily(other)).id, (await makeChild(caller)).id]) {
      const reply = await caller.post('/pulse-surveys', { ...PULSE_SURVEY, familyId });
      expectProblem(reply, 422, 'unknown_reference', '/familyId');
    }
  });

  it('is told of when it is created and when it is corrected', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makePulseSurvey(caller);
    await caller.patch(`/pulse-surveys/${id}`, { cooperation: { parents: 1 } }, 1);
    await livline.relay();
    expect((await caller.get('/events', { types: 'pulse-survey.*' })).body.items).toMatchObject([
      { type: 'dk.livline.pulse-survey.created', subject: id, data: { action: 'created' } },
      { type: 'dk.livline.pulse-survey.updated', subject: id, data: { changed: ['cooperation'] } },
    ]);
    const { cooperation } = (await caller.get(`/pulse-surveys/${id}`)).body;
    expect(cooperation).toEqual({ parents: 1, municipality: 4 });
  });
});

describe('pulse surveys', () => {
  it('are listed newest first, by family and by period, and stand in the family’s timeline', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makePulseSurvey(caller, { at: '2026-09-01T10:00:00.000Z' });
    const { familyId } = first;
    const last = await makePulseSurvey(caller, { familyId, at: '2026-11-01T10:00:00.000Z' });
    const other = await makePulseSurvey(caller, { at: '2026-10-01T10:00:00.000Z' });
    const list = async (query = {}) => (await caller.get('/pulse-surveys', query)).body.items;
    expect(await list()).toEqual([last, other, first]);
    expect(await list({ familyId })).toEqual([last, first]);
    expect(await list({ familyId, from: '2026-10-01' })).toEqual([last]);
    expect(await list({ from: '2026-10-01', to: '2026-11-01' })).toEqual([other]);
    expect((await caller.get(`/families/${familyId}/timeline`)).body.items).toEqual([
      { type: 'pulse-surveys', at: last.at, record: last },
      { type: 'pulse-surveys', at: first.at, record: first },
    ]);
  });
});
