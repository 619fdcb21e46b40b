import { isDeepStrictEqual } from 'node:util';
import { invalid, Problem } from '../errors.ts';
import { day, sensitive, text } from '../record/fields.ts';
import { HOLDS, type HoldEntry, holdAttributes } from '../record/legal-hold.ts';
import { type Change, defineResource, type LedgerEntry, type RecordOf } from '../record/resource.ts';
import { FOREVER } from '../time.ts';
import { collectionsOf, DATA_SUBJECTS, requireSubject, subject } from './subject.ts';
import { inSubject, unlessErasing } from './subject-ledger.ts';

const fields = () => ({
  subject: subject('Whose data must be kept (registreret); it stays the same.', DATA_SUBJECTS),
  reason: sensitive(text('Why (begrundelse), such as a complaint or a claim.')).optional(),
  from: day('From which day it was asked for, a local date (fra). It holds once it is entered.'),
  to: day('Last day it holds, a local date (til); until it is lifted if left out.').optional(),
});

type Hold = RecordOf<ReturnType<typeof fields>>;

/** Throws 403 where the client that set a hold ends it earlier than it said, by lifting it or by an earlier last day. */
function checkLifting({ ctx, before, after, entering }: Change<Hold>): void {
  if (!before || ctx.actor.id !== before.createdBy) return;
  if (entering === 'lifted' || (after.to ?? FOREVER) < (before.to ?? FOREVER))
    throw new Problem('forbidden', 'Another client than the one that set the hold must lift or shorten it.');
}

/** A hold that is in force stands in the shared row of its person, and in that of all holds (record/legal-hold.ts). */
function holdEntries({ status, subject: { id }, to }: Hold): LedgerEntry[] {
  if (status !== 'in_force') return [];
  const entry: HoldEntry = { kind: 'hold', subjectId: id, ...(to !== undefined && { to }) };
  return [inSubject(id, entry, unlessErasing), { name: HOLDS, entry: { ...entry }, attributes: holdAttributes }];
}

export const legalHolds = defineResource({
  path: 'legal-holds',
  name: 'legal-hold',
  danish: 'Bevaringspåbud',
  summary:
    'What is known of a person or household must be kept: until the hold is lifted or its last day has passed, nothing about the person is erased or deleted, and what a change overwrites is kept (`GET legal-holds/{id}/kept`). Another client than the one that set a hold must lift or shorten it.',
  scopes: { read: 'privacy:read', write: 'privacy:write' },
  fields,
  machine: { steps: { in_force: ['lifted'], lifted: [] }, reasonFor: ['lifted'] },
  references: { 'subject.id': collectionsOf(DATA_SUBJECTS) },
  order: (hold) => hold.from,
  newestFirst: true,
  period: true,
  filters: { status: (hold) => hold.status, subjectId: (hold) => hold.subject.id },
  ledgers: holdEntries,
  settle: async (change) => {
    const { ctx, before, after } = change;
    checkLifting(change);
    if (before && !isDeepStrictEqual(before.subject, after.subject))
      throw invalid('/subject', 'This stays as it was. Create another record.');
    if (after.to !== undefined && after.to < after.from) throw invalid('/to', 'A hold cannot end before it starts.');
    if (!before) await requireSubject(ctx, '/subject/id', after.subject);
    return {};
  },
  example: {
    subject: { type: 'family', id: '01930000-0000-7000-8000-000000000003' },
    reason: 'A complaint to Ankestyrelsen about the approval.',
    from: '2026-11-20',
  },
});
