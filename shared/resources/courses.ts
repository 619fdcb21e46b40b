import * as z from 'zod';
import { invalid } from '../errors.ts';
import { codeWord, day, group, line, listOf, oneOf, reference } from '../record/fields.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { localDateOf } from '../time.ts';
import { FACILITATORS, facilitatorIds, institutionIds, institutionsOf, type Led } from './facilitators.ts';

/** Each family writes a row, and a transaction holds 100: those of facilitators, cases and the course itself come on top. */
const MOST_FAMILIES = 80;
const MOST_DAYS = 31;

/** Hours in quarters, which add up without a remainder. */
const hours = (description: string, min: number, max: number) =>
  z
    .number()
    .min(min)
    .max(max)
    .refine((value) => Number.isInteger(value * 4), 'This must be a multiple of a quarter of an hour.')
    .describe(description);

const fields = () => ({
  title: line('Title (titel).'),
  kind: oneOf('Basic course or further training (grundkursus, efteruddannelse).', ['grund', 'efter']),
  specialty: codeWord('Special knowledge it gives (speciale), such as `adhd` or `self_harm`.').optional(),
  days: listOf(
    `Its days (kursusdage), each another date, 1–${MOST_DAYS}.`,
    group('One day.', {
      date: day('The day, a local date (dato).'),
      hours: hours('How long it takes that day (timer), hours in quarters, 0.25–24.', 0.25, 24),
    }),
    MOST_DAYS,
  ).min(1),
  facilitatorIds: facilitatorIds('Who leads it (undervisere): consultants or staff members.'),
  attendance: listOf(
    `Which families came (fremmøde), at most ${MOST_FAMILIES}; written down once the course has been held. Replacing many entries may need several steps.`,
    group('One family.', {
      familyId: reference('The family (plejefamilie).'),
      hours: hours('How long it took part (timer), hours in quarters, 0 up to all that the course took.', 0, 744),
    }),
    MOST_FAMILIES,
  ).default([]),
});

type Course = RecordOf<ReturnType<typeof fields>> & Partial<Led>;

const datesOf = ({ days }: Course): string[] => days.map(({ date }) => date).sort();

/** Its days are different ones, and it has been held on the last of them at the earliest. */
function checkDays({ before, after, entering }: Change<Course>): void {
  const dates = datesOf(after);
  if (new Set(dates).size < dates.length) throw invalid('/days', 'A date stands here twice.');
  const { status, statusAt } = after;
  if (status === 'held' && statusAt !== undefined && localDateOf(statusAt) < String(dates.at(-1))) {
    throw invalid(before && entering ? '/at' : '/days', 'A course is held on its last day at the earliest.');
  }
}

/** Families come to a course that was held, each once, and for no longer than it took. */
function checkAttendance({ status, days, attendance }: Course): void {
  if (attendance.length === 0) return;
  if (status !== 'held') throw invalid('/attendance', 'Attendance is written down once the course has been held.');
  if (new Set(attendance.map(({ familyId }) => familyId)).size < attendance.length)
    throw invalid('/attendance', 'A family stands here twice.');
  const total = days.reduce((sum, one) => sum + one.hours, 0);
  const tooLong = attendance.findIndex((one) => one.hours > total);
  if (tooLong !== -1) throw invalid(`/attendance/${tooLong}/hours`, `The course took ${total} hours.`, 'too_big');
}

export const courses = defineResource({
  path: 'courses',
  name: 'course',
  danish: 'Kursus',
  summary: 'A course for foster families: its days, who leads it, and which families came for how long.',
  scopes: { read: 'courses:read', write: 'courses:write' },
  fields,
  derived: () => ({ institutionIds: institutionIds() }),
  machine: { steps: { planned: ['held', 'cancelled'], held: [], cancelled: [] } },
  events: { status: { held: 'held' } },
  references: { facilitatorIds: FACILITATORS, 'attendance.familyId': 'families' },
  order: (course) => String(datesOf(course)[0]),
  newestFirst: true,
  period: true,
  filters: {
    status: (course) => course.status,
    kind: (course) => course.kind,
    specialty: (course) => course.specialty,
  },
  edges: {
    familyId: ({ attendance }) => attendance.map(({ familyId }) => familyId),
    institutionId: (course: Course) => course.institutionIds ?? [],
  },
  settle: (change) => {
    checkDays(change);
    checkAttendance(change.after);
    return institutionsOf(change);
  },
  example: {
    title: 'ADHD in everyday life',
    kind: 'efter',
    specialty: 'adhd',
    days: [
      { date: '2026-11-05', hours: 6 },
      { date: '2026-11-12', hours: 6 },
    ],
    facilitatorIds: ['01930000-0000-7000-8000-000000000002'],
    attendance: [{ familyId: '01930000-0000-7000-8000-000000000003', hours: 12 }],
    status: 'held',
  },
});
