import { invalid } from '../errors.ts';
import { instant, reference } from '../record/fields.ts';
import { findRecord } from '../record/read.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseFuture } from '../record/rules.ts';
import { announcements } from './announcements.ts';
import { families } from './families.ts';

const fields = () => ({
  familyId: reference('The family that has read it (plejefamilie).'),
  at: instant('When it did, UTC (tidspunkt). Now if left out.').optional(),
});

type Acknowledgement = RecordOf<ReturnType<typeof fields>, 'announcementId'>;

/** A family acknowledges what is out and meant for its kind. */
async function checkAudience({ ctx, before, after }: Change<Acknowledgement>, at: string): Promise<void> {
  if (before?.familyId === after.familyId && before.at === at) return;
  const [announcement, family] = await Promise.all([
    findRecord(ctx, announcements, after.announcementId),
    findRecord(ctx, families, after.familyId),
  ]);
  // Where one of them does not exist, the commit says which.
  if (!announcement || !family) return;
  refuseBefore('/at', at, String(announcement.view['publishedAt']));
  const { kinds } = announcement.view['audience'] as { readonly kinds: readonly unknown[] };
  if (kinds.length > 0 && !kinds.includes(family.view['kind']))
    throw invalid('/familyId', 'The announcement is not for families of this kind.');
}

export const acknowledgements = defineResource({
  path: 'acknowledgements',
  parent: { path: 'announcements', field: 'announcementId' },
  name: 'acknowledgement',
  danish: 'Kvittering',
  summary: 'That a family has read an announcement: once for each family.',
  scopes: { read: 'programmes:read', write: 'programmes:write' },
  fields,
  order: ({ at, createdAt }) => at ?? createdAt,
  newestFirst: true,
  period: true,
  references: { familyId: 'families' },
  filters: { familyId: (acknowledgement) => acknowledgement.familyId },
  about: (acknowledgement) => acknowledgement.familyId,
  locks: ({ announcementId, familyId }) => [
    { name: ['acknowledged', announcementId, familyId], detail: 'This family has acknowledged it already.' },
  ],
  settle: async (change) => {
    const { ctx, before, after } = change;
    const at = after.at ?? before?.at ?? ctx.now;
    refuseFuture(ctx, '/at', at);
    await checkAudience(change, at);
    return { at };
  },
  example: { familyId: '01930000-0000-7000-8000-000000000003', at: '2026-11-17T19:20:00+01:00' },
});
