import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the threat model names tests that are there, at least one for each threat', () => {
  const page = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8');
  const [, threats = ''] = /\n## Who could try what\n(.*?)\n## /s.exec(page) ?? [];
  const rows = threats.split('\n').filter((line) => line.startsWith('|') && !/^\| (?:Who|-)/.test(line));
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) {
    const named = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
    expect(named.length, row).toBeGreaterThan(0);
    const root = new URL('../..', import.meta.url).pathname;
    for (const path of named) expect(globSync(path, { cwd: root }), path).not.toEqual([]);
  }
});
