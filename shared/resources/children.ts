import { invalid } from '../errors.ts';
import { cprNumber, flag, line, municipalityCode, sensitive, setOf, text, whole } from '../record/fields.ts';
import { type Change, defineResource, type RecordOf } from '../record/resource.ts';
import { refuseUnknownMunicipality } from '../record/rules.ts';
import { type LocalDate, localDateOf } from '../time.ts';
import { agesOn, birthDateOf } from './birth.ts';

/** A child of this age is a party to its own case (Barnets lov). */
const PARTY_AGE = 10;

const fields = () => ({
  alias: line('What the child is called everywhere but in its own record (alias).'),
  birthYear: whole(
    'Year of birth (fødselsår), 1858–2057: what CPR numbers can tell. It may be left out where the CPR number is given, and is then shown as that is, with the scope sensitive:read.',
    1858,
    2057,
  ).optional(),
  responsibleMunicipality: municipalityCode(
    'Code of the municipality that decides on the child (handlekommune); this one if left out.',
  ).optional(),
  cpr: sensitive(cprNumber('Civil registration number (CPR-nummer), kept without hyphen.')).optional(),
  needs: sensitive(setOf('What the child needs (behov).', line('A need.'))).optional(),
  custody: sensitive(text('Who has custody, and what was agreed with them (forældremyndighed).')).optional(),
});

type Child = RecordOf<ReturnType<typeof fields>>;

/**
 * Throws 422 unless something tells when the child was born. Where the caller sends both a year and a CPR number they
 * agree, and neither lies ahead. A CPR number that was sent earlier is not compared with anything, because the answer
 * would tell its year; and where the caller takes the year away, it gives the number that tells it.
 */
function checkBirth({ before, after, changed }: Change<Child>, today: LocalDate): void {
  const { birthYear } = after;
  const cpr = changed.includes('cpr') ? after.cpr : undefined;
  const born = cpr === undefined ? undefined : birthDateOf(cpr);
  if (born !== undefined && born > today) throw invalid('/cpr', 'The date of birth in it lies in the future.');
  const stays = before !== undefined && !changed.includes('birthYear') && !changed.includes('cpr');
  if (birthYear === undefined && born === undefined && !stays)
    throw invalid('/birthYear', 'Give the year of birth, or a CPR number that tells it.', 'required');
  if (birthYear === undefined) return;
  if (born !== undefined && birthYear !== Number(born.slice(0, 4))) {
    throw invalid(
      '/birthYear',
      'The CPR number tells another year. Leave this out, in a patch null, to take that one.',
    );
  }
  if (birthYear > Number(today.slice(0, 4))) throw invalid('/birthYear', 'This lies in the future.');
}

/** Returns the year of birth of a child as the caller is shown it; undefined where nothing that is shown tells it. */
function birthYearOf({ birthYear, cpr }: Pick<Child, 'birthYear' | 'cpr'>): number | undefined {
  const born = cpr === undefined ? undefined : birthDateOf(cpr);
  return birthYear ?? (born === undefined ? undefined : Number(born.slice(0, 4)));
}

export const children = defineResource({
  path: 'children',
  name: 'child',
  danish: 'Barn',
  summary: 'A child or young person who lives with a foster family or stays with one.',
  person: true,
  scopes: { read: 'children:read', write: 'children:write' },
  fields,
  computed: {
    fields: () => ({
      age: whole(
        'Age today, whole years (alder). Where only the year of birth is known: the age the child reaches this year. Absent where only the CPR number tells it and that is not shown.',
        0,
        200,
      ),
      party: flag(
        `Whether the child is a party to its case (part): it is ${PARTY_AGE} or more, or may be where only the year of birth is known.`,
      ),
    }),
    of: (child, now) => {
      const ages = agesOn(child, localDateOf(now));
      return ages ? { birthYear: birthYearOf(child), age: ages.max, party: ages.max >= PARTY_AGE } : {};
    },
  },
  order: (child) => child.alias.toLowerCase(),
  filters: { responsibleMunicipality: (child) => child.responsibleMunicipality },
  lookups: { cpr: ({ cpr }) => (cpr === undefined ? [] : [cpr]) },
  settle: (change) => {
    const { ctx, after } = change;
    checkBirth(change, localDateOf(ctx.now));
    const responsibleMunicipality = after.responsibleMunicipality ?? ctx.tenant.code;
    refuseUnknownMunicipality('/responsibleMunicipality', responsibleMunicipality);
    return { responsibleMunicipality };
  },
  example: {
    alias: 'Barn ved åen',
    birthYear: 2014,
    responsibleMunicipality: '0766',
    cpr: '610314-4321',
    needs: ['calm mornings'],
    custody: 'The mother; contact every other Sunday',
  },
});
