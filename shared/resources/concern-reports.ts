import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../errors.ts';
import { instant, reference, sensitive, text } from '../record/fields.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseFuture } from '../record/rules.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { handedOverName } from './calls.ts';
import { type Concerned, collectionsOf, concernedBy, subject } from './subject.ts';
import { inSubject, unlessErasing } from './subject-ledger.ts';

/** Seconds from when a report is received to when it must have been handed over (DOMAIN §5). */
const DUE_S = 24 * 3600;

/** What can give cause for a report. */
const SOURCES = ['family', 'child', 'call', 'contact', 'visit', 'placement', 'inquiry', 'supervision-session'] as const;

const fields = () => ({
  source: subject('What gave cause for it (kilde); it stays the same.', SOURCES),
  receivedAt: instant('When the concern was received, UTC (modtaget); not in the future.'),
  note: sensitive(text('What gives cause for concern (notat).')).optional(),
});

/** A report with what its rules have set. */
type Report = RecordOf<ReturnType<typeof fields>> &
  Concerned & {
    readonly handedOverAt?: Instant;
    readonly receipt?: string | undefined;
  };

/** When it was handed over and the receipt: what its status was given then, kept when it goes on to be acknowledged. */
function handOver(before: Report | undefined, { status, statusAt, statusReason }: Report) {
  if (before?.handedOverAt !== undefined) return { handedOverAt: before.handedOverAt, receipt: before.receipt };
  if (status === 'open') return {};
  if (statusReason === undefined)
    throw invalid('/statusReason', 'It has been handed over: give the receipt.', 'required');
  return { handedOverAt: statusAt, receipt: statusReason };
}

export const concernReports = defineResource({
  path: 'concern-reports',
  name: 'concern-report',
  danish: 'Underretning',
  summary:
    "A concern about a child, reported to the authority: `handed_over` takes the receipt as its reason. It stands in no family's timeline.",
  scopes: { read: 'concerns:read', write: 'concerns:write' },
  fields,
  derived: () => ({
    dueAt: instant('When it must have been handed over, UTC (frist): 24 hours after it was received.').meta({
      examples: ['2026-11-22T21:41:00.000Z'],
    }),
    handedOverAt: instant(
      'When it was handed over, UTC (overdraget); of one entered as acknowledged, when that was at the latest.',
    )
      .meta({ examples: ['2026-11-22T08:10:00.000Z'] })
      .optional(),
    receipt: sensitive(
      text("The receipt of the hand-over (kvittering), such as the receiver's journal number.").meta({
        examples: ['Journal 26/4711'],
      }),
    ).optional(),
    familyId: reference('The family that it is about, where its source names one (plejefamilie).').optional(),
    childId: reference('The child that it is about, where its source names one (barn).').optional(),
  }),
  machine: {
    steps: { open: ['handed_over'], handed_over: ['acknowledged'], acknowledged: [] },
    reasonFor: ['handed_over'],
  },
  events: { prefix: 'concern', status: { handed_over: 'handed_over', acknowledged: 'acknowledged' } },
  references: { 'source.id': collectionsOf(SOURCES) },
  order: (report) => report.receivedAt,
  newestFirst: true,
  period: true,
  filters: {
    status: (report) => report.status,
    sourceId: (report) => report.source.id,
    familyId: (report: Report) => report.familyId,
  },
  edges: { childId: ({ childId }: Report) => (childId === undefined ? [] : [childId]) },
  // Several reports about one call may be handed over: each leaves an entry, and none is ever taken away.
  ledgers: ({ source, status, familyId, childId }: Report) => {
    if (status !== 'open') return source.type === 'call' ? [{ name: handedOverName(source.id), entry: {} }] : [];
    // Nobody is erased whom an open concern is about.
    const concerned = [familyId, childId].filter((id) => id !== undefined);
    return concerned.map((id) => inSubject(id, { kind: 'concern' }, unlessErasing));
  },
  settle: async ({ ctx, before, after, entering }: Change<Report>) => {
    if (before && !isDeepStrictEqual(before.source, after.source))
      throw invalid('/source', 'This stays as it was. Create another record.');
    const { source, receivedAt, statusAt } = after;
    refuseFuture(ctx, '/receivedAt', receivedAt);
    const handedOver = handOver(before, after);
    if (handedOver.handedOverAt !== undefined) {
      const atFault = entering === undefined ? '/receivedAt' : before ? '/at' : '/statusAt';
      refuseBefore(atFault, handedOver.handedOverAt, receivedAt);
      refuseBefore(atFault, statusAt, handedOver.handedOverAt);
    }
    const concerned = before ? {} : await concernedBy(ctx, '/source/id', source);
    return { dueAt: plusSeconds(receivedAt, DUE_S), ...handedOver, ...concerned };
  },
  example: {
    source: { type: 'call', id: '01930000-0000-7000-8000-000000000009' },
    receivedAt: '2026-11-21T22:41:00+01:00',
    status: 'handed_over',
    statusAt: '2026-11-22T09:10:00+01:00',
    statusReason: 'Journal 26/4711',
  },
});
