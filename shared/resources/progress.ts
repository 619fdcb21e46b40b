import { invalid, nothingHere } from '../errors.ts';
import { day, flag, reference, sensitive, text } from '../record/fields.ts';
import { findRecord } from '../record/read.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { localDateOf } from '../time.ts';
import { developmentPlans, goalsOf } from './development-plans.ts';

const fields = () => ({
  date: day('The day it is about, a local date (dato).'),
  done: flag('Whether it was done that day (gjort).'),
  note: sensitive(text('How it went (notat).')).optional(),
});

type Progress = RecordOf<ReturnType<typeof fields>, 'planId' | 'goalId'> & { readonly familyId?: string };

/** Progress is noted on a day that has come, within the time of its goal, once the plan is agreed. */
async function checkDate({ ctx, before, after }: Change<Progress>): Promise<Pick<Progress, 'familyId'>> {
  const { planId, goalId, date } = after;
  if (before?.date === date) return {};
  const plan = await findRecord(ctx, developmentPlans, planId);
  const goal = plan && goalsOf(plan.view).find(({ id }) => id === goalId);
  if (!goal) throw nothingHere();
  if (plan.view.status === 'draft') throw invalid('/path/parentId', 'The plan is not agreed yet.');
  if (date > localDateOf(ctx.now)) throw invalid('/date', 'This day has not come yet.');
  if (date < goal.from || date > goal.to) throw invalid('/date', `The goal is from ${goal.from} to ${goal.to}.`);
  return { familyId: String(plan.view['familyId']) };
}

export const progress = defineResource({
  path: 'progress',
  parent: {
    path: 'development-plans',
    field: 'planId',
    part: { path: 'goals', field: 'goalId', ids: (plan) => goalsOf(plan).map(({ id }) => id) },
  },
  name: 'progress-entry',
  danish: 'Fremskridt',
  summary: 'Whether a goal was worked on as planned, one entry a day.',
  scopes: { read: 'plans:read', write: 'plans:write' },
  fields,
  derived: () => ({
    familyId: reference('The family whose plan it is (plejefamilie).').meta({
      examples: ['01930000-0000-7000-8000-000000000003'],
    }),
  }),
  order: (entry) => entry.date,
  newestFirst: true,
  period: true,
  locks: ({ goalId, date }) => [{ name: ['progress', goalId, date], detail: 'The goal has an entry for this day.' }],
  about: ({ familyId }: Progress) => familyId,
  settle: checkDate,
  deletable: true,
  example: { date: '2026-11-19', done: true },
});
