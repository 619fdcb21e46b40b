import { invalid, Problem } from '../errors.ts';
import { day, line, reference, sensitive, setOf, text } from '../record/fields.ts';
import { findRecords } from '../record/read.ts';
import { defineResource } from '../record/resource.ts';
import { FOREVER } from '../time.ts';
import { CONSULTANT_KINDS, consultants } from './consultants.ts';
import { inStanding } from './family-standing.ts';

/** A change of the group writes for each family an edge, its standing, and that by each of its consultants; a transaction holds 100. */
const MOST_FAMILIES = 16;

export const supervisionGroups = defineResource({
  path: 'supervision-groups',
  name: 'supervision-group',
  danish: 'Hold',
  summary: 'A team of foster families that meets for group supervision, led by both kinds of consultant.',
  scopes: { read: 'supervision:read', write: 'supervision:write' },
  fields: () => ({
    name: line('Name (navn).'),
    familyIds: setOf(
      `Its families (familier), at most ${MOST_FAMILIES}.`,
      reference('A family.'),
      MOST_FAMILIES,
    ).default([]),
    consultantIds: setOf(
      'Who leads it (konsulenter): at least one of each kind of consultant.',
      reference('A consultant.'),
      10,
    ),
    criteria: sensitive(text('What the families have in common (kriterier).')).optional(),
    from: day('First day, a local date (fra).'),
    to: day('Last day, a local date (til).').optional(),
  }),
  references: { familyIds: 'families', consultantIds: 'consultants' },
  order: (group) => group.name.toLowerCase(),
  edges: { familyId: (group) => group.familyIds },
  // The times of a family's groups stand in its standing: they may follow one another but not overlap.
  ledgers: ({ familyIds, from, to = FOREVER }) =>
    familyIds.map((familyId) =>
      inStanding(familyId, { kind: 'group', from, to }, (others) =>
        [...others.values()].some((other) => other.kind === 'group' && other.from <= to && from <= other.to)
          ? new Problem('conflict', `The family ${familyId} is in another group in that time.`)
          : undefined,
      ),
    ),
  settle: async ({ ctx, before, after }) => {
    if (after.to !== undefined && after.to < after.from) throw invalid('/to', 'A group cannot end before it starts.');
    if (before && String(before.consultantIds) === String(after.consultantIds)) return {};
    const kinds = (await findRecords(ctx, consultants, after.consultantIds)).map(({ view }) => view['kind']);
    // Ids that name no consultant are refused as unknown references when the change is committed.
    if (kinds.length === after.consultantIds.length && CONSULTANT_KINDS.some((kind) => !kinds.includes(kind))) {
      throw invalid('/consultantIds', `A group is led by both kinds of consultant: ${CONSULTANT_KINDS.join(' and ')}.`);
    }
    return {};
  },
  example: {
    name: 'Hold 1',
    familyIds: ['01930000-0000-7000-8000-000000000003'],
    consultantIds: ['01930000-0000-7000-8000-000000000004', '01930000-0000-7000-8000-000000000005'],
    from: '2026-10-01',
  },
});
