import { flag, instant, oneOf, reference, sensitive, text } from '../record/fields.ts';
import { findRecord } from '../record/read.ts';
import { defineResource, type RecordOf } from '../record/resource.ts';
import { refuseFuture } from '../record/rules.ts';
import { placements } from './placements.ts';
import type { Concerned } from './subject.ts';

const fields = () => ({
  placementId: reference('The placement that was visited (anbringelse).'),
  kind: oneOf('Whether it looked at the child or at how the family runs (personrettet, driftsorienteret).', [
    'personrettet',
    'drift',
  ]),
  at: instant('When it was, UTC (tidspunkt).'),
  childSpokenTo: flag('Whether the child was spoken to (børnesamtale).'),
  staffPresent: flag(
    'Whether those who care for the child were present when it was spoken to (plejefamilien til stede).',
  ),
  announced: flag('Whether the visit was announced (anmeldt).'),
  worrying: flag('Whether anything gave cause for worry (bekymrende).'),
  note: sensitive(text('What was seen and said (notat).')).optional(),
});

/** A visit, with the family and the child of its placement. */
type Visit = RecordOf<ReturnType<typeof fields>> & Concerned;

const familyOf = ({ familyId }: Visit): string | undefined => familyId;

export const visits = defineResource({
  path: 'visits',
  name: 'visit',
  danish: 'Tilsynsbesøg',
  summary: 'A supervisory visit to a placed child.',
  scopes: { read: 'placements:read', write: 'placements:write' },
  fields,
  derived: () => ({
    familyId: reference('The family of the placement (plejefamilie).').meta({
      examples: ['01930000-0000-7000-8000-000000000003'],
    }),
    childId: reference('The child that was visited (barn).').meta({
      examples: ['01930000-0000-7000-8000-000000000013'],
    }),
  }),
  events: { created: 'recorded' },
  references: { placementId: 'placements' },
  order: (visit) => visit.at,
  newestFirst: true,
  period: true,
  filters: { placementId: (visit) => visit.placementId, familyId: familyOf },
  edges: { childId: ({ childId }: Visit) => (childId === undefined ? [] : [childId]) },
  about: familyOf,
  settle: async ({ ctx, before, after }) => {
    refuseFuture(ctx, '/at', after.at);
    if (before?.placementId === after.placementId) return {};
    // An id that names no placement is refused as an unknown reference when the visit is committed.
    const placement = await findRecord(ctx, placements, after.placementId);
    return placement ? { familyId: placement.view['familyId'], childId: placement.view['childId'] } : {};
  },
  example: {
    placementId: '01930000-0000-7000-8000-000000000014',
    kind: 'personrettet',
    at: '2026-11-12T15:00:00+01:00',
    childSpokenTo: true,
    staffPresent: false,
    announced: true,
    worrying: false,
  },
});
