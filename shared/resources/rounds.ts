import { invalid } from '../errors.ts';
import { day, line, reference } from '../record/fields.ts';
import { unknownReference } from '../record/references.ts';
import { defineResource } from '../record/resource.ts';
import { refuseChange } from '../record/rules.ts';
import { findProgramme } from './programmes.ts';

export const rounds = defineResource({
  path: 'rounds',
  name: 'round',
  danish: 'Forløb',
  summary: 'One run of a programme in the municipality, in which families are enrolled.',
  referenceData: true,
  scopes: { read: 'programmes:read', write: 'programmes:write' },
  fields: () => ({
    programmeId: reference('The programme (indsats), in which the municipality takes part. It stays.'),
    name: line('Name (navn).'),
    from: day('First day, a local date (fra), in the time of the programme.'),
    to: day('Last day, a local date (til), in the time of the programme.'),
  }),
  spans: true,
  order: (round) => round.to,
  filters: { programmeId: (round) => round.programmeId },
  settle: async ({ ctx, before, after }) => {
    // Its families were enrolled by what that programme is for.
    refuseChange(before, after, 'programmeId');
    if (after.to < after.from) throw invalid('/to', 'A round cannot end before it starts.');
    if (before?.from === after.from && before.to === after.to) return {};
    const programme = await findProgramme(ctx, after.programmeId);
    if (!programme) throw unknownReference('/programmeId', ['programmes']);
    if (after.from < programme.from) throw invalid('/from', 'A round cannot start before its programme.');
    if (after.to > programme.to) throw invalid('/to', 'A round cannot end after its programme.');
    return {};
  },
  example: {
    programmeId: '01930000-0000-7000-8000-000000000032',
    name: 'Første forløb',
    from: '2026-08-01',
    to: '2027-06-30',
  },
});
