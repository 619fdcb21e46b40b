import { invalid } from '../errors.ts';
import { line, oneOf, reference, setOf } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';
import { refuseBefore, refuseChange } from '../record/rules.ts';
import { inStanding, RISK_LEVELS } from './family-standing.ts';
import { familyOf } from './subject.ts';

export const riskFlags = defineResource({
  path: 'risk-flags',
  name: 'risk-flag',
  danish: 'Risiko for sammenbrud',
  summary: 'A sign that a placement may break down: why, and how great the risk is.',
  scopes: { read: 'support:read', write: 'support:write' },
  fields: () => ({
    familyId: reference('The family (plejefamilie); it stays the same.'),
    placementId: reference('The placement at risk (anbringelse), of that family.').optional(),
    reasons: setOf(
      'Why (årsager), at least one, in a word such as `conflict`, `exhaustion`, `school`.',
      line('A reason.', 100),
      20,
    ).min(1),
    level: oneOf('How great the risk is (risikoniveau).', RISK_LEVELS),
  }),
  machine: { steps: { raised: ['cleared'], cleared: [] } },
  events: { prefix: 'risk', status: { raised: 'raised', cleared: 'cleared' } },
  references: { familyId: 'families', placementId: 'placements' },
  order: (flag) => flag.createdAt,
  newestFirst: true,
  filters: { familyId: (flag) => flag.familyId, status: (flag) => flag.status, level: (flag) => flag.level },
  about: (flag) => flag.familyId,
  ledgers: ({ status, familyId, level }) =>
    status === 'raised' ? [inStanding(familyId, { kind: 'risk', level })] : [],
  settle: async ({ ctx, before, after }) => {
    refuseChange(before, after, 'familyId');
    if (before?.statusAt !== undefined && after.status !== before.status)
      refuseBefore('/at', after.statusAt, before.statusAt);
    const { familyId, placementId: id } = after;
    if (id === undefined || id === before?.placementId) return {};
    const placed = await familyOf(ctx, '/placementId', { type: 'placement', id });
    if (placed !== undefined && placed !== familyId)
      throw invalid('/placementId', 'This is a placement with another family.');
    return {};
  },
  example: {
    familyId: '01930000-0000-7000-8000-000000000003',
    placementId: '01930000-0000-7000-8000-000000000014',
    reasons: ['conflict', 'exhaustion'],
    level: 'medium',
  },
});
