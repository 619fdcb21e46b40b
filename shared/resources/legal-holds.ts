import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../errors.ts';
import { day, sensitive, text } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { collectionsOf, DATA_SUBJECTS, requireSubject, subject } from './subject.ts';
import { inSubject, unlessErasing } from './subject-ledger.ts';

export const legalHolds = defineResource({
  path: 'legal-holds',
  name: 'legal-hold',
  danish: 'Bevaringspåbud',
  summary:
    'What is known of a person or household must be kept: while one is in force until it is lifted or its last day has passed, nothing of it is erased.',
  scopes: { read: 'privacy:read', write: 'privacy:write' },
  fields: () => ({
    subject: subject('Whose data must be kept (registreret); it stays the same.', DATA_SUBJECTS),
    reason: sensitive(text('Why (begrundelse), such as a complaint or a claim.')).optional(),
    from: day('From which day it was asked for, a local date (fra). It holds once it is entered.'),
    to: day('Last day it holds, a local date (til); until it is lifted if left out.').optional(),
  }),
  machine: { steps: { in_force: ['lifted'], lifted: [] }, reasonFor: ['lifted'] },
  references: { 'subject.id': collectionsOf(DATA_SUBJECTS) },
  order: (hold) => hold.from,
  newestFirst: true,
  period: true,
  filters: { status: (hold) => hold.status, subjectId: (hold) => hold.subject.id },
  ledgers: ({ status, subject: { id }, to }) =>
    status === 'in_force' ? [inSubject(id, { kind: 'hold', ...(to !== undefined && { to }) }, unlessErasing)] : [],
  settle: async ({ ctx, before, after }) => {
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
