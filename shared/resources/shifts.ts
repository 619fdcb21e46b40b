import { invalid, Problem } from '../errors.ts';
import { instant, reference } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';

const DAY_MS = 86_400_000;
/** A shift is at most a week, so it touches at most eight days. In seconds. */
export const LONGEST_SHIFT_S = (7 * DAY_MS) / 1000;

/** The UTC days that a span touches. */
function daysOf(startsAt: string, endsAt: string): string[] {
  const days: string[] = [];
  for (let time = Date.parse(startsAt.slice(0, 10)); time < Date.parse(endsAt); time += DAY_MS) {
    days.push(new Date(time).toISOString().slice(0, 10));
  }
  return days;
}

export const shifts = defineResource({
  path: 'shifts',
  name: 'shift',
  danish: 'Vagt',
  summary: 'A time in which one person answers a helpline.',
  scopes: { read: 'helpline:read', write: 'helpline:write' },
  fields: () => ({
    helplineId: reference('The helpline (akuttelefon).'),
    startsAt: instant('When the shift starts, UTC (vagt fra).'),
    endsAt: instant('When the shift ends, UTC (vagt til).'),
    staffId: reference('Who has it (vagthavende): a staff member of an institution, or a consultant.'),
  }),
  references: { helplineId: 'helplines', staffId: ['staff', 'consultants'] },
  order: (shift) => shift.startsAt,
  period: true,
  filters: { helplineId: (shift) => shift.helplineId, staffId: (shift) => shift.staffId },
  // One ledger for each person and day: whoever takes a shift meets all others of that person there.
  ledgers: ({ staffId, startsAt, endsAt }) =>
    daysOf(startsAt, endsAt).map((day) => ({
      name: ['shifts', staffId, day],
      entry: { startsAt, endsAt },
      admit: (others) =>
        [...others.values()].some((other) => String(other['startsAt']) < endsAt && startsAt < String(other['endsAt']))
          ? new Problem('conflict', 'This person has another shift in that time.')
          : undefined,
    })),
  settle: ({ after: { startsAt, endsAt } }) => {
    if (endsAt <= startsAt) throw invalid('/endsAt', 'A shift cannot end before it starts.');
    if (Date.parse(endsAt) - Date.parse(startsAt) > LONGEST_SHIFT_S * 1000)
      throw invalid('/endsAt', 'A shift lasts at most seven days.');
    return {};
  },
  deletable: true,
  example: {
    helplineId: '01930000-0000-7000-8000-000000000001',
    startsAt: '2026-11-23T07:00:00+01:00',
    endsAt: '2026-11-23T15:00:00+01:00',
    staffId: '01930000-0000-7000-8000-000000000002',
  },
});
