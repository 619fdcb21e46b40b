import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
/** Ten digits that could be a CPR number: a day, a month, a year and four more. */
const CPR_LIKE = /(?<![\d.+-])([0-9]\d)(0[1-9]|1[0-2])\d{2}-?\d{4}(?![\d.-])/g;

it('demo data uses day + 60 in every CPR number', () => {
  const files = ['infra', 'shared', 'functions', 'test'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|json)$/.test(file))
      .map((file) => new URL(`${folder}/${file}`, ROOT)),
  );
  const found = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(CPR_LIKE)].map(([number, day]) => ({ file: file.pathname, number, day })),
  );
  expect(found.length).toBeGreaterThan(10);
  const real = found.filter(({ day }) => Number(day) >= 1 && Number(day) <= 31);
  expect(real.map(({ file, number }) => `${file} ${number}`)).toEqual([]);
});
