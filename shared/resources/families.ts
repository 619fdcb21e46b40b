import { invalid } from '../errors.ts';
import {
  cprNumber,
  day,
  email,
  group,
  line,
  listOf,
  municipalityCode,
  oneOf,
  phone,
  reference,
  sensitive,
  setOf,
  text,
  whole,
} from '../record/fields.ts';
import { defineResource, type RecordOf } from '../record/resource.ts';
import { refuseBefore, refuseUnknownMunicipality } from '../record/rules.ts';
import { startOfDay } from '../time.ts';
import { CARE_FORMS, FAMILY_KINDS } from './family-kinds.ts';
import { inStanding } from './family-standing.ts';

const careForms = (description: string) => setOf(description, oneOf('A form of care.', CARE_FORMS), CARE_FORMS.length);

const fields = () => ({
  alias: line('What the family is called everywhere but in its own record (alias).'),
  kind: oneOf('Kind of foster family (plejefamilietype).', FAMILY_KINDS),
  careForms: careForms('Forms of care it gives: round the clock or support stays (døgn, støtteophold).')
    .min(1)
    .default(['doegn']),
  fosteringSince: day('Day since when it has fostered (plejefamilie siden), a local date.').optional(),
  residence: municipalityCode('Code of the municipality it lives in (bopælskommune).').optional(),
  capacity: whole('How many children it could take in all (kapacitet), 0–10.', 0, 10).optional(),
  skills: setOf('What it is good at (kompetencer).', line('A skill.', 100)).default([]),
  pressure: oneOf('Pressure on the family (belastning).', ['normal', 'elevated', 'high']).default('normal'),
  socialtilsyn: oneOf('The supervising authority (socialtilsyn).', [
    'nord',
    'midt',
    'syd',
    'oest',
    'hovedstaden',
  ]).optional(),
  tilbudsportalId: line('Its id in the public register of providers (Tilbudsportalen).', 50).optional(),
  approval: group('Its approval (godkendelse).', {
    authority: line('Who approved it (godkendende myndighed).'),
    from: day('First day it holds, a local date (gyldig fra).'),
    to: day('Last day it holds, a local date (gyldig til).').optional(),
    places: whole('Approved places, children at one time (pladser).', 0, 10),
    ageMin: whole('Youngest age it is approved for, years (alder fra).', 0, 23),
    ageMax: whole('Oldest age it is approved for, years (alder til).', 0, 23),
    careForms: careForms('Forms of care it is approved for (godkendte plejeformer).'),
    childId: reference('The one child a network family is approved for (netværksanbringelse).').optional(),
  }).optional(),
  outsideWork: sensitive(text('Work outside the home (udearbejde).')).optional(),
  adults: sensitive(
    listOf(
      'The adults of the family (voksne).',
      group('One adult.', {
        name: line('Name (navn).'),
        cpr: cprNumber('Civil registration number (CPR-nummer), kept without hyphen.').optional(),
        phone: phone('Telephone (telefon).').optional(),
        email: email('E-mail (mailadresse).').optional(),
      }),
      10,
    ),
  ).optional(),
});

type Family = RecordOf<ReturnType<typeof fields>>;

const TYPES = ['plejefamilie', 'aflastningsfamilie', 'netvaerksplejefamilie'] as const;

/** A network family is one by kind; a family that gives support stays only is a relief family. */
function typeOf({ kind, careForms: forms }: Family): (typeof TYPES)[number] {
  if (kind === 'netvaerk') return 'netvaerksplejefamilie';
  return forms.every((form) => form === 'stoetteophold') ? 'aflastningsfamilie' : 'plejefamilie';
}

/** The rules of an approval: DOMAIN §3, `families`. */
function checkApproval({ approval, kind }: Family): void {
  if (!approval) return;
  if (approval.to !== undefined && approval.to < approval.from)
    throw invalid('/approval/to', 'An approval cannot end before it starts.');
  if (approval.ageMax < approval.ageMin) throw invalid('/approval/ageMax', 'The oldest age is below the youngest.');
  if (kind === 'netvaerk' && approval.childId === undefined) {
    throw invalid('/approval/childId', 'A network family is approved for one child: name it.', 'required');
  }
}

export const families = defineResource({
  path: 'families',
  name: 'family',
  danish: 'Plejefamilie',
  summary: 'A foster family: what it can do, what it is approved for, where it stands.',
  person: true,
  scopes: { read: 'families:read', write: 'families:write' },
  fields,
  derived: () => ({ type: oneOf('What the law calls it, from kind and care forms (familietype).', TYPES) }),
  machine: {
    steps: {
      applicant: ['in_training', 'closed'],
      in_training: ['approved', 'closed'],
      approved: ['active', 'suspended'],
      active: ['paused', 'closed', 'suspended'],
      paused: ['active', 'closed', 'suspended'],
      suspended: ['active', 'closed'],
      closed: [],
    },
    reasonFor: ['closed'],
  },
  events: {
    created: 'created',
    status: { approved: 'approved', active: 'activated', paused: 'paused', suspended: 'suspended', closed: 'closed' },
  },
  references: { 'approval.childId': 'children' },
  order: (family) => family.alias.toLowerCase(),
  filters: { status: (family) => family.status, kind: (family) => family.kind, pressure: (family) => family.pressure },
  lookups: {
    phone: ({ adults = [] }) => adults.flatMap(({ phone: number }) => number ?? []),
    cpr: ({ adults = [] }) => adults.flatMap(({ cpr }) => cpr ?? []),
  },
  ledgers: ({ id, alias, status = '', statusAt = '', kind, pressure, skills, approval }) => [
    inStanding(id, {
      kind: 'family',
      alias,
      status,
      since: statusAt,
      familyKind: kind,
      pressure,
      skills,
      ...(approval && { approval }),
    }),
  ],
  settle: ({ ctx, before, after, entering }) => {
    checkApproval(after);
    const { statusAt, fosteringSince } = after;
    if (entering === 'closed' && fosteringSince !== undefined)
      refuseBefore(before ? '/at' : '/statusAt', statusAt, startOfDay(fosteringSince));
    const residence = after.residence ?? ctx.tenant.code;
    refuseUnknownMunicipality('/residence', residence);
    return { residence, type: typeOf(after) };
  },
  example: {
    alias: 'Familien ved åen',
    kind: 'almen',
    careForms: ['doegn', 'stoetteophold'],
    fosteringSince: '2019-08-01',
    residence: '0766',
    capacity: 2,
    skills: ['teenagers'],
    socialtilsyn: 'midt',
    approval: {
      authority: 'Socialtilsyn Midt',
      from: '2019-08-01',
      places: 2,
      ageMin: 0,
      ageMax: 17,
      careForms: ['doegn', 'stoetteophold'],
    },
    status: 'active',
    caseRefs: [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }],
  },
});
