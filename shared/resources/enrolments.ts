import { invalid } from '../errors.ts';
import { reference } from '../record/fields.ts';
import { findRecord } from '../record/read.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { refuseChange } from '../record/rules.ts';
import { families } from './families.ts';
import { findProgramme } from './programmes.ts';
import { rounds } from './rounds.ts';

const fields = () => ({
  roundId: reference('The round (forløb). It stays.'),
  familyId: reference(
    'The family (plejefamilie), of a kind and with a form of care that the programme is for. It stays.',
  ),
});

/** A list that names none is for all. */
const isFor = (eligible: readonly string[], own: readonly string[]): boolean =>
  eligible.length === 0 || own.some((one) => eligible.includes(one));

/** Throws 422 unless the programme of the round is for such a family. What does not exist is refused when it is committed. */
async function requireEligible({ ctx, after }: Change<RecordOf<ReturnType<typeof fields>>>): Promise<void> {
  const [round, family] = await Promise.all([
    findRecord(ctx, rounds, after.roundId),
    findRecord(ctx, families, after.familyId),
  ]);
  if (!round || !family) return;
  const programme = await findProgramme(ctx, round.view['programmeId'] as string);
  if (!programme) throw invalid('/roundId', 'The municipality takes part in the programme of this round no more.');
  if (!isFor(programme.eligibleKinds, [family.view['kind'] as string]))
    throw invalid('/familyId', 'The programme is not for this kind of family.');
  if (!isFor(programme.eligibleCareForms, family.view['careForms'] as string[]))
    throw invalid('/familyId', 'The programme is for none of the forms of care of this family.');
}

export const enrolments = defineResource({
  path: 'enrolments',
  name: 'enrolment',
  danish: 'Deltagelse i forløb',
  summary: 'A family in one round of a programme, from the invitation to the end.',
  scopes: { read: 'programmes:read', write: 'programmes:write' },
  fields,
  machine: {
    steps: { invited: ['started', 'withdrawn'], started: ['completed', 'withdrawn'], completed: [], withdrawn: [] },
    reasonFor: ['withdrawn'],
  },
  events: { status: { completed: 'completed' } },
  references: { roundId: 'rounds', familyId: 'families' },
  order: (enrolment) => enrolment.createdAt,
  filters: {
    roundId: (enrolment) => enrolment.roundId,
    familyId: (enrolment) => enrolment.familyId,
    status: (enrolment) => enrolment.status,
  },
  about: (enrolment) => enrolment.familyId,
  locks: ({ roundId, familyId }) => [
    { name: ['enrolment', roundId, familyId], detail: 'This family is enrolled in this round already.' },
  ],
  settle: async (change) => {
    refuseChange(change.before, change.after, 'roundId', 'familyId');
    if (!change.before) await requireEligible(change);
    return {};
  },
  example: {
    roundId: '01930000-0000-7000-8000-000000000027',
    familyId: '01930000-0000-7000-8000-000000000003',
    status: 'started',
  },
});
