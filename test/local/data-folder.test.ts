import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeDataFolder } from '#infra/local/data-folder.ts';
import { StartupProblem } from '#infra/local/startup-problem.ts';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'livline-data-'));
});

afterEach(() => {
  rmSync(parent, { recursive: true });
});

it('belongs to one at a time', () => {
  const path = join(parent, 'data');
  const first = takeDataFolder(path, false);
  expect(() => takeDataFolder(path, false)).toThrow(StartupProblem);
  expect(() => takeDataFolder(path, true)).toThrow(/already running/);
  first.release();
  takeDataFolder(path, false).release();
});

it('is emptied when it is to be fresh, and only then', () => {
  const file = join(parent, 'credentials.json');
  takeDataFolder(parent, false).release();
  writeFileSync(file, '{}');
  takeDataFolder(parent, false).release();
  expect(existsSync(file)).toBe(true);
  takeDataFolder(parent, true).release();
  expect(existsSync(file)).toBe(false);
});

it('says so when it is no folder', () => {
  const path = join(parent, 'file');
  writeFileSync(path, '');
  expect(() => takeDataFolder(path, false)).toThrow(StartupProblem);
});

it('is refused with one sentence that says what to do when another version of Livline wrote it', () => {
  writeFileSync(join(parent, 'installation.json'), '{}');
  expect(() => takeDataFolder(parent, false)).toThrow(/written by another version of Livline: `npm start -- --fresh`/);
  takeDataFolder(parent, true).release();
  takeDataFolder(parent, false).release();
});
