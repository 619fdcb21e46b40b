import type * as z from 'zod';
import { invalid } from '../errors.ts';
import { newId } from '../ids.ts';
import { day, group, line, listOf, oneOf, reference, uuid } from '../record/fields.ts';
import { type Change, defineResource, type Fields, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseChange } from '../record/rules.ts';

/** Dropped goals stay in their plan, so there is room for more than a family works on at a time. */
const MOST_GOALS = 50;

const goalId = () => uuid('Id of the goal (mål-id), given when it is first stored.');

const goalFields = () => ({
  title: line('What the family works on (mål).'),
  measure: line('How one sees whether it was done (måles ved), 1–500 characters.', 500),
  target: line('When it is reached (målsætning), 1–500 characters.', 500),
  frequency: oneOf('How often it is to be done (hyppighed).', ['daily', 'weekly', 'monthly', 'once']),
  from: day('First day, a local date (fra).'),
  to: day('Last day, a local date (til).'),
  status: oneOf('Where the goal stands (status).', ['open', 'achieved', 'adjusted', 'dropped']).default('open'),
});

const fields = () => ({
  familyId: reference('The family whose plan it is (plejefamilie); it stays the same.'),
  themeId: reference('The theme it follows (tema).').optional(),
  goals: listOf(
    `Its goals (mål), at most ${MOST_GOALS}. One sent without an id is the plan's goal of that title, or a new one.`,
    group('One goal.', { id: goalId().optional(), ...goalFields() }),
    MOST_GOALS,
  ).default([]),
});

type Plan = RecordOf<ReturnType<typeof fields>>;

/** A goal as it is stored. */
export type Goal = z.output<z.ZodObject<{ id: z.ZodUUID } & ReturnType<typeof goalFields>>>;

/** The goals of a stored plan. */
export const goalsOf = (plan: Fields): readonly Goal[] => plan['goals'] as readonly Goal[];

const GOAL = {
  title: 'An evening together without screens',
  measure: 'The family notes each evening whether it was done',
  target: '24 of 30 evenings',
  frequency: 'daily',
  from: '2026-11-01',
  to: '2026-11-30',
};

/**
 * The goals with their ids. A goal sent without one is told by its title, so that sending the same plan again changes
 * nothing. Throws 422 for an id that is no goal's of the plan, and when a goal of an agreed plan is missing.
 */
function identified({ ctx, before, after }: Change<Plan>): Fields[] {
  const standing = [...(before?.goals ?? [])];
  const take = (is: (goal: Plan['goals'][number]) => boolean): string | undefined => {
    const at = standing.findIndex(is);
    return at === -1 ? undefined : standing.splice(at, 1)[0]?.id;
  };
  for (const [at, { id }] of after.goals.entries()) {
    if (id !== undefined && take((goal) => goal.id === id) === undefined)
      throw invalid(`/goals/${at}/id`, 'The plan has no goal with this id, or it stands here twice.');
  }
  const goals = after.goals.map(({ id, ...goal }) => ({
    id: id ?? take(({ title }) => title === goal.title) ?? newId(new Date(ctx.now)),
    ...goal,
  }));
  if (before && before.status !== 'draft' && standing.length > 0)
    throw invalid('/goals', 'A goal of an agreed plan is not removed but dropped.');
  return goals;
}

const achieved = (plan: Plan | undefined) =>
  (plan?.goals ?? []).filter(({ status }) => status === 'achieved').map(({ id }) => id);

export const developmentPlans = defineResource({
  path: 'development-plans',
  name: 'development-plan',
  danish: 'Udviklingsplan',
  summary: 'What a family works on: goals, each with how it is measured and when it is reached.',
  scopes: { read: 'plans:read', write: 'plans:write' },
  fields,
  derived: () => ({
    goals: listOf('Its goals (mål).', group('One goal.', { id: goalId(), ...goalFields() }), MOST_GOALS).meta({
      examples: [[{ id: '01930000-0000-7000-8000-000000000031', ...GOAL, status: 'open' }]],
    }),
  }),
  machine: {
    steps: { draft: ['agreed'], agreed: ['completed', 'replaced'], completed: [], replaced: [] },
  },
  events: {
    prefix: 'plan',
    status: { agreed: 'agreed', completed: 'completed' },
    also: {
      names: ['goal.achieved'],
      of: (before, after, entering) =>
        entering === undefined && achieved(after).some((id) => !achieved(before).includes(id))
          ? { name: 'goal.achieved', action: 'updated' }
          : undefined,
    },
  },
  references: { familyId: 'families', themeId: 'themes' },
  order: (plan) => plan.createdAt,
  newestFirst: true,
  filters: { familyId: (plan) => plan.familyId, status: (plan) => plan.status },
  about: (plan) => plan.familyId,
  locks: ({ familyId, status }) =>
    status === 'agreed'
      ? [{ name: ['active-plan', familyId], detail: 'The family has an agreed plan already. Complete or replace it.' }]
      : [],
  settle: (change) => {
    const { before, after, entering } = change;
    refuseChange(before, after, 'familyId');
    const backwards = after.goals.findIndex(({ from, to }) => to < from);
    if (backwards !== -1) throw invalid(`/goals/${backwards}/to`, 'A goal cannot end before it starts.');
    if (after.status !== 'draft' && after.goals.length === 0)
      throw invalid('/goals', 'An agreed plan has at least one goal.', 'too_short');
    if (before?.status === 'agreed' && before.statusAt !== undefined && entering !== undefined)
      refuseBefore('/at', after.statusAt, before.statusAt);
    return { goals: identified(change) };
  },
  example: { familyId: '01930000-0000-7000-8000-000000000003', goals: [GOAL], status: 'agreed' },
});
