import { group, instant, reference, whole } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseFuture } from '../record/rules.ts';

const scale = (description: string) => whole(description, 1, 5);

export const pulseSurveys = defineResource({
  path: 'pulse-surveys',
  name: 'pulse-survey',
  danish: 'Pulsmåling',
  summary: 'How a foster family says it is, in five figures.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family that answered (plejefamilie).'),
    at: instant('When it answered, UTC (tidspunkt).'),
    heard: scale('How much it feels heard (hørt), 1 (not at all) to 5 (fully).'),
    alone: scale('How much it feels alone (alene), 1 (not at all) to 5 (very much).'),
    stress: scale('How stressed it is (stress), 1 (not at all) to 5 (very much).'),
    cooperation: group('How cooperation goes (samarbejde).', {
      parents: scale("With the child's parents (forældre), 1 (badly) to 5 (well)."),
      municipality: scale('With the municipality (kommune), 1 (badly) to 5 (well).'),
    }),
  }),
  references: { familyId: 'families' },
  order: (survey) => survey.at,
  newestFirst: true,
  period: true,
  filters: { familyId: (survey) => survey.familyId },
  about: (survey) => survey.familyId,
  settle: ({ ctx, after }) => {
    refuseFuture(ctx, '/at', after.at);
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    at: '2026-11-16T20:00:00+01:00',
    heard: 4,
    alone: 2,
    stress: 3,
    cooperation: { parents: 3, municipality: 4 },
  },
});
