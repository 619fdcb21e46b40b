import { beforeAll, describe, expect, it } from 'vitest';
import { makeTheme, THEME } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe("a quarter's theme", () => {
  it('is one: a second theme for the quarter is refused', async () => {
    const caller = await livline.freshMunicipality();
    const first = await makeTheme(caller);
    expectProblem(await caller.post('/themes', { ...THEME, code: 'learning' }), 409, 'already_exists');
    expect((await caller.get('/themes')).body.items).toEqual([first]);
  });

  it('is each municipality’s own', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    await makeTheme(one);
    expect((await makeTheme(other)).municipality).toBe(other.code);
  });

  it('can be moved to a free quarter, and leaves its own free', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeTheme(caller, { quarter: 1 });
    await makeTheme(caller, { quarter: 2 });
    expectProblem(await caller.patch(`/themes/${id}`, { quarter: 2 }, 1), 409, 'already_exists');
    expect((await caller.get(`/themes/${id}`)).body).toMatchObject({ quarter: 1, version: 1 });
    expect((await caller.patch(`/themes/${id}`, { quarter: 3 }, 1)).status).toBe(200);
    await makeTheme(caller, { quarter: 1 });
    expectProblem(await caller.post('/themes', { ...THEME, quarter: 3 }), 409, 'already_exists');
  });

  it('can be renamed without giving its quarter away', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeTheme(caller);
    expect((await caller.patch(`/themes/${id}`, { titleDa: 'Læring' }, 1)).body.titleDa).toBe('Læring');
    expectProblem(await caller.post('/themes', THEME), 409, 'already_exists');
  });

  it.each([
    ['a fifth quarter', { quarter: 5 }, '/quarter'],
    ['half a quarter', { quarter: 1.5 }, '/quarter'],
    ['a year in the last century', { year: 1999 }, '/year'],
    ['a code with capitals', { code: 'Mentalisation' }, '/code'],
  ])('is refused with %s', async (_, fields, pointer) => {
    const caller = await livline.freshMunicipality();
    expectProblem(await caller.post('/themes', { ...THEME, ...fields }), 422, 'validation_failed', pointer);
  });

  it('is listed newest first, and by year', async () => {
    const caller = await livline.freshMunicipality();
    const quarters = [
      [2025, 4],
      [2026, 2],
      [2025, 3],
      [2026, 1],
    ];
    for (const [year, quarter] of quarters) await makeTheme(caller, { year, quarter });
    const list = async (query = {}) =>
      (await caller.get('/themes', query)).body.items.map(({ year, quarter }: typeof THEME) => [year, quarter]);
    expect(await list()).toEqual([
      [2026, 2],
      [2026, 1],
      [2025, 4],
      [2025, 3],
    ]);
    expect(await list({ year: '2025' })).toEqual([
      [2025, 4],
      [2025, 3],
    ]);
  });

  it('is published in the event feed', async () => {
    const caller = await livline.freshMunicipality();
    await makeTheme(caller);
    await livline.relay();
    const { body } = await caller.get('/events', { types: 'theme.published' });
    expect(body.items).toHaveLength(1);
  });
});
