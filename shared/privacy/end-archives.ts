import type { Buckets } from '../archive/bucket.ts';
import type { Context } from '../auth/context.ts';
import { nameOfArchive } from '../crypto/key-names.ts';
import { count, faultOf, log } from '../log.ts';
import { selectedList } from '../record/indexes.ts';
import { once } from '../record/once.ts';
import { findOpened } from '../record/read.ts';
import type { Opened } from '../record/stored.ts';
import { amend } from '../record/verbs.ts';
import { type ErasureArchive, erasures, STANDING_ARCHIVE } from '../resources/erasures.ts';
import type { Segments } from '../table/keys.ts';
import { localDateOf, plusMonths } from '../time.ts';
import { ARCHIVE_MONTHS } from './archive-months.ts';
import { dropKey } from './person-keys.ts';

/**
 * The end of archives: one whose time is over or whose deletion was asked for loses its object, then its key, and then its
 * erasure says so. Each step changes nothing when it is done again, so a round that dies anywhere is made good by the next.
 */

const PAGE = 100;

/** What an erasure says of its archive when that is complete: it keeps the expiry that the setting gave it then. */
export const keptFrom = ({ now, tenant }: Context): Partial<ErasureArchive> => ({
  status: 'kept',
  archivedAt: now,
  expiresAt: plusMonths(now, tenant.archiveMonths ?? ARCHIVE_MONTHS),
});

/** Where the archives lie whose object and key stand, in the order of the days on which they end. */
export const standingArchives: { readonly index: 'filter3'; readonly partition: Segments } = {
  index: 'filter3',
  partition: selectedList(erasures, {}, 'archive', STANDING_ARCHIVE),
};

/** The status that an archive ends with now; undefined while it is to be kept. */
export function endingOf({ now }: Context, { status, expiresAt }: ErasureArchive): 'deleted' | 'expired' | undefined {
  if (status === 'deleting') return 'deleted';
  return status === 'kept' && String(expiresAt) <= now ? 'expired' : undefined;
}

/** Changes what an erasure says of its archive, decided on the archive as it stands; undefined changes nothing. */
export const noteArchive = (
  ctx: Context,
  erasureId: string,
  changeOf: (archive: ErasureArchive) => Partial<ErasureArchive> | undefined,
) =>
  once(ctx, undefined, async () => {
    const before = (await findOpened(ctx, erasures, erasureId)) as Opened;
    const archive = before.whole['archive'] as ErasureArchive;
    return amend(ctx, erasures, before, {
      fields: { ...before.whole, archive: { ...archive, ...changeOf(archive) } },
      sent: {},
    });
  });

async function endArchive(ctx: Context, buckets: Buckets, erasureId: string): Promise<void> {
  // The index may show what was ended meanwhile.
  const { whole } = (await findOpened(ctx, erasures, erasureId)) as Opened;
  const archive = whole['archive'] as ErasureArchive;
  if (!endingOf(ctx, archive)) return;
  await buckets(ctx.tenant.code, 'archive').delete(archive.object);
  await dropKey(ctx, nameOfArchive((whole['subject'] as { readonly id: string }).id));
  await noteArchive(ctx, erasureId, (standing) => {
    const status = endingOf(ctx, standing);
    return status && { status, endedAt: ctx.now };
  });
}

/**
 * One round of a municipality's archives: those whose time is over, or that are to be deleted, end. A fault in one is
 * counted and leaves the others alone. While none is to end it costs one Query.
 */
export async function endArchives(
  ctx: Context,
  hasTime: () => boolean,
  { buckets }: { readonly buckets: Buckets },
): Promise<void> {
  // `#` follows the day in a sort key, and `$` is next: all that end up to today.
  const range = { ...standingArchives, to: `${localDateOf(ctx.now)}$` };
  let after: string | undefined;
  do {
    const page = await ctx.table.query({ ...range, after, limit: PAGE });
    for (const row of page.rows) {
      if (!hasTime()) return;
      const { id: erasureId } = row['view'] as { readonly id: string };
      try {
        await endArchive(ctx, buckets, erasureId);
      } catch (error) {
        const { requestId, tenant } = ctx;
        log.error('archive not ended yet', { requestId, municipality: tenant.code, erasureId, ...faultOf(error) });
        count('ErasureFailures', 1);
      }
    }
    after = page.last;
  } while (after !== undefined);
}
