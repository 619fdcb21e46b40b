import { describe, expect, it } from 'vitest';
import { isCvr } from '#shared/record/fields.ts';
import { allMunicipalities, findMunicipality, type RegisterEntry, regionOf } from '#shared/register/register.ts';

const entry = (code: string): RegisterEntry => findMunicipality(code) ?? expect.fail(`${code} is missing`);

describe('the register', () => {
  it('has the 98 municipalities, each once, in order of their codes, each with a name and a valid CVR number', () => {
    const all = allMunicipalities();
    expect(all).toHaveLength(98);
    const codes = all.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].sort());
    expect(new Set(all.map(({ cvr }) => cvr)).size).toBe(98);
    for (const { code, name, officialName, cvr } of all) {
      expect(code).toMatch(/^0\d{3}$/);
      expect(officialName).toContain(name.slice(0, 3));
      expect(isCvr(cvr)).toBe(true);
    }
  });

  it.each([
    ['0101', 'København'],
    ['0265', 'Roskilde'],
    ['0410', 'Middelfart'],
    ['0630', 'Vejle'],
    ['0766', 'Hedensted'],
    ['0820', 'Vesthimmerlands'],
  ])('knows %s as %s', (code, name) => {
    expect(entry(code).name).toBe(name);
  });

  it.each(['630', '0000', '9999', '0411', '', '__proto__'])('knows no municipality %j', (code) => {
    expect(findMunicipality(code)).toBeUndefined();
  });
});

describe('a region', () => {
  it('is one of five in 2026', () => {
    const names = new Set(allMunicipalities().map((municipality) => regionOf(municipality, '2026-11-20').name));
    expect([...names].sort()).toEqual([
      'Region Hovedstaden',
      'Region Midtjylland',
      'Region Nordjylland',
      'Region Sjælland',
      'Region Syddanmark',
    ]);
  });

  it('in the east becomes Region Østdanmark on 1 January 2027, and not a day sooner', () => {
    for (const [code, code2026] of [
      ['0101', '1084'],
      ['0265', '1085'],
    ] as const) {
      expect(regionOf(entry(code), '2026-12-31').code).toBe(code2026);
      expect(regionOf(entry(code), '2027-01-01')).toEqual({ name: 'Region Østdanmark' });
    }
    expect(regionOf(entry('0630'), '2027-01-01')).toEqual({ code: '1083', name: 'Region Syddanmark' });
    const names = new Set(allMunicipalities().map((municipality) => regionOf(municipality, '2027-01-01').name));
    expect(names.size).toBe(4);
  });
});
