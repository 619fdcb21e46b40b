import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Buckets } from '../archive/bucket.ts';
import type { Context } from '../auth/context.ts';
import { Problem } from '../errors.ts';
import { type Answer, type ApiRequest, param } from '../operation.ts';
import { nextLink, pageOf, pageParameters } from '../record/lists.ts';
import { load } from '../record/read.ts';
import type { Fields } from '../record/resource.ts';
import { openFields } from '../record/sealing.ts';
import { showArchived } from '../record/sensitive-gate.ts';
import { parse } from '../record/validate.ts';
import { type ErasureArchive, erasures } from '../resources/erasures.ts';
import { openCursor, sealCursor } from '../table/cursor.ts';
import { logAccess, type Purpose, purposeOf } from './access-log.ts';
import { ARCHIVED_FIELD, type ArchivedRecord, type ArchiveLine } from './archive-subject.ts';
import { endingOf, noteArchive, standingArchives } from './end-archives.ts';

/** Records of a page at most. */
export const MOST = 50;
/** Bytes of the sealed records of a page: they are a third longer than what they hold, and an answer of Lambda has 6 MB. */
const MOST_BYTES = 4_000_000;

/** An erasure as far as archives need it. */
interface Archived {
  readonly id: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly archive: ErasureArchive;
}

/** Returns an archive as it is listed: ids, counts and times. */
function listed({ id, subject, archive }: Archived): Fields {
  const { records, sha256, archivedAt, expiresAt } = archive;
  return { id, subject, records, sha256, archivedAt, expiresAt };
}

const isReadable = (ctx: Context, archive: ErasureArchive | undefined): archive is ErasureArchive =>
  archive?.status === 'kept' && endingOf(ctx, archive) === undefined;

/** Lists the archives that can be read, those first that expire first. */
export async function listArchives(ctx: Context, request: ApiRequest): Promise<Answer> {
  const page = parse(z.strictObject(pageParameters()), request.query, '/query') as Fields;
  const viewOf = (row: Fields) => row['view'] as unknown as Archived;
  return pageOf(
    ctx,
    request,
    standingArchives,
    page,
    (row) => listed(viewOf(row)),
    (row) => isReadable(ctx, viewOf(row).archive),
  );
}

const notFound = () => new Problem('not_found', 'There is no such archive here.');

/** Reads an archive's erasure. Throws `not_found` where it has none, or one that has ended or is about to. */
async function loadArchived(ctx: Context, id: string): Promise<Archived> {
  const { view } = await load(ctx, erasures, { id });
  const archived = view as unknown as Archived;
  if (!isReadable(ctx, archived.archive)) throw notFound();
  return archived;
}

/**
 * Reads the lines of an archive. Throws where the object is not the one that was archived, so that nothing of an object
 * that was altered or exchanged is shown.
 */
async function linesOf(ctx: Context, buckets: Buckets, { id, archive }: Archived): Promise<ArchiveLine[]> {
  const bytes = await buckets(ctx.tenant.code, 'archive').get(archive.object);
  const digest = bytes && createHash('sha256').update(bytes).digest('hex');
  if (!bytes || digest !== archive.sha256) {
    // It may have ended since its erasure was read.
    await loadArchived(ctx, id);
    throw new Error('The object of this archive is missing or is not the one that was archived');
  }
  const lines = Buffer.from(bytes).toString().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ArchiveLine);
}

/** Returns the lines of a page: at most `limit`, and no more bytes than an answer can have, but one at least. */
function pageOfLines(lines: readonly ArchiveLine[], start: number, limit: number): ArchiveLine[] {
  const page: ArchiveLine[] = [];
  let bytes = 0;
  for (const line of lines.slice(start, start + limit)) {
    bytes += line.sealed.length;
    if (page.length > 0 && bytes > MOST_BYTES) break;
    page.push(line);
  }
  return page;
}

async function shownAs(ctx: Context, line: ArchiveLine, personId: string, purpose: Purpose): Promise<Fields> {
  const { type, id, version, sealed } = line;
  const opened = await openFields(ctx, id, { [ARCHIVED_FIELD]: sealed });
  const record = opened[ARCHIVED_FIELD] as ArchivedRecord;
  return { type, version, record: await showArchived(ctx, type, record, { personId, purpose }) };
}

/** Shows one page of an archive. The reading is entered in the access log of the person before. */
export async function readArchive(ctx: Context, buckets: Buckets, request: ApiRequest): Promise<Answer> {
  const { limit, cursor } = parse(z.strictObject(pageParameters(MOST)), request.query, '/query') as {
    limit: number;
    cursor?: string;
  };
  const archived = await loadArchived(ctx, param(request, 'id'));
  const { id, subject } = archived;
  const query = JSON.stringify(['archive', id]);
  const secret = { secret: ctx.tenant.cursorKey };
  const start = cursor === undefined ? 0 : Number(openCursor(secret, query, cursor));
  const purpose = purposeOf(request);
  const [lines] = await Promise.all([
    linesOf(ctx, buckets, archived),
    logAccess(ctx, [subject.id], { what: { type: 'archive', id }, fields: [], purpose }),
  ]);
  const page = pageOfLines(lines, start, limit);
  const items = await Promise.all(page.map((line) => shownAs(ctx, line, subject.id, purpose)));
  const end = start + page.length;
  const nextCursor = end < lines.length ? sealCursor(secret, query, String(end)) : undefined;
  return {
    status: 200,
    body: { archive: listed(archived), items, ...(nextCursor !== undefined && { nextCursor }) },
    ...(nextCursor !== undefined && { headers: { link: nextLink(request, { cursor: nextCursor }) } }),
  };
}

/** Ends an archive: nobody can read it from then on, and its object and its key are removed within minutes. */
export async function deleteArchive(ctx: Context, request: ApiRequest): Promise<Answer> {
  const id = param(request, 'id');
  await loadArchived(ctx, id);
  await noteArchive(ctx, id, (archive) => {
    if (!isReadable(ctx, archive)) throw notFound();
    return { status: 'deleting', deletedAt: ctx.now };
  });
  return { status: 204 };
}
