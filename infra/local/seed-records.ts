/**
 * The records of the demonstration data, from what is publicly known of the programme: Vejle's helpline, open day and
 * night from 1 November 2019 and not called until 5 January 2020; Vesthimmerland's 21 families in teams that meet every
 * third month under the quarter's theme, each with a development plan, who all finished the first round. People are made
 * up and have no CPR numbers.
 */
export interface SeedRecord {
  /** Collection, with its parent where it is nested; `{name}` stands for the id of an earlier record. */
  readonly path: string;
  /** Its external id, by which seeding again finds it. */
  readonly name: string;
  /** Its fields; a string `{name}` stands for the id of an earlier record. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const record = (path: string, name: string, fields: SeedRecord['fields']): SeedRecord => ({ path, name, fields });

const HELPLINE_STAFF = ['a', 'b', 'c', 'd'];
const HELPLINE_DAYS = 66;

function vejle(): SeedRecord[] {
  const duty = (day: number): SeedRecord => {
    // Danish midnight in winter, 1 November 2019 and on.
    const startsAt = new Date(Date.UTC(2019, 9, 31, 23) + day * 86_400_000);
    return record('shifts', `shift-${String(day + 1).padStart(2, '0')}`, {
      helplineId: '{helpline}',
      staffId: `{staff-${HELPLINE_STAFF[day % HELPLINE_STAFF.length]}}`,
      startsAt: startsAt.toISOString(),
      endsAt: new Date(startsAt.getTime() + 86_400_000).toISOString(),
    });
  };
  return [
    record('institutions', 'institution', {
      name: 'Døgninstitutionen i Vejle',
      kind: 'doegninstitution',
      specialties: ['adhd', 'self_harm'],
    }),
    ...HELPLINE_STAFF.map((letter) =>
      record('institutions/{institution}/staff', `staff-${letter}`, {
        name: `Medarbejder ${letter.toUpperCase()}`,
        role: 'Pædagog',
        specialties: letter < 'c' ? ['adhd'] : ['self_harm'],
      }),
    ),
    record('helplines', 'helpline', {
      name: 'Akuttelefonen for plejefamilier',
      phone: '+45 75 00 00 00',
      institutionId: '{institution}',
      openFrom: '2019-11-01',
      promisedHours: '24/7',
    }),
    ...Array.from({ length: HELPLINE_DAYS }, (_, day) => duty(day)),
  ];
}

const TEAMS = [1, 2, 3];
const TEAM_SIZE = 7;
const THEMES = [
  { year: 2026, quarter: 1, code: 'mentalisation', titleDa: 'Mentalisering', meets: '2026-02-10T09:00:00+01:00' },
  {
    year: 2026,
    quarter: 2,
    code: 'child_development',
    titleDa: 'Barnets udvikling',
    meets: '2026-05-12T09:00:00+02:00',
  },
  { year: 2026, quarter: 3, code: 'learning', titleDa: 'Læring', meets: '2026-08-11T09:00:00+02:00' },
];

const familyNames = (team: number): string[] =>
  Array.from({ length: TEAM_SIZE }, (_, at) => `family-${String((team - 1) * TEAM_SIZE + at + 1).padStart(2, '0')}`);

function vesthimmerland(): SeedRecord[] {
  const families = TEAMS.flatMap(familyNames).map((name) =>
    record('families', name, {
      alias: `Plejefamilie ${name.slice(-2)}`,
      kind: 'almen',
      careForms: ['doegn'],
      fosteringSince: '2018-01-01',
      residence: '0820',
      capacity: 2,
      socialtilsyn: 'nord',
      approval: {
        authority: 'Socialtilsyn Nord',
        from: '2018-01-01',
        places: 2,
        ageMin: 0,
        ageMax: 17,
        careForms: ['doegn'],
      },
      status: 'active',
    }),
  );
  const teams = TEAMS.map((team) =>
    record('supervision-groups', `team-${team}`, {
      name: `Hold ${team}`,
      familyIds: familyNames(team).map((name) => `{${name}}`),
      consultantIds: ['{plejefamiliekonsulent}', '{familiekonsulent}'],
      from: '2026-01-01',
    }),
  );
  const sessions = THEMES.flatMap(({ quarter, meets }) =>
    TEAMS.map((team) =>
      record('supervision-sessions', `session-${quarter}-${team}`, {
        form: 'group',
        groupId: `{team-${team}}`,
        at: new Date(Date.parse(meets) + (team - 1) * 86_400_000).toISOString(),
        minutes: 150,
        facilitatorIds: ['{plejefamiliekonsulent}', '{familiekonsulent}'],
        attendance: familyNames(team).map((name) => ({ familyId: `{${name}}`, present: true })),
        status: 'held',
      }),
    ),
  );
  const names = TEAMS.flatMap(familyNames);
  const assignments = names.map((name) =>
    record('assignments', `assignment-${name}`, {
      familyId: `{${name}}`,
      consultantId: '{plejefamiliekonsulent}',
      from: '2026-01-01',
    }),
  );
  const plans = names.map((name) =>
    record('development-plans', `plan-${name}`, {
      familyId: `{${name}}`,
      themeId: '{theme-2026-3}',
      goals: [
        {
          title: 'Læse sammen hver aften',
          measure: 'Familien noterer hver aften, om det blev gjort',
          target: '24 af 30 aftener',
          frequency: 'daily',
          from: '2026-09-01',
          to: '2026-09-30',
        },
      ],
      status: 'agreed',
      statusAt: '2026-08-14T10:00:00Z',
    }),
  );
  return [
    ...['plejefamiliekonsulent', 'familiekonsulent'].map((kind) =>
      record('consultants', kind, { name: `Vesthimmerlands ${kind}`, kind, employer: 'Vesthimmerlands Kommune' }),
    ),
    ...THEMES.map(({ meets: _, ...theme }) => record('themes', `theme-${theme.year}-${theme.quarter}`, theme)),
    ...families,
    ...teams,
    ...sessions,
    ...assignments,
    ...plans,
    record('rounds', 'round-1', {
      programmeId: '{programme}',
      name: 'Første forløb',
      from: '2026-01-01',
      to: '2026-09-30',
    }),
    ...names.map((name) =>
      record('enrolments', `enrolment-${name}`, {
        roundId: '{round-1}',
        familyId: `{${name}}`,
        status: 'completed',
        statusAt: '2026-09-30T12:00:00Z',
      }),
    ),
  ];
}

/** The five municipalities of the programme and what each starts with. */
export const MUNICIPALITIES: readonly { readonly code: string; readonly records: () => SeedRecord[] }[] = [
  { code: '0630', records: vejle },
  { code: '0820', records: vesthimmerland },
  { code: '0265', records: () => [] },
  { code: '0101', records: () => [] },
  { code: '0410', records: () => [] },
];

/** The programme itself, 14.5 million kr. for the five. */
export const PROGRAMME = {
  name: 'Døgninstitutioner støtter plejefamilier',
  fundingSource: 'Social- og Boligstyrelsen',
  grantOere: 1_450_000_000,
  from: '2025-01-01',
  to: '2028-12-31',
  municipalities: MUNICIPALITIES.map(({ code }) => ({ code, allocationOere: 290_000_000 })),
  eligibleKinds: [],
  eligibleCareForms: [],
} as const;

/** The weekly talks of its consultant. */
const CONTACTS = ['2026-09-03', '2026-09-10', '2026-09-17', '2026-09-24', '2026-10-01', '2026-10-08'];

/** What the partner Carelink pushes into the municipalities that granted it access. */
export const CARELINK = {
  grants: ['0265', '0410'],
  preset: 'partner',
  records: (code: string): SeedRecord[] => [
    record('consultants', 'carelink-consultant', {
      name: 'Carelink konsulent',
      kind: 'plejefamiliekonsulent',
      employer: 'Carelink',
    }),
    record('families', `carelink-${code}`, {
      alias: 'Carelinks plejefamilie',
      kind: 'forstaerket',
      careForms: ['doegn'],
      capacity: 1,
      approval: {
        authority: 'Socialtilsyn Øst',
        from: '2023-01-01',
        places: 1,
        ageMin: 0,
        ageMax: 17,
        careForms: ['doegn'],
      },
      status: 'active',
    }),
    record('assignments', `assignment-${code}`, {
      familyId: `{carelink-${code}}`,
      consultantId: '{carelink-consultant}',
      from: '2026-09-01',
    }),
    ...CONTACTS.map((at) =>
      record('contacts', `contact-${at}`, {
        familyId: `{carelink-${code}}`,
        consultantId: '{carelink-consultant}',
        at: `${at}T10:00:00+02:00`,
        channel: 'phone',
        purpose: 'follow_up',
        minutes: 30,
      }),
    ),
  ],
} as const;
