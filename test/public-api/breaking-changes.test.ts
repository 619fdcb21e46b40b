import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OPENAPI_FILE } from '#infra/openapi.ts';
import { document } from '#test/support/openapi.ts';

/** A release puts `functions/public-api/openapi.json` here; from then on nothing of it may break. */
const RELEASED = join(import.meta.dirname, 'released-openapi.json');

interface Report {
  readonly changes: readonly { readonly impact: string; readonly verdicts: readonly { readonly message: string }[] }[];
}

const CLI = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin/cli.js');
const CONFIG = join(import.meta.dirname, '../../redocly.yaml');

/** What callers who know the document at `base` would stumble over at `revision`. */
async function breakingChanges(base: string, revision: string): Promise<string[]> {
  const args = [CLI, 'diff', base, revision, '--config', CONFIG, '--format', 'json', '--fail-on', 'none'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  const { changes }: Report = JSON.parse(stdout);
  return changes
    .filter(({ impact }) => impact === 'major')
    .flatMap(({ verdicts }) => verdicts.map(({ message }) => message));
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'livline-openapi-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: an edit reaches anywhere into the document
type Edit = (paths: any, schemas: any) => unknown;

/** The breaking changes of today's document after these edits. */
async function after(...edits: readonly Edit[]): Promise<string[]> {
  const edited = structuredClone(document);
  for (const edit of edits) edit(edited.paths, edited.components.schemas);
  const revision = join(directory, 'revision.json');
  await writeFile(revision, JSON.stringify(edited));
  return breakingChanges(OPENAPI_FILE, revision);
}

const FAMILIES = '/v1/municipalities/{code}/families';

test.each([RELEASED].filter((file) => existsSync(file)))('nothing that was released breaks', async (released) => {
  expect(await breakingChanges(released, OPENAPI_FILE)).toEqual([]);
});

test('a breaking change is seen', async () => {
  const found = await after(
    (paths) => delete paths['/v1/admin/partners/{partnerId}'],
    (paths) => delete paths[`${FAMILIES}/{id}`].patch,
    (paths) => paths[FAMILIES].get.parameters.splice(1, 1),
    (_, schemas) => delete schemas.Call.properties.outcome,
    (_, schemas) => schemas.FamilyInput.required.push('capacity'),
    (_, schemas) => schemas.CallInput.properties.topic.enum.pop(),
    (_, schemas) => Object.assign(schemas.ThemeInput.properties.titleDa, { maxLength: 10 }),
    (_, schemas) => delete schemas.CloudEvent.properties.time,
  );
  expect(found.toSorted()).toEqual([
    "Enum of `topic` lost values: 'other'.",
    'Operation `PATCH /v1/municipalities/{code}/families/{id}` was removed.',
    'Path `/v1/admin/partners/{partnerId}` was removed.',
    'Properties of `FamilyInput` became required: `capacity`.',
    'Property `outcome` of `Call` was removed.',
    'Property `time` of `CloudEvent` was removed.',
    "`maxLength` of `titleDa` changed from '200' to '10'.",
    '`status` query parameter was removed.',
  ]);
});

test('an addition breaks nothing', async () => {
  const extra = { description: 'Something more (mere).', type: 'string' };
  const found = await after(
    (paths) => Object.assign(paths, { [`${FAMILIES}/more`]: { get: { ...paths[FAMILIES].get, operationId: 'more' } } }),
    (_, schemas) => Object.assign(schemas.Family.properties, { extra }),
    (_, schemas) => Object.assign(schemas.FamilyInput.properties, { extra }),
    (_, schemas) => schemas.Call.properties.topic['x-extensible-enum'].push('money'),
  );
  expect(found).toEqual([]);
});
