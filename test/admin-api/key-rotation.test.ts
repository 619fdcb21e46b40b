import { beforeAll, describe, expect, it } from 'vitest';
import { contentOf } from '#test/support/content.ts';
import { makeConnection, makeConsultant, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const rotate = ({ code }: Caller, body: object = {}) =>
  livline.operator('POST', `/municipalities/${code}/keys`, { body });
const OUTSIDE = { outsideWork: 'Sygeplejerske i Vejle' };

const kidOf = (text: string): string => JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString()).kid;

/** The names of the keys that a municipality's records are sealed with, by id. */
async function keysOf(at: Caller): Promise<Record<string, string[]>> {
  const rows = (await contentOf(livline.store)).filter(({ pk, sk }) => pk.startsWith(`T#${at.code}#R#`) && sk === 'A');
  const sealed = rows.filter((row) => row['sensitive'] !== undefined);
  return Object.fromEntries(
    sealed.map((row) => [
      JSON.parse(row['view']).id,
      Object.values(JSON.parse(row['sensitive']) as Record<string, Record<string, string>>)
        .flatMap((part) => Object.values(part))
        .map(kidOf),
    ]),
  );
}

/** The name of the key that each person's own key is wrapped with, by the person's id. */
async function wrappersOf(at: Caller): Promise<Record<string, string>> {
  const rows = (await contentOf(livline.store)).filter(({ pk }) => pk.startsWith(`T#${at.code}#Y#`));
  return Object.fromEntries(rows.map(({ pk, wrapped }) => [pk.split('#')[3], kidOf(wrapped)]));
}

/** A consultant, whose telephone is sealed with the municipality's own key. */
const STAFF = { phone: '70605040' };

describe('a new data key', () => {
  it('is used once everybody has heard of it; what was sealed before opens, and is sealed anew when it is written', async () => {
    const at = await livline.freshMunicipality();
    const old = await makeConsultant(at, STAFF);
    expect((await rotate(at)).body).toMatchObject({ code: at.code, keyVersion: 2 });
    const between = await makeConsultant(at, STAFF);
    livline.advance(120);
    const late = await makeConsultant(at, STAFF);
    expect(await keysOf(at)).toEqual({ [old.id]: ['1'], [between.id]: ['1'], [late.id]: ['2'] });
    for (const { id } of [old, between, late]) expect((await at.get(`/consultants/${id}`)).body).toMatchObject(STAFF);
    await at.patch(`/consultants/${old.id}`, { name: 'Et andet navn' }, 1);
    expect(await keysOf(at)).toMatchObject({ [old.id]: ['2'], [between.id]: ['1'] });
    expect((await at.get(`/consultants/${old.id}`)).body).toMatchObject({ ...STAFF, version: 2 });
  });

  it('wraps the keys of new persons; those of others stay as they are until everything is sealed anew', async () => {
    const at = await livline.freshMunicipality();
    const old = await makeFamily(at, OUTSIDE);
    await rotate(at);
    livline.advance(120);
    const late = await makeFamily(at, OUTSIDE);
    expect(await wrappersOf(at)).toEqual({ [old.id]: '1', [late.id]: '2' });
    await at.patch(`/families/${old.id}`, { pressure: 'high' }, 1);
    expect(await keysOf(at)).toEqual({ [old.id]: [`p:${old.id}`], [late.id]: [`p:${late.id}`] });
    for (const { id } of [old, late]) expect((await at.get(`/families/${id}`)).body).toMatchObject(OUTSIDE);
  });

  it('is not made twice within two minutes', async () => {
    const at = await livline.freshMunicipality();
    await rotate(at);
    expectProblem(await rotate(at), 409, 'conflict');
    livline.advance(120);
    expect((await rotate(at)).body.keyVersion).toBe(3);
  });

  it('seals everything of the municipality’s own anew in the background where that is asked for, and wraps the keys of persons; no version moves', async () => {
    const at = await livline.freshMunicipality();
    const families = [await makeFamily(at, OUTSIDE), await makeFamily(at, OUTSIDE)];
    const member = await makeConsultant(at, STAFF);
    const { id: endpoint } = await makeConnection(at);
    await rotate(at, { reseal: true });
    await livline.lifecycle();
    expect(await keysOf(at), 'not before it is used').toMatchObject({ [member.id]: ['1'], [endpoint]: ['s1'] });
    livline.advance(120);
    await livline.lifecycle();
    expect(await keysOf(at)).toMatchObject({ [member.id]: ['2'], [endpoint]: ['s2'] });
    expect(Object.keys(await wrappersOf(at))).toEqual(expect.arrayContaining(families.map(({ id }) => id)));
    expect(new Set(Object.values(await wrappersOf(at)))).toEqual(new Set(['2']));
    // Another process remembers no key.
    const [before] = [livline.anotherProcess()(at)];
    for (const { id } of families)
      expect((await before.get(`/families/${id}`)).body).toMatchObject({ ...OUTSIDE, version: 1 });
    const done = await livline.requestsOf(() => livline.lifecycle());
    expect(done.filter(({ command }) => command === 'UpdateItem')).toEqual([]);
  });

  it('leaves a record alone that somebody changes at that moment: the change has sealed it', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeConsultant(at, STAFF);
    await rotate(at, { reseal: true });
    livline.advance(120);
    await Promise.all([livline.lifecycle(), at.patch(`/consultants/${id}`, { phone: '70605041' }, 1)]);
    expect((await at.get(`/consultants/${id}`)).body).toMatchObject({ phone: '70605041', version: 2 });
    expect((await keysOf(at))[id]).toEqual(['2']);
  });
});
