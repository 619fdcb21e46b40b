import { invalid } from '../errors.ts';
import { email, line, oneOf, phone, sensitive, uuid } from '../record/fields.ts';
import { defineResource } from '../record/resource.ts';

/** The two kinds of consultant; every supervision group is led by both. */
export const CONSULTANT_KINDS = ['plejefamiliekonsulent', 'familiekonsulent'] as const;

export const consultants = defineResource({
  path: 'consultants',
  name: 'consultant',
  danish: 'Konsulent',
  summary: 'A consultant who supports foster families, of the municipality or of a partner.',
  person: true,
  scopes: { read: 'consultants:read', write: 'consultants:write' },
  fields: () => ({
    name: line('Name (navn).'),
    kind: oneOf('Kind of consultant (konsulenttype).', CONSULTANT_KINDS),
    employer: line('Who employs the consultant (arbejdsgiver).'),
    email: email('E-mail at work (arbejdsmail).').optional(),
    phone: sensitive(phone('Telephone (telefon).')).optional(),
    fkOrgUuid: uuid('Id in FK Organisation (fælleskommunal brugeruuid).').optional(),
  }),
  settle: ({ before, after }) => {
    // A group is led by both kinds; a consultant who changed kind would leave one without.
    if (before && before.kind !== after.kind)
      throw invalid('/kind', 'A consultant keeps the kind. Create another one.');
    return {};
  },
  order: (consultant) => consultant.name.toLowerCase(),
  filters: { kind: (consultant) => consultant.kind },
  example: { name: 'Konsulent A', kind: 'plejefamiliekonsulent', employer: 'Hedensted Kommune' },
});
