import { instant, line, oneOf, reference } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseBefore, refuseFuture } from '../record/rules.ts';

export const inquiries = defineResource({
  path: 'inquiries',
  name: 'inquiry',
  danish: 'Henvendelse',
  summary: 'What a foster family asks for help with, and who takes care of it.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family that asks (plejefamilie).'),
    subject: line('What it asks about (emne).'),
    raisedAt: instant('When it asked, UTC (rejst).'),
    handledBy: oneOf('Who takes care of it (håndteres af).', ['consultant', 'municipality', 'other']),
  }),
  machine: { steps: { open: ['closed'], closed: [] } },
  references: { familyId: 'families' },
  order: (inquiry) => inquiry.raisedAt,
  newestFirst: true,
  period: true,
  filters: { familyId: (inquiry) => inquiry.familyId, status: (inquiry) => inquiry.status },
  about: (inquiry) => inquiry.familyId,
  settle: ({ ctx, before, after, entering }) => {
    refuseFuture(ctx, '/raisedAt', after.raisedAt);
    if (after.status === 'closed') {
      const atFault = entering === undefined ? '/raisedAt' : before ? '/at' : '/statusAt';
      refuseBefore(atFault, after.statusAt, after.raisedAt);
    }
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    subject: 'A place in the school’s after-hours care',
    raisedAt: '2026-11-17T09:00:00+01:00',
    handledBy: 'consultant',
  },
});
