import { invalid } from '../errors.ts';
import { day, group, line, listOf, reference, sensitive, whole } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseChange } from '../record/rules.ts';
import { FOREVER } from '../time.ts';

const tasks = (description: string) => listOf(description, line('One task.'));

export const affiliations = defineResource({
  path: 'affiliations',
  name: 'affiliation',
  danish: 'Tilknytning',
  summary: 'A foster family attached to an institution for a time, and who of those involved does what.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family that is attached (plejefamilie); it stays the same.'),
    institutionId: reference('The institution it is attached to (institution); it stays the same.'),
    from: day('First day, a local date (fra).'),
    to: day('Last day, a local date (til); open-ended if left out.').optional(),
    roleAgreement: sensitive(
      group('What was agreed on who does what (rolleaftale).', {
        municipality: tasks('What the municipality does (kommunens opgaver).').default([]),
        institution: tasks('What the institution does (institutionens opgaver).').default([]),
        family: tasks('What the family does (familiens opgaver).').default([]),
        contactRhythmDays: whole('Days from one contact to the next (kontaktrytme), 1–365.', 1, 365).optional(),
      }),
    ).optional(),
  }),
  references: { familyId: 'families', institutionId: 'institutions' },
  order: (affiliation) => affiliation.to ?? FOREVER,
  newestFirst: true,
  spans: true,
  filters: {
    institutionId: (affiliation) => affiliation.institutionId,
    familyId: (affiliation) => affiliation.familyId,
  },
  about: (affiliation) => affiliation.familyId,
  events: {
    created: 'started',
    also: {
      names: ['affiliation.ended'],
      of: (before, { to }) =>
        before && before.to === undefined && to !== undefined
          ? { name: 'affiliation.ended', action: 'ended' }
          : undefined,
    },
  },
  settle: ({ before, after }) => {
    refuseChange(before, after, 'familyId', 'institutionId');
    if (after.to !== undefined && after.to < after.from)
      throw invalid('/to', 'An affiliation cannot end before it starts.');
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    institutionId: '01930000-0000-7000-8000-000000000007',
    from: '2026-01-01',
    roleAgreement: {
      municipality: ['Supervises the placement'],
      institution: ['Answers the telephone day and night', 'Individual supervision'],
      family: ['Keeps a diary'],
      contactRhythmDays: 7,
    },
  },
});
