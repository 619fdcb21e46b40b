import { isDeepStrictEqual } from 'node:util';
import type { Buckets } from '../archive/bucket.ts';
import type { Context } from '../auth/context.ts';
import { nameOfPerson } from '../crypto/key-names.ts';
import { Problem } from '../errors.ts';
import { count, faultOf, log } from '../log.ts';

import { pagesOf } from '../record/all.ts';
import { eventName } from '../record/event-names.ts';
import { selectedList } from '../record/indexes.ts';
import { once } from '../record/once.ts';
import { hasOwnKey } from '../record/owner-key.ts';
import { hrefOf } from '../record/place.ts';
import { findOpened, findRecord } from '../record/read.ts';
import { remainsOf, withoutPersonal } from '../record/redact.ts';
import type { Fields, Resource } from '../record/resource.ts';
import { rewriteRow } from '../record/rewrite.ts';
import { save } from '../record/save.ts';
import { opened } from '../record/sealing.ts';
import { type Opened, type Stored, storedOf, type Whole } from '../record/stored.ts';
import { amend } from '../record/verbs.ts';
import { type ErasureArchive, erasures } from '../resources/erasures.ts';
import { deletedPartition, recordKey } from '../table/keys.ts';
import type { Row } from '../table/scoped-table.ts';
import { plusSeconds } from '../time.ts';
import { type Archivable, openArchive } from './archive-subject.ts';
import { keptFrom } from './end-archives.ts';
import { eraseMessagesAbout } from './erase-messages.ts';
import { eraseRecord, type MayErase, type Outcome } from './erase-record.ts';
import { forgetInEvents } from './forget-events.ts';
import { forgetKept } from './kept.ts';
import { dropKey } from './person-keys.ts';
import { countLeft, type Passed } from './remainder.ts';
import { type Found, foundAbout, readAll, subjectResource } from './trail.ts';

/**
 * The erasure of persons and households (GDPR Art. 17). Each is done in steps that leave their own traces, so a round that
 * dies anywhere is made good by the next one, which goes through all of it again and finds done what is done:
 *
 * 1. the request says that it has begun, so that it is refused no more;
 * 2. the person's own record is withdrawn: in no list, no look-up, no ledger, and nothing new can name it;
 * 3. a minute later, when the indexes have everything that was written before, what a retention erases is archived; then
 *    each record about the person loses what says who that is, one transaction each, and none that is not archived as it
 *    stands;
 * 4. of the own record nothing but its id, version and time remains, the person's key is dropped, which ends every copy of
 *    what it seals, and the request is completed.
 */

/** Seconds from the withdrawal to when the indexes have all that was written before it; mostly a fraction of one. */
const SETTLE_S = 60;
const PAGE = 100;
/** Records erased at a time. */
const AT_ONCE = 5;

/** Whether a round may begin another step. */
export type HasTime = () => boolean;

/** What a pass over everything about a person came to. */
interface Pass extends Omit<Passed, 'archived'> {
  readonly erased: number;
  readonly kept: number;
}

/** A person's own record while it is being erased: its row stands, deleted, until nothing is left of it. */
interface Withdrawn {
  readonly resource: Resource;
  readonly row: Row;
}

/** An erasure that is completed says until when its archive is kept, where it has one. */
const withArchiveKept = (ctx: Context, whole: Whole): Whole =>
  whole['archive'] === undefined
    ? whole
    : { ...whole, archive: { ...(whole['archive'] as ErasureArchive), ...keptFrom(ctx) } };

/** Changes what a requested erasure says of itself. Throws `conflict` where it was refused meanwhile. */
const note = (ctx: Context, id: string, fields: Fields, entering?: string): Promise<unknown> =>
  once(ctx, undefined, async () => {
    const before = (await findOpened(ctx, erasures, id)) as Opened;
    if (before.view.status !== 'requested') throw new Problem('conflict', 'It was refused meanwhile.');
    const status = entering !== undefined && { status: entering, statusAt: ctx.now };
    // Of what others wrote in it too, nothing is left that says who it is about.
    const own = entering === 'completed' ? withArchiveKept(ctx, withoutPersonal(erasures, before.whole)) : before.whole;
    return amend(ctx, erasures, before, { fields: { ...own, ...fields, ...status }, sent: {}, entering });
  });

/** Takes a person's own record out of every list and ledger. What it says stays in its row until all else is erased. */
const withdraw = (ctx: Context, resource: Resource, stored: Stored): Promise<unknown> =>
  once(ctx, undefined, async () => {
    const before = await opened(ctx, stored);
    return save(ctx, resource, {
      before,
      after: { ...before.whole, version: before.whole.version + 1, updatedAt: ctx.now, updatedBy: ctx.actor.id },
      writtenBy: before.writtenBy,
      event: { name: eventName(resource, 'deleted'), action: 'deleted', changed: [] },
      href: hrefOf(ctx, resource, before.whole),
      // Of a person whose erasure is under way no hold can be set, and what the record says stays until it is stripped.
      unheld: true,
      answerStatus: 204,
    });
  });

const viewIn = (row: Row): Whole => row['view'] as Whole;

/** Leaves of a withdrawn record that it was, at which version, and when it was withdrawn. */
async function strip(ctx: Context, { resource, row }: Withdrawn): Promise<void> {
  const lastEvent = row['lastEvent'] as string;
  const view = { ...remainsOf(resource, viewIn(row)), updatedAt: viewIn(row).updatedAt };
  // A round that died behind this step left it done.
  if (row['sensitive'] === undefined && isDeepStrictEqual(row['view'], view)) return;
  await forgetInEvents(ctx, lastEvent, true);
  await forgetKept(ctx, resource, viewIn(row).id);
  await rewriteRow(ctx, resource, {
    name: 'record.emptied',
    row: { view, deleted: true },
    record: viewIn(row),
    lastEvent,
    replaces: 'whole',
  });
}

/** What came of one record, and the messages that named it. */
interface Erased {
  readonly id: string;
  readonly outcome: Outcome;
  readonly messageIds: readonly string[];
}

async function eraseOne(ctx: Context, { resource, id }: Found, subjectId: string, mayErase: MayErase): Promise<Erased> {
  const outcome = await eraseRecord(ctx, resource, id, subjectId, mayErase);
  return { id, outcome, messageIds: outcome === 'erased' ? await eraseMessagesAbout(ctx, id) : [] };
}

/** Takes from the events of what was deleted before what says whom it was about, and returns the ids. */
async function forgetDeleted(ctx: Context, subjectId: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const rows of pagesOf(ctx.table, { index: 'about', partition: deletedPartition(subjectId) })) {
    for (const row of await ctx.table.getMany(rows.map((listed) => recordKey(viewIn(listed).id)))) {
      await forgetInEvents(ctx, row['lastEvent'] as string, true);
      ids.push(viewIn(row).id);
    }
  }
  return ids;
}

/** Erases a person in every record about that person; undefined where there is more to do another time. */
async function pass(
  ctx: Context,
  { resource, row }: Withdrawn,
  erasureId: string,
  { hasTime, mayErase }: { readonly hasTime: HasTime; readonly mayErase: MayErase },
): Promise<Pass | undefined> {
  const subjectId = viewIn(row).id;
  const all: Erased[] = [];
  for await (const page of foundAbout(ctx, resource, subjectId)) {
    const found = page.filter(({ id }) => id !== erasureId);
    for (let start = 0; start < found.length; start += AT_ONCE) {
      if (!hasTime()) return undefined;
      const some = found.slice(start, start + AT_ONCE);
      all.push(...(await Promise.all(some.map((one) => eraseOne(ctx, one, subjectId, mayErase)))));
    }
  }
  const deletedIds = await forgetDeleted(ctx, subjectId);
  const messageIds = await eraseMessagesAbout(ctx, subjectId);
  const those = (wanted: Outcome) => all.filter(({ outcome }) => outcome === wanted);
  if (those('waiting').length > 0) return undefined;
  return {
    erased: those('erased').length,
    kept: those('kept').length,
    recordIds: [subjectId, ...those('erased').map(({ id }) => id), ...deletedIds],
    messageIds: [...messageIds, ...all.flatMap((one) => one.messageIds)],
  };
}

/** Archives a person before the erasure of a retention, and gives what of it may be erased; undefined where time was over. */
async function archiveFirst(
  ctx: Context,
  { resource, row }: Withdrawn,
  erasureId: string,
  { hasTime, buckets }: EraseDeps & { readonly hasTime: HasTime },
): Promise<MayErase | undefined> {
  const { id } = viewIn(row);
  const archive = await openArchive(ctx, buckets(ctx.tenant.code, 'archive'), id);
  // Its row says that it is deleted, but all of it is there until the end.
  const own = storedOf(resource, { ...row, deleted: false }) as Stored;
  const records: Archivable[] = [];
  const take = async (of: Resource, stored: Stored) => {
    if (!stored.erased && !archive.has(stored.view.id, stored.view.version))
      records.push({ resource: of, record: await opened(ctx, stored) });
  };
  await take(resource, own);
  for await (const found of foundAbout(ctx, resource, id)) {
    if (!hasTime()) return undefined;
    for (const one of await readAll(ctx, found))
      if (one.stored.view.id !== erasureId) await take(one.resource, one.stored);
  }
  await archive.add(records);
  await note(ctx, erasureId, { archive: archive.archived() });
  return archive.has;
}

/** What erasures need from outside. */
export interface EraseDeps {
  readonly buckets: Buckets;
}

/** Takes one erasure as far as it comes in this round. The index may show what was done or refused meanwhile. */
async function erase(ctx: Context, id: string, deps: EraseDeps & { readonly hasTime: HasTime }): Promise<void> {
  const erasure = (await findRecord(ctx, erasures, id))?.view;
  if (erasure?.status !== 'requested') return;
  const { id: subjectId } = erasure['subject'] as { id: string };
  if (erasure['startedAt'] === undefined) await note(ctx, id, { startedAt: ctx.now });
  const row = (await ctx.table.get(recordKey(subjectId))) as Row;
  const resource = subjectResource(row) as Resource;
  const stored = storedOf(resource, row);
  if (stored) {
    await withdraw(ctx, resource, stored);
    return;
  }
  const own = { resource, row };
  if (plusSeconds(viewIn(row).updatedAt, SETTLE_S) > ctx.now) return;
  const mayErase = erasure['cause'] === 'retention' ? await archiveFirst(ctx, own, id, deps) : () => true;
  const done = mayErase && (await pass(ctx, own, id, { ...deps, mayErase }));
  if (!done) return;
  await strip(ctx, own);
  // Last of all: what was not found above, in a backup or an old copy, ends with the key.
  if (hasOwnKey(resource)) await dropKey(ctx, nameOfPerson(subjectId));
  const { erased, kept, recordIds, messageIds } = done;
  const { records: archived = 0 } = ((await findRecord(ctx, erasures, id))?.view['archive'] ?? {}) as {
    records?: number;
  };
  const left = await countLeft(ctx, { recordIds, messageIds, archived }, deps.hasTime);
  if (left) await note(ctx, id, { erased, kept, left }, 'completed');
}

/**
 * One round of a municipality's erasures: what was requested goes on, the oldest first. A fault in one is counted and leaves
 * the others alone. While nothing is requested it costs one Query.
 */
export async function eraseRequested(ctx: Context, hasTime: HasTime, deps: EraseDeps): Promise<void> {
  const partition = selectedList(erasures, {}, 'status', 'requested');
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ index: 'filter1', partition, after, limit: PAGE });
    for (const row of page.rows) {
      if (!hasTime()) return;
      const erasureId = viewIn(row).id;
      try {
        await erase(ctx, erasureId, { ...deps, hasTime });
      } catch (error) {
        const { requestId, tenant } = ctx;
        log.error('not erased yet', { requestId, municipality: tenant.code, erasureId, ...faultOf(error) });
        count('ErasureFailures', 1);
      }
    }
    after = page.last;
  } while (after !== undefined);
}
