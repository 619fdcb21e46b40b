import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../auth/context.ts';
import { invalid, Problem } from '../errors.ts';
import { group, impersonal, instant, line, listOf, oneOf, whole } from '../record/fields.ts';
import { type Change, defineResource, type Fields, type RecordOf } from '../record/resource.ts';
import { ledgerKey } from '../table/keys.ts';
import { type Instant, localDateOf } from '../time.ts';
import { collectionsOf, DATA_SUBJECTS, requireSubject, subject } from './subject.ts';
import { inSubject, mayErase } from './subject-ledger.ts';

const fields = () => ({
  subject: subject('Who is erased (registreret); it stays the same.', DATA_SUBJECTS),
  cause: oneOf(
    'Why (anledning): the person asked for it, or the time for which data are kept is over. The latter is archived first.',
    ['request', 'retention'],
  ),
});

/** Where something is left of a person who was erased. */
export const LEFT = [
  'records',
  'events',
  'history',
  'access_log',
  'messages',
  'deliveries',
  'kept_versions',
  'archive',
] as const;

const count = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER).optional();

/** What can become of an archive, in the order of its life. */
const ARCHIVE_STATUSES = ['kept', 'deleting', 'deleted', 'expired'] as const;

/** What an erasure says of the archive that it left. */
export interface ErasureArchive {
  readonly object: string;
  /** SHA-256 of the object, in hexadecimal. */
  readonly sha256: string;
  /** Records in it. */
  readonly records: number;
  /** Absent until the erasure is completed. */
  readonly status?: (typeof ARCHIVE_STATUSES)[number];
  readonly archivedAt?: Instant;
  readonly expiresAt?: Instant;
  readonly deletedAt?: Instant;
  readonly endedAt?: Instant;
}

/** The value of the filter `archive` that selects the archives whose object and key stand. */
export const STANDING_ARCHIVE = 'standing';

/** The local day on which a standing archive ends: when its deletion was asked for, or when it expires. */
const archiveEnds = ({ expiresAt = '', deletedAt = expiresAt }: Partial<ErasureArchive> = {}): string =>
  localDateOf(deletedAt);

const hasStandingArchive = ({ archive }: Erasure): boolean =>
  archive?.status === 'kept' || archive?.status === 'deleting';

/** What the system adds as it goes. */
const derived = () => ({
  startedAt: instant('When the system began, UTC (påbegyndt): from then on it cannot be refused.').optional(),
  archive: group('What was archived before (arkivering), where the cause is retention.', {
    object: impersonal(line('Its name in the archive (objektnavn).')),
    sha256: impersonal(line('Its SHA-256 in hex (kontrolsum).')),
    records: whole('How many records are in it (antal); 1 is the own record alone.', 1, Number.MAX_SAFE_INTEGER),
    status: oneOf(
      'What became of it (arkivstatus): it is `kept` once the erasure is completed; `deleting` is not readable any more and is removed within minutes; `deleted` and `expired` say that its object and its key are gone.',
      ARCHIVE_STATUSES,
    ).optional(),
    archivedAt: instant('When it was complete, UTC (arkiveret).').optional(),
    expiresAt: instant('When it expires, UTC (udløber), by the setting `archiveMonths` as it was then.').optional(),
    deletedAt: instant('When its deletion was asked for, UTC (slettet af kommunen).').optional(),
    endedAt: instant('When its object and its key were removed, UTC (fjernet).').optional(),
  }).optional(),
  erased: count('How many records about the person were erased (slettet), its own not counted; 1 is one record.'),
  kept: count('How many were kept, because another person whom they are about is held (bevaret); 1 is one record.'),
  left: listOf(
    'What is left of the person when the erasure is completed, counted then (tilbageværende); `kept` comes besides.',
    group('Rows of one kind (én slags poster).', {
      where: oneOf('Where they are (sted).', LEFT),
      count: whole('How many there were then (antal); 1 is one row.', 1, Number.MAX_SAFE_INTEGER),
      what: impersonal(line('What they say (indhold).')),
    }),
  ).optional(),
});

type Erasure = RecordOf<ReturnType<typeof fields>> & {
  readonly startedAt?: string;
  readonly archive?: ErasureArchive;
};

/** A family that is not closed, or in whose care a child still is, is a case that is alive. */
async function requireClosed(ctx: Context, id: string, family: Fields): Promise<void> {
  if (family['status'] !== 'closed') throw new Problem('conflict', 'The family is not closed. Close it first.');
  const standing = (await ctx.table.get(ledgerKey('family', id)))?.['view'] as Fields | undefined;
  if (Number(standing?.['activePlacements'] ?? 0) > 0)
    throw new Problem('conflict', 'A child is placed with this family. End the placement first.');
}

/** The system alone says that an erasure is done; it can be refused until the system has begun. */
function checkStep({ ctx, before, entering }: Change<Erasure>): void {
  if (entering === 'completed' && ctx.actor.kind !== 'system')
    throw new Problem('illegal_transition', 'What is requested is erased and completed by Livline alone.');
  if (entering === 'refused' && before?.startedAt !== undefined)
    throw new Problem('conflict', 'The erasure has begun and cannot be refused any more.');
}

/**
 * The erasure of one person or household (GDPR Art. 17; shared/privacy/erase.ts does it). Created as `requested` it is
 * refused while the person is held or the case is alive; entered as `refused` it documents that a request was turned down.
 */
export const erasures = defineResource({
  path: 'erasures',
  name: 'erasure',
  danish: 'Sletning',
  summary: [
    "The erasure of a person or household. Of its own record the id and that it was erased remain. Records about it lose their sensitive fields, free texts, external ids and case numbers, and keep dates, kinds, statuses and ids, so that reports stay true; they take no text any more. Records in which others take part too (a group, its sessions, a course) lose what is sensitive. What is about another person who is held stays, and is counted as kept. What is about a child's foster family stays that family's; of a consultant or staff member only the own record and the shifts are about the person.",
    'The change history stays without case numbers: it holds ids, types, names of fields, who acted and when. `left` says how many rows of each kind were left when the erasure was completed. Backups of the table reach back 35 days. What is sealed of a family or child in them ends when its key is dropped, which can be undone for 7 days; plain fields and what is sealed of others are not altered there.',
  ].join(' '),
  scopes: { read: 'privacy:read', write: 'privacy:write' },
  fields,
  derived,
  machine: { steps: { requested: ['refused', 'completed'], refused: [], completed: [] }, reasonFor: ['refused'] },
  references: { 'subject.id': collectionsOf(DATA_SUBJECTS) },
  order: (erasure) => erasure.createdAt,
  newestFirst: true,
  filters: {
    status: (erasure) => erasure.status,
    subjectId: (erasure) => erasure.subject.id,
    archive: {
      of: (erasure: Erasure) => (hasStandingArchive(erasure) ? STANDING_ARCHIVE : undefined),
      order: (erasure: Erasure) => archiveEnds(erasure.archive),
      bounds: 'archiveEnds',
      values: [STANDING_ARCHIVE],
    },
  },
  ledgers: ({ status, subject: { id }, createdAt }) =>
    status === 'requested' ? [inSubject(id, { kind: 'erasure' }, mayErase(localDateOf(createdAt)))] : [],
  settle: async (change) => {
    const { ctx, before, after, entering } = change;
    checkStep(change);
    if (before && !isDeepStrictEqual(before.subject, after.subject))
      throw invalid('/subject', 'This stays as it was. Create another record.');
    if (before && before.cause !== after.cause) throw invalid('/cause', 'This stays as it was.');
    if (before) return {};
    const found = await requireSubject(ctx, '/subject/id', after.subject);
    if (found && entering === 'requested' && after.subject.type === 'family')
      await requireClosed(ctx, after.subject.id, found);
    return {};
  },
  problems: ['legal_hold'],
  example: {
    subject: { type: 'family', id: '01930000-0000-7000-8000-000000000003' },
    cause: 'request',
  },
});
