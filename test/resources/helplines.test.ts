import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { HELPLINE, makeFamily, makeHelpline, makeInstitution } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const open = (from: string, to: string, weekday = 1) => ({ weekday, from, to });

describe('a helpline', () => {
  it('is open day and night from a day on', async () => {
    const caller = await livline.freshMunicipality();
    const { id: institutionId } = await makeInstitution(caller);
    const { id } = await makeHelpline(caller, { institutionId });
    const { body } = await caller.get(`/helplines/${id}`);
    expect(body).toMatchObject({ ...HELPLINE, institutionId });
  });

  it('may promise a weekly pattern instead', async () => {
    const caller = await livline.freshMunicipality();
    const promisedHours = [open('08:00', '16:00'), open('18:00', '24:00'), open('00:00', '24:00', 7)];
    expect(await makeHelpline(caller, { promisedHours })).toMatchObject({ promisedHours });
  });

  it.each([
    ['hours that end before they start', [open('08:00', '16:00'), open('16:00', '08:00')], '/promisedHours/1/to'],
    ['hours that end as they start', [open('08:00', '08:00')], '/promisedHours/0/to'],
    ['an hour that does not exist', [open('08:00', '25:00')], '/promisedHours/0/to'],
    ['an eighth weekday', [open('08:00', '16:00', 8)], '/promisedHours/0/weekday'],
    ['an empty pattern', [], '/promisedHours'],
    ['another word than 24/7', 'altid', '/promisedHours'],
  ])('is refused with %s', async (_, promisedHours, pointer) => {
    const caller = await livline.freshMunicipality();
    const reply = await caller.post('/helplines', { ...HELPLINE, promisedHours });
    expectProblem(reply, 422, 'validation_failed', pointer);
  });

  it('names an institution of its own municipality', async () => {
    const caller = await livline.freshMunicipality();
    const family = await makeFamily(caller);
    for (const institutionId of [randomUUID(), family.id]) {
      const reply = await caller.post('/helplines', { ...HELPLINE, institutionId });
      expectProblem(reply, 422, 'unknown_reference', '/institutionId');
    }
    expect((await caller.get('/helplines')).body.items).toEqual([]);
  });

  it.each(['2019-11-31', '2019-02-29', '1.11.2019', '2019-11-01T00:00:00Z', 20191101])(
    'does not open on %j, which is no date',
    async (openFrom) => {
      const caller = await livline.freshMunicipality();
      const reply = await caller.post('/helplines', { ...HELPLINE, openFrom });
      expectProblem(reply, 422, 'validation_failed', '/openFrom');
    },
  );
});
