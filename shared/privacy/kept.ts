import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { type Answer, type ApiRequest, type Operation, param } from '../operation.ts';
import { pagesOf } from '../record/all.ts';
import { instant, line } from '../record/fields.ts';
import { isHold } from '../record/legal-hold.ts';
import { pageOf, pageParameters, pageSchema } from '../record/lists.ts';
import { TENANT_BASE } from '../record/operations.ts';
import { findRecord, load } from '../record/read.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { isUnderPersonKey, sealedByMunicipality } from '../record/sealing.ts';
import { showRecord } from '../record/sensitive-gate.ts';
import { type Sealed, storedOf } from '../record/stored.ts';
import { parse } from '../record/validate.ts';
import { organisationOf } from '../record/visibility.ts';
import { legalHolds } from '../resources/legal-holds.ts';
import { RESOURCES } from '../resources/registry.ts';
import { type Key, keptKey, keptPartition, keptRange } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { localDateOf } from '../time.ts';
import { logAccess, type Purpose, purposeOf } from './access-log.ts';

/** A page holds whole records, of at most 400 KB each, and an answer of Lambda has 6 MB at most. */
const MOST = 20;

/** Returns a kept version as this caller may see it. What it shows of sensitive fields is entered in the access log before. */
async function shownAs(ctx: Context, row: Row, purpose: Purpose): Promise<Fields | undefined> {
  const resource = RESOURCES.find(({ path }) => path === row['recordType']);
  const stored = resource && storedOf(resource, { ...row, type: resource.path });
  if (!resource || !stored) return undefined;
  if (ctx.rows === 'own' && organisationOf(resource, stored.view) !== ctx.actor.organisation) return undefined;
  const record = await showRecord(ctx, resource, stored, purpose);
  return { type: resource.path, keptAt: row['keptAt'], record };
}

/** Lists what a hold has kept. The reading is entered under the person who is held, and each record that it shows. */
async function listKept(ctx: Context, request: ApiRequest): Promise<Answer> {
  const id = param(request, 'id');
  const page = parse(z.strictObject(pageParameters(MOST)), request.query, '/query') as Fields;
  const { view: hold } = await load(ctx, legalHolds, { id });
  const purpose = purposeOf(request);
  const { id: subjectId } = hold['subject'] as { id: string };
  const [answer] = await Promise.all([
    pageOf(ctx, request, keptRange(id), page, (row) => row),
    logAccess(ctx, [subjectId], { what: { type: 'legal-hold', id }, fields: [], purpose }),
  ]);
  const { items, ...rest } = answer.body as { readonly items: readonly Row[] };
  const kept = await Promise.all(items.map((row) => shownAs(ctx, row, purpose)));
  return { ...answer, body: { items: kept.filter((item) => item !== undefined), ...rest } };
}

const KeptVersion = () =>
  z
    .strictObject({
      type: line('Collection of the record (posttype), such as `calls`.'),
      keptAt: instant('When a change replaced it, UTC (bevaret).'),
      record: z.looseObject({}).describe('The record as it was (tidligere version), as a read of it would show it.'),
    })
    .meta({
      description: 'Bevaret version. One version of a record that a change replaced while a legal hold was in force.',
      examples: [
        {
          type: 'families',
          keptAt: '2026-11-24T10:02:00.000Z',
          record: { id: '01930000-0000-7000-8000-000000000003', alias: 'Familien ved åen', capacity: 2, version: 4 },
        },
      ],
    });

/** The operation that shows what a legal hold has kept. */
export const keptVersions = (): Operation<Context> => ({
  id: 'list-kept-versions',
  method: 'GET',
  path: `${TENANT_BASE}/legal-holds/{id}/kept`,
  scope: 'privacy:read',
  tag: 'legal-holds',
  summary: 'List the versions of records that a legal hold kept when they were changed',
  description:
    'For data-protection officers: while a hold is in force, each change of a record about the person keeps the version that it replaces. Sensitive fields are shown with the scope `sensitive:read`. The versions stay when the hold is lifted, until the person is erased. Reading them is entered in the access log of the person.',
  manner: 'list',
  query: () => pageParameters(MOST),
  success: {
    status: 200,
    description: 'One page, by record and version.',
    body: () => pageSchema(KeptVersion(), 'Versions that were replaced (bevarede versioner).'),
  },
  problems: ['validation_failed', 'invalid_cursor'],
  logged: () => true,
  run: listKept,
});

/** The keys of the versions of a record that legal holds keep. */
export async function keptVersionKeys(ctx: Context, recordId: string): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const rows of pagesOf(ctx.table, { index: 'about', partition: keptPartition(recordId) }))
    keys.push(...rows.map(keyOfKept));
  return keys;
}

/** The key of a kept version: the hold that keeps it stands in the partition. */
function keyOfKept(row: Row): Key {
  const { id, version } = row['view'] as { readonly id: string; readonly version: number };
  return keptKey(holdOf(row), id, version);
}

const holdOf = (row: Row): string => /#R#([^#]+)$/.exec(String(row['pk']))?.[1] ?? '';

async function* keptOf(ctx: Context, resource: Resource, id: string): AsyncGenerator<Row> {
  for await (const rows of pagesOf(ctx.table, { index: 'about', partition: keptPartition(id) })) yield* rows;
  // What a hold on an erased person kept goes with the hold's own reason.
  if (resource === legalHolds) for await (const rows of pagesOf(ctx.table, keptRange(id))) yield* rows;
}

/**
 * Deletes the versions of a record that legal holds kept, when its person is erased. A hold that is in force keeps its own:
 * it is on somebody else whom the record concerned, so what it keeps goes over to the municipality's key.
 */
export async function forgetKept(ctx: Context, resource: Resource, id: string): Promise<void> {
  const day = localDateOf(ctx.now);
  for await (const row of keptOf(ctx, resource, id)) {
    const { id: recordId } = row['view'] as { readonly id: string };
    const hold = await findRecord(ctx, legalHolds, holdOf(row));
    const { status, to } = { ...hold?.view } as { readonly status?: string; readonly to?: string };
    const isInForce = status === 'in_force' && isHold(day, { kind: 'hold', to });
    const key = keyOfKept(row);
    if (isInForce) await outlast(ctx, key, recordId, row);
    else await ctx.table.write({ kind: 'delete', key });
  }
}

/** Seals a kept version with the municipality's key where a person's key seals it, so that it outlasts that key. */
async function outlast(ctx: Context, key: Key, recordId: string, listed: Row): Promise<void> {
  const row = (await ctx.table.get(key)) ?? listed;
  const sealed = (row['sensitive'] ?? {}) as Sealed;
  if (!(await isUnderPersonKey(sealed))) return;
  const sensitive = await sealedByMunicipality(ctx, recordId, sealed);
  await ctx.table.write({ kind: 'update', key, set: { sensitive } });
}
