import { codeWord, cvrNumber, line, oneOf, productionUnit, setOf } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';

/** Special knowledge of an institution or of one of its staff. */
export const specialties = () =>
  setOf(
    'Special knowledge (specialer).',
    codeWord('Such as `adhd`, `self_harm`, `autism`, `attachment`, `trauma`, `addiction`, `disability`.'),
    24,
  );

export const institutions = defineResource({
  path: 'institutions',
  name: 'institution',
  danish: 'Døgninstitution, opholdssted',
  summary: 'A residential institution that supports foster families with what its staff know.',
  referenceData: true,
  scopes: { read: 'institutions:read', write: 'institutions:write' },
  fields: () => ({
    name: line('Name (navn).'),
    kind: oneOf('Kind of institution (institutionstype).', ['doegninstitution', 'opholdssted']),
    cvr: cvrNumber('CVR number (CVR-nummer), eight digits.').optional(),
    pnr: productionUnit('Production unit number (P-nummer), ten digits.').optional(),
    specialties: specialties().default([]),
  }),
  order: (institution) => institution.name.toLowerCase(),
  filters: { kind: (institution) => institution.kind },
  edges: { specialty: (institution) => institution.specialties },
  example: { name: 'Bakkevej', kind: 'doegninstitution', cvr: '29189587', specialties: ['adhd', 'self_harm'] },
});
