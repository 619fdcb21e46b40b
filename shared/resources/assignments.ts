import { invalid } from '../errors.ts';
import { day, reference } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseChange } from '../record/rules.ts';
import { FOREVER } from '../time.ts';
import { inStanding } from './family-standing.ts';

export const assignments = defineResource({
  path: 'assignments',
  name: 'assignment',
  danish: 'Tilknyttet konsulent',
  summary: 'Which consultant is a family’s, from when to when. It ends by a last day, so who it was is never lost.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family (plejefamilie).'),
    consultantId: reference('The consultant (konsulent).'),
    from: day('First day, a local date (fra).'),
    to: day('Last day, a local date (til).').optional(),
  }),
  events: {
    created: 'consultant.assigned',
    also: {
      names: ['consultant.unassigned'],
      of: (before, after) =>
        before && before.to === undefined && after.to !== undefined
          ? { name: 'consultant.unassigned', action: 'ended' }
          : undefined,
    },
  },
  references: { familyId: 'families', consultantId: 'consultants' },
  spans: true,
  newestFirst: true,
  order: ({ to }) => to ?? FOREVER,
  filters: {
    familyId: (assignment) => assignment.familyId,
    consultantId: (assignment) => assignment.consultantId,
  },
  about: (assignment) => assignment.familyId,
  ledgers: ({ familyId, consultantId, from, to }) => [
    inStanding(familyId, { kind: 'assignment', consultantId, from, ...(to !== undefined && { to }) }),
  ],
  settle: ({ before, after }) => {
    refuseChange(before, after, 'familyId', 'consultantId');
    if (after.to !== undefined && after.to < after.from)
      throw invalid('/to', 'An assignment cannot end before it starts.');
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    consultantId: '01930000-0000-7000-8000-000000000004',
    from: '2026-10-01',
  },
});
