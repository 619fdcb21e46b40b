import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf } from '#test/support/content.ts';
import { makeFamily, makeProgress } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const rotate = ({ code }: Caller, body: object = {}) =>
  livline.operator('POST', `/municipalities/${code}/keys`, { body });
const OUTSIDE = { outsideWork: 'Sygeplejerske i Vejle' };

/** The versions of the data keys that a municipality's records are sealed with, by id. */
async function keysOf(at: Caller): Promise<Record<string, number[]>> {
  const rows = (await contentOf(livline.store)).filter(({ pk, sk }) => pk.startsWith(`T#${at.code}#R#`) && sk === 'A');
  const versionOf = (text: string) =>
    Number(JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid);
  const sealed = rows.filter((row) => row['sensitive'] !== undefined);
  return Object.fromEntries(
    sealed.map((row) => [
      JSON.parse(row['view']).id,
      Object.values(JSON.parse(row['sensitive']) as Record<string, Record<string, string>>)
        .flatMap((part) => Object.values(part))
        .map(versionOf),
    ]),
  );
}

describe('a new data key', () => {
  it('is used once everybody has heard of it; what was sealed before opens, and is sealed anew when it is written', async () => {
    const at = await livline.freshMunicipality();
    const old = await makeFamily(at, OUTSIDE);
    expect((await rotate(at)).body).toMatchObject({ code: at.code, keyVersion: 2 });
    const between = await makeFamily(at, OUTSIDE);
    livline.advance(120);
    const late = await makeFamily(at, OUTSIDE);
    expect(await keysOf(at)).toEqual({ [old.id]: [1], [between.id]: [1], [late.id]: [2] });
    for (const { id } of [old, between, late]) expect((await at.get(`/families/${id}`)).body).toMatchObject(OUTSIDE);
    await at.patch(`/families/${old.id}`, { pressure: 'high' }, 1);
    expect(await keysOf(at)).toMatchObject({ [old.id]: [2], [between.id]: [1] });
    expect((await at.get(`/families/${old.id}`)).body).toMatchObject({ ...OUTSIDE, version: 2 });
  });

  it('is not made twice within two minutes', async () => {
    const at = await livline.freshMunicipality();
    await rotate(at);
    expectProblem(await rotate(at), 409, 'conflict');
    livline.advance(120);
    expect((await rotate(at)).body.keyVersion).toBe(3);
  });

  it('seals everything anew in the background where that is asked for, nested records too, and no version moves', async () => {
    const at = await livline.freshMunicipality();
    const families = [await makeFamily(at, OUTSIDE), await makeFamily(at, OUTSIDE)];
    const entry = await makeProgress(at, { note: 'Gik over al forventning' });
    await rotate(at, { reseal: true });
    await livline.lifecycle();
    expect(new Set(Object.values(await keysOf(at)).flat()), 'not before it is used').toEqual(new Set([1]));
    livline.advance(120);
    await livline.lifecycle();
    const keys = await keysOf(at);
    expect(Object.keys(keys)).toEqual(expect.arrayContaining([...families.map(({ id }) => id), entry.id]));
    expect(new Set(Object.values(keys).flat())).toEqual(new Set([2]));
    for (const { id } of families)
      expect((await at.get(`/families/${id}`)).body).toMatchObject({ ...OUTSIDE, version: 1 });
    const done = await livline.requestsOf(() => livline.lifecycle());
    expect(done.filter(({ command }) => command === 'UpdateItem')).toEqual([]);
  });

  it('leaves a record alone that somebody changes at that moment: the change has sealed it', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeFamily(at, OUTSIDE);
    await rotate(at, { reseal: true });
    livline.advance(120);
    await Promise.all([livline.lifecycle(), at.patch(`/families/${id}`, { outsideWork: 'Pedel i Vejle' }, 1)]);
    expect((await at.get(`/families/${id}`)).body).toMatchObject({ outsideWork: 'Pedel i Vejle', version: 2 });
    expect((await keysOf(at))[id]).toEqual([2]);
  });
});
