import { day, line, reference } from '../record/fields.ts';
import { defineResource, type RecordOf } from '../record/resource.ts';
import { inStanding } from './family-standing.ts';
import { type Concerned, collectionsOf, concernedBy, subject } from './subject.ts';

/** What an action can be about. */
const SUBJECTS = [
  'family',
  'child',
  'placement',
  'call',
  'contact',
  'inquiry',
  'concern-report',
  'risk-flag',
  'development-plan',
  'supervision-session',
  'visit',
  'affiliation',
] as const;

const fields = () => ({
  title: line('What is to be done (opgave).'),
  ownerId: reference('Who does it (ansvarlig): a consultant or a staff member.'),
  dueOn: day('By when, a local date (frist).'),
  about: subject('What it is about (vedrører).', SUBJECTS),
});

/** An action with whom its rules have found that it is about. */
type Action = RecordOf<ReturnType<typeof fields>> & Concerned;

export const actions = defineResource({
  path: 'actions',
  name: 'action',
  danish: 'Opgave',
  summary: 'Something to be done: by whom, by when, and about what.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields,
  derived: () => ({
    familyId: reference('The family that it is about, as its subject said when it was named (plejefamilie).')
      .meta({ examples: ['01930000-0000-7000-8000-000000000003'] })
      .optional(),
    childId: reference('The child that it is about, where its subject names one (barn).')
      .meta({ examples: ['01930000-0000-7000-8000-000000000013'] })
      .optional(),
  }),
  machine: { steps: { open: ['done', 'cancelled'], done: [], cancelled: [] } },
  references: { ownerId: ['consultants', 'staff'], 'about.id': collectionsOf(SUBJECTS) },
  order: (action) => action.dueOn,
  filters: {
    ownerId: (action) => action.ownerId,
    familyId: (action: Action) => action.familyId,
    status: { of: (action) => action.status, order: (action) => action.dueOn, bounds: 'due' },
  },
  edges: { childId: ({ childId }: Action) => (childId === undefined ? [] : [childId]) },
  about: (action: Action) => action.familyId,
  ledgers: ({ status, familyId, dueOn }: Action) =>
    status === 'open' && familyId !== undefined ? [inStanding(familyId, { kind: 'action', dueOn })] : [],
  settle: async ({ ctx, before, after: { about } }) => {
    if (before?.about.type === about.type && before.about.id === about.id) return {};
    return { familyId: undefined, childId: undefined, ...(await concernedBy(ctx, '/about/id', about)) };
  },
  example: {
    title: 'Arrange a meeting with the school',
    ownerId: '01930000-0000-7000-8000-000000000004',
    dueOn: '2026-12-01',
    about: { type: 'family', id: '01930000-0000-7000-8000-000000000003' },
  },
});
