/**
 * The domain page beside the tests: each fact of a resource (§3), each rule (§4) and each event (§6), in the page's own
 * words, with the tests that show it as `<file> > <title>`. coverage.test.ts fails for what has no test.
 */
export type Shown = Readonly<Record<string, readonly string[]>>;

/** §3: by resource, the facts of its row. */
export const RESOURCES_SHOWN: Readonly<Record<string, Shown>> = {
  families: {
    'alias, kind `almen|forstaerket|specialiseret|netvaerk`, careForms[] `doegn|stoetteophold`': [
      'resources/families > keeps every field of the domain page',
    ],
    'derived `type` `plejefamilie|aflastningsfamilie|netvaerksplejefamilie`': [
      'resources/families > of kind %s with care forms %j is a %s, and cannot say so itself',
      'resources/families > becomes another type when its care forms change',
    ],
    'fosteringSince, skills[], socialtilsyn `nord|midt|syd|oest|hovedstaden`, tilbudsportalId?': [
      'resources/families > keeps every field of the domain page',
    ],
    'residence (kommunekode)': ['resources/families > lives in one of the 98 municipalities, 630 being 0630'],
    'capacity 0–10, pressure `normal|elevated|high`': ['tenant-api/bad-input > with %s is refused'],
    'approval? {authority, from, to?, places, ageMin, ageMax, careForms[], childId? (required for netvaerk)}': [
      'resources/families > keeps every field of the domain page',
      'resources/families > is refused when its approval %s',
      'resources/families > of the network is approved for a child of this municipality',
    ],
    'outsideWork? S, adults[] S {name, cpr?, phone?, email?}': [
      'resources/families > keeps every field of the domain page',
      'tenant-api/sensitive-fields > are those of the domain page',
    ],
    'applicant→in_training→approved→active⇄paused; approved, active, paused→suspended→active, closed; applicant, in_training→closed':
      ['resources/families > goes only the steps of its status machine'],
    'active, paused→closed (reason)': ['resources/families > is closed with a reason only'],
  },
  children: {
    'alias, birthYear, responsibleMunicipality (handlekommune)': [
      'resources/children > keeps every field of the domain page, its CPR number without hyphen',
      'resources/children > is decided on by one of the 98 municipalities: its own unless it names another, 630 being 0630',
    ],
    'cpr S, needs[] S, custody S': [
      'resources/children > is shown by a read with the scope for it alone, and in no list, event, history or answer to a write',
      'tenant-api/sensitive-fields > are those of the domain page',
    ],
  },
  placements: {
    'familyId, childId, type `doegn|stoetteophold|akut|eftervaern`, legalBasis, startsOn, endsOn?, previousId?, acute, noticeHours?, consents':
      [
        'resources/placements > says who, with whom, since when, on what basis and with whose consent',
        'resources/placements > names a family, a child and a placement of this municipality',
      ],
    'endReason `planned|returned_home|child_left|place_gave_up|both|aged_out|other`': [
      'resources/placements > says by one of the reasons why it ended, and on which day',
    ],
    'keptRelations[] S': ['tenant-api/sensitive-fields > are those of the domain page'],
    'proposed→decided→active→ended (endReason); proposed→declined': [
      'resources/placements > goes from proposed over decided and active to ended, or is declined',
    ],
  },
  institutions: {
    'name, kind `doegninstitution|opholdssted`, cvr?, pnr?, specialties[]': [
      'resources/institutions > keeps its name, kind, numbers and special knowledge',
      'resources/institutions > is refused with %s',
      'resources/institutions > is listed by each of its specialities, and no more by one it has lost',
    ],
  },
  staff: {
    '`institutions/{id}/staff`: name, role, specialties[], active': [
      'resources/staff > belongs to an institution and works there unless said otherwise',
      'resources/staff > is found under its own institution only',
      'resources/staff > is listed by whether it works there, and by speciality, among its own institution',
    ],
  },
  affiliations: {
    'familyId, institutionId, from, to?': [
      'resources/affiliations > attaches a family to an institution for a time, with who does what',
      'resources/affiliations > does not end before it starts',
      'resources/affiliations > names a family and an institution of its own municipality',
      'resources/affiliations > keeps its family and its institution: whoever is attached elsewhere gets another one',
    ],
    'roleAgreement {municipality[], institution[], family[], contactRhythmDays}': [
      'resources/affiliations > attaches a family to an institution for a time, with who does what',
      'resources/affiliations > is refused with %s',
    ],
    'an institution: its attached families on a date': [
      'resources/affiliations > are those whose affiliation holds then, first and last day included',
      'resources/affiliations > are the same as a look at every affiliation finds, in Queries that read on until a page is full',
    ],
  },
  consultants: {
    'name, kind `plejefamiliekonsulent|familiekonsulent`, employer, email?, phone? S, fkOrgUuid?': [
      'resources/consultants > keeps who employs it and how to reach it, the telephone apart',
      'resources/consultants > is refused with %s',
      'resources/consultants > keeps its kind, on which the groups it leads rely',
    ],
  },
  assignments: {
    'familyId, consultantId, from, to?': [
      'resources/assignments > says which consultant is a family’s, from when to when',
      'resources/assignments > does not end before it starts',
      'resources/assignments > keeps its family and its consultant: a change of consultant is a new one, so the old one is not lost',
    ],
  },
  themes: {
    'year, quarter 1–4, code (`mentalisation`, `child_development`, `learning` …), titleDa': [
      'resources/themes > is refused with %s',
      'resources/themes > is listed newest first, and by year',
    ],
  },
  'supervision-groups': {
    'name, familyIds[], consultantIds[], criteria?, from, to?': [
      'resources/supervision-groups > has families, consultants of both kinds, and the time it meets',
      'resources/supervision-groups > has families and consultants of its own municipality only',
      'resources/supervision-groups > does not end before it starts',
    ],
  },
  'supervision-sessions': {
    'form `group|individual`, groupId or familyId': [
      'resources/supervision-sessions > of a group is entered as it was held',
      'resources/supervision-sessions > of form %s names just what it is for: %j',
    ],
    "themeId (default: the quarter's theme)": [
      'resources/supervision-sessions > takes the theme of its quarter in Denmark, unless it names another',
    ],
    'at, minutes 15–480, facilitatorIds[], attendance[] {familyId, present, rating? 1–5}': [
      'resources/supervision-sessions > of a group is entered as it was held',
      'resources/supervision-sessions > is refused with %s',
      'resources/supervision-sessions > is led by consultants and staff of the municipality, on a theme and in a group of it',
    ],
    'summary S, reflection SS, addenda[]': [
      'tenant-api/sensitive-fields > are those of the domain page',
      'tenant-api/sensitive-fields > is neither seen nor overwritten nor removed by another',
    ],
    'planned→held→locked; planned→cancelled (reason)': [
      'resources/supervision-sessions > goes only the steps of its status machine',
      'resources/supervision-sessions > is cancelled with a reason only',
    ],
  },
  courses: {
    'title, kind `grund|efter`, specialty?, days[] {date, hours}, facilitatorIds[], attendance[] {familyId, hours}': [
      'resources/courses > is entered as it was held: its days, who led it, and which families came for how long',
      'resources/courses > is refused %s',
      'resources/courses > has facilitators and families of the municipality',
    ],
    'planned→held; planned→cancelled': ['resources/courses > goes only the steps of its status machine'],
  },
  'development-plans': {
    'familyId, themeId?': [
      'resources/development-plans > has a family, a theme, and goals that are measured',
      'resources/development-plans > is of a family and on a theme of its own municipality',
    ],
    'goals[] {id, title, measure, target, frequency `daily|weekly|monthly|once`, from, to, status `open|achieved|adjusted|dropped`}':
      [
        'resources/development-plans > has a family, a theme, and goals that are measured',
        'resources/development-plans > keeps its id, told by the id or else by its title',
      ],
    'draft→agreed→completed, replaced': ['resources/development-plans > goes only the steps of its status machine'],
  },
  progress: {
    '`…/goals/{goalId}/progress` {date, done, note? S}': [
      'resources/progress > with a goal is noted under it: the day, whether it was done, and how it went',
      'resources/progress > with a goal that the plan does not have is not found, whatever is asked',
      'tenant-api/sensitive-fields > are those of the domain page',
    ],
  },
  helplines: {
    'name, phone, institutionId?, openFrom': [
      'resources/helplines > is open day and night from a day on',
      'resources/helplines > names an institution of its own municipality',
      'resources/helplines > does not open on %j, which is no date',
    ],
    'promisedHours (`24/7` or a weekly pattern)': [
      'resources/helplines > is open day and night from a day on',
      'resources/helplines > may promise a weekly pattern instead',
      'resources/helplines > is refused with %s',
    ],
  },
  shifts: {
    'helplineId, startsAt, endsAt, staffId': [
      'resources/shifts > is had by a staff member or a consultant, and by nobody else',
      'resources/shifts > is kept in UTC, whatever offset it was given in',
    ],
  },
  calls: {
    'helplineId, receivedAt, answeredAt?, endedAt?, familyId?, outcome?': [
      'resources/calls > that was answered and ended is logged afterwards as it stands',
    ],
    'callerKind `foster_family|child|parent|professional|other`, topic `conflict|self_harm|school|health|parents|practical|other`, severity 1–4':
      ['resources/calls > is refused with %s'],
    'callerPhone S, note S': ['tenant-api/sensitive-fields > are those of the domain page'],
    concern: ['resources/calls > that is closed already can be given a concern only after it has been handed over'],
    'received→answered→closed; answered→escalated→closed; received→missed→called_back→closed': [
      'resources/calls > goes only the steps of its status machine',
    ],
  },
  contacts: {
    'familyId, consultantId, at, channel `phone|visit|video|message`, purpose `follow_up|relief|crisis|planning`, minutes, tags[], note S':
      [
        'resources/contacts > says when, by which channel, for which purpose, for how long and about what',
        'tenant-api/sensitive-fields > are those of the domain page',
      ],
  },
  inquiries: {
    'familyId, subject, raisedAt, handledBy `consultant|municipality|other`': [
      'resources/inquiries > keeps every field of the domain page',
      'resources/inquiries > is handled by the consultant, the municipality or somebody else',
    ],
    'open→closed': ['resources/inquiries > goes only the steps of its status machine'],
  },
  actions: {
    'title, ownerId, dueOn, about {type, id}': [
      'resources/actions > says what is to be done, by whom, by when and about what',
      'resources/actions > is about a record of the municipality, of just the type it names, and cannot be without one',
      'resources/actions > is owned by a consultant or a staff member of the municipality',
    ],
    'open→done, cancelled': ['resources/actions > goes only the steps of its status machine'],
  },
  'risk-flags': {
    'familyId, placementId?, reasons[], level `low|medium|high`': [
      'resources/risk-flags > says which family and placement are at risk of a breakdown, why and how much',
      'resources/risk-flags > is refused with %s',
    ],
    'raised→cleared': ['resources/risk-flags > goes only the steps of its status machine'],
  },
  'pulse-surveys': {
    'familyId, at, heard 1–5, alone 1–5, stress 1–5, cooperation {parents, municipality} 1–5': [
      'resources/pulse-surveys > keeps every field of the domain page',
      'resources/pulse-surveys > has every figure on a scale of whole numbers from 1 to 5',
    ],
  },
  visits: {
    'placementId, kind `personrettet|drift`, at, childSpokenTo, staffPresent, announced, worrying, note S': [
      'resources/visits > keeps every field of the domain page, and the family and the child of its placement',
      'resources/visits > is refused without its kind or any of its answers',
      'tenant-api/sensitive-fields > are those of the domain page',
    ],
  },
  'concern-reports': {
    'source {type, id}, receivedAt, dueAt (24 hours later), note S': [
      'resources/concern-reports > says what gave cause for it, when, and is due 24 hours later',
      'resources/concern-reports > is about a record of the municipality, of just the type it names',
      'tenant-api/sensitive-fields > are those of the domain page',
    ],
    'open→handed_over (receipt) →acknowledged': [
      'resources/concern-reports > goes only the steps of its status machine',
      'resources/concern-reports > is handed over with a receipt, which it keeps, and when, once it is acknowledged',
    ],
  },
  rounds: {
    'programmeId, name, from, to': [
      'resources/rounds > belongs to a programme and has a name and a time',
      'resources/rounds > belongs to a programme of its own municipality only',
    ],
  },
  enrolments: {
    'enrolment: roundId, familyId': [
      'resources/enrolments > invites a family to a round',
      'resources/enrolments > names a round and a family of its own municipality',
    ],
    'invited→started→completed; →withdrawn (reason)': [
      'resources/enrolments > goes invited→started→completed; →withdrawn (reason)',
      'resources/enrolments > is withdrawn for a reason, whether it had started or not',
    ],
  },
  'legal-holds': {
    'subject {type, id}, reason S, from, to?': [
      'resources/legal-holds > says whose data must be kept, since when, until when and why, the reason apart',
      'resources/legal-holds > names a person or household of the municipality, of the type it says, and keeps it',
      'resources/legal-holds > does not end before it starts',
    ],
    'in_force→lifted (reason)': ['resources/legal-holds > goes only the steps of its status machine'],
    'stands against an erasure': [
      'resources/legal-holds > stands against an erasure until it is lifted, and where it is one of two until both are',
      'resources/legal-holds > holds on its last day and no longer',
      'resources/legal-holds > and an erasure at the same instant cannot both win',
    ],
  },
  erasures: {
    'subject {type, id}, cause `request|retention`': [
      'resources/erasures > says who is erased and why',
      'resources/erasures > names a person or household of the municipality, of the type it says, and keeps it',
    ],
    'requested→completed, →refused (reason)': [
      'resources/erasures > is completed by the system alone, and refused with a reason',
    ],
    'not of a living case': [
      'resources/erasures > of a child is refused while the child is placed',
      'resources/erasures > is refused while a concern about the person is open, whatever gave cause for it',
      'resources/erasures > of a family is refused until it is closed and no child is placed with it',
    ],
  },
  announcements: {
    'title, body, publishedAt, audience {kinds[]}': [
      'resources/announcements > has a title, a body, when it is out and whom it is for',
      'resources/announcements > %s is refused',
    ],
  },
  acknowledgements: {
    'acknowledgements per family': [
      'resources/acknowledgements > is one per family, also when many are sent at the same instant',
    ],
  },
};

/** §3, below the table: what is no collection of the record. */
export const OTHERS_SHOWN: Shown = {
  'Operator side, under `/v1/admin/`: `municipalities`': [
    'admin-api/provisioning > takes its facts from the register and hands over the first credentials, once',
  ],
  'Operator side, under `/v1/admin/`: `partners`': ['admin-api/partners > is registered, found and listed'],
  'Operator side, under `/v1/admin/`: `clients`': [
    'admin-api/clients > has one credential at first, and two while one replaces the other',
    'tenant-api/grants > lets a partner’s client in by scope, which works at once, and does what it was granted alone',
    'admin-api/partners > shows its owner and its grants, one for each municipality',
  ],
  '`programmes` {name, fundingSource, grantOere, from, to, municipalities[] {code, allocationOere}, eligibleKinds[], eligibleCareForms[]}':
    [
      'admin-api/programmes > has a name, who funds it, a grant in whole øre, a time, municipalities with their parts, and whom it is for',
    ],
  '`GET children/{id}/matches`: families with a free approved place, ranked, each with its reasons for and against.': [
    'resources/matches > are the families with a free approved place, and no others',
    'resources/matches > are ranked, each with what speaks for it and against it',
  ],
  '`GET families/{id}/timeline`: everything about a family, newest first, one page at a time.': [
    'tenant-api/timeline > is everything about the family, newest first, without what is sensitive',
    'tenant-api/timeline > has a place for each kind of record that is about a family',
    'tenant-api/timeline > comes one page at a time',
  ],
};

/** §4: the rules. */
export const RULES_SHOWN: Shown = {
  'A facilitator, staff member, family, theme or group outside the municipality: 422 `unknown_reference`': [
    'tenant-api/isolation > $path with an id of another municipality is refused like one that does not exist, wherever it stands',
    'tenant-api/isolation > $path has no id that is not looked up',
    'resources/supervision-sessions > is led by consultants and staff of the municipality, on a theme and in a group of it',
    'resources/shifts > is had by a staff member or a consultant, and by nobody else',
  ],
  "another municipality's id in a path: 404.": ['tenant-api/isolation > $name is answered as one that does not exist'],
  'Placement: the family has an approval valid on startsOn': [
    'resources/placements > has an approval that is valid on startsOn',
  ],
  "the child's age is inside its range": ['resources/placements > is approved for the child’s age on that day'],
  'no more active placements than approved places (409 `no_capacity`)': [
    'resources/placements > has no more active placements than approved places',
    'resources/placements > has one place left and five children at the same instant: one gets it',
    'resources/placements > has no place for a child whose acute placement becomes another',
  ],
  'unless `akut` with legalBasis `BL §12, stk. 3` stated': [
    'resources/placements > takes a child beyond its places only acutely, by BL §12, stk. 3',
  ],
  'one active `doegn` placement per child (409), support stays may overlap': [
    'resources/placements > has one active placement round the clock, and support stays beside it that may overlap',
    'resources/placements > is placed round the clock by two families at the same instant: one gets it',
  ],
  'a network family only for its own childId': [
    'resources/placements > that is a network family takes its own child only',
  ],
  "a planned move needs custody consent and, from the child's 12th year, the child's, or a board decision": [
    'resources/placements > needs the consent of custody, or a board decision',
    'resources/placements > needs the child’s consent from its 12th year, or a board decision',
  ],
  'and the current placement heard': ['resources/placements > needs the current placement to have been heard'],
  'a move without keptRelations carries a warning.': [
    'resources/placements > without kept relations carries a warning',
  ],
  'A child of 10 or more is a party': ['resources/children > and one %s is as old as that makes it'],
  'its age is derived from birthYear or CPR, never stored twice.': [
    'resources/children > by its age, which is derived from year of birth or CPR number and never stored',
  ],
  'One theme per quarter (409).': [
    'resources/themes > is one: a second theme for the quarter is refused',
    'tenant-api/concurrency > a quarter gets one theme',
  ],
  'Group sessions default to it.': [
    'resources/supervision-sessions > takes the theme of its quarter in Denmark, unless it names another',
  ],
  'Every supervision group has both consultant kinds.': [
    'resources/supervision-groups > is refused without both kinds of consultant, at first and later',
    'resources/consultants > keeps its kind, on which the groups it leads rely',
  ],
  'A family is in one active group at a time (409).': [
    'resources/supervision-groups > has no family that is in another group in that time',
    'tenant-api/concurrency > a family gets into one group',
  ],
  '`held` before its time is refused.': ['resources/supervision-sessions > is not held before its time'],
  'Attendance only by members.': ['resources/supervision-sessions > is attended by members only, each once'],
  'A locked session is corrected by an addendum.': [
    'resources/supervision-sessions > that is locked is corrected by an addendum, and by nothing else',
  ],
  'One active development plan per family (409).': [
    'resources/development-plans > is agreed of many that are agreed at the same instant',
    'resources/development-plans > comes of many that are entered as agreed at the same instant',
  ],
  'A goal without a measure is refused.': ['resources/development-plans > %s is refused'],
  'Call: answeredAt ≥ receivedAt, endedAt ≥ answeredAt, none in the future': ['resources/calls > cannot be %s'],
  'a call with `concern: true` closes only after a concern report has been handed over (409 `concern_open`).': [
    'resources/calls > with a concern closes only after a concern report has been handed over',
    'resources/calls > with a concern that is closed as its report is handed over, at the same instant, is closed after it or not at all',
  ],
  'Shifts of one person do not overlap (409).': [
    'resources/shifts > of one person overlaps no other of that person, as a list of all shifts would show',
    'tenant-api/concurrency > a person gets one of the shifts that overlap, and all of those that do not',
  ],
  'An ended `at` before its start': [
    'resources/families > does not change its status in the future, nor end before it began',
    'resources/inquiries > is not closed before it was raised',
    'resources/development-plans > does not end before it was agreed',
  ],
  "allocations above the programme's grant": [
    'admin-api/programmes > has no allocations above the programme’s grant, at first and later',
  ],
  'an enrolment of an ineligible kind': ['resources/enrolments > is refused, and one of each eligible kind is taken'],
  'a second enrolment in one round (409).': [
    'resources/enrolments > is refused, also after the first was withdrawn; in another round it is taken',
    'resources/enrolments > at the same instant is refused: of five only one is stored',
  ],
  'Closing a family needs a reason.': ['resources/families > is closed with a reason only'],
  'A family without a consultant is listed as needing attention.': [
    'resources/family-overviews > without a consultant',
  ],
  'or without contact for longer than its interval (30 days; half of that under `high` pressure)': [
    'resources/family-overviews > without contact for longer than 30 days, or 15 under high pressure, the longest waiting first',
  ],
  'CPR `^\\d{6}-?\\d{4}$`, stored without hyphen, never rejected on modulus 11': [
    'resources/families > takes CPR numbers with and without hyphen, whatever modulus 11 says, and keeps them without',
    'resources/children > has a CPR number `^\\d{6}-?\\d{4}$` that is never rejected on modulus 11',
  ],
  'looked up by keyed hash': [
    'resources/families > is stored as a keyed hash: the number itself stands nowhere',
    'resources/children > is looked up by keyed hash, with or without hyphen, in its own municipality alone',
    'tenant-api/isolation > of $path by a $name from there finds nothing',
  ],
  'Demo data uses day + 60.': ['domain/demo-data > demo data uses day + 60 in every CPR number'],
  'CVR: 8 digits, weights 2,7,6,5,4,3,2,1, sum divisible by 11.': [
    'resources/institutions > is refused with %s',
    'resources/institutions > takes the CVR number of any municipality',
  ],
  'P-nummer: 10 digits.': ['resources/institutions > is refused with %s'],
  'KLE `dd.dd.dd`, configurable per municipality.': [
    'tenant-api/kle > is `dd.dd.dd`, chosen for each municipality, and carried by its events from then on',
  ],
  '`630` and `0630` are both accepted as a code in a body, `0630` is stored, and paths take `0630` only.': [
    'resources/families > lives in one of the 98 municipalities, 630 being 0630',
    'admin-api/provisioning > takes 766 for 0766',
    'tenant-api/access > finds no municipality at %j',
  ],
  'Only the 98 codes in data/kommuner.json exist.': [
    'register/register > has the 98 municipalities, each once, in order of their codes, each with a name and a valid CVR number',
    'register/register > knows no municipality %j',
  ],
  'Regions change on 2027-01-01 (1084 and 1085 become Region Østdanmark): keep them dated.': [
    'register/register > in the east becomes Region Østdanmark on 1 January 2027, and not a day sooner',
    'admin-api/provisioning > knows the regions of its day',
  ],
};

const FAMILY_EVENTS = [
  'resources/families > has events of its own for what happens to it',
  'webhooks/events > leaves an event for each kind of change, by the name that the domain gives it',
];
const PLACEMENT_EVENTS = ['resources/placements > tells of each of its steps, and of a breakdown by its name'];
const AFFILIATION_EVENTS = [
  'resources/affiliations > is started when it is created and ended when its last day comes to be set, else updated',
];
const CONSULTANT_EVENTS = ['resources/assignments > tells when a consultant is assigned and unassigned'];
const SESSION_EVENTS = [
  'resources/supervision-sessions > is planned in the feed, and then held and locked, or cancelled',
];
const PLAN_EVENTS = ['resources/development-plans > of a plan that it was created, agreed, completed, and replaced'];
const CALL_EVENTS = ['resources/calls > is received in the feed however it was entered, and then what it became'];
const CONCERN_EVENTS = ['resources/concern-reports > is created, handed over and acknowledged in the feed'];
const RISK_EVENTS = ['resources/risk-flags > is raised and cleared in the feed'];

/** §6: the events by name. Others are `<resource>.created`, `.updated` and `.deleted`. */
export const EVENTS_SHOWN: Shown = {
  'municipality.provisioned': ['admin-api/provisioning > is the first thing in the municipality’s feed'],
  'municipality.activated': ['admin-api/status > is told in the municipality’s own events, in order'],
  'municipality.suspended': ['admin-api/status > is told in the municipality’s own events, in order'],
  'family.created': FAMILY_EVENTS,
  'family.updated': FAMILY_EVENTS,
  'family.approved': FAMILY_EVENTS.slice(1),
  'family.activated': FAMILY_EVENTS,
  'family.paused': FAMILY_EVENTS,
  'family.suspended': FAMILY_EVENTS,
  'family.closed': FAMILY_EVENTS,
  'placement.proposed': PLACEMENT_EVENTS,
  'placement.decided': PLACEMENT_EVENTS,
  'placement.started': PLACEMENT_EVENTS,
  'placement.ended': PLACEMENT_EVENTS,
  'placement.broken_down': PLACEMENT_EVENTS,
  'affiliation.started': AFFILIATION_EVENTS,
  'affiliation.ended': AFFILIATION_EVENTS,
  'consultant.assigned': CONSULTANT_EVENTS,
  'consultant.unassigned': CONSULTANT_EVENTS,
  'theme.published': ['resources/themes > is published in the event feed'],
  'session.planned': SESSION_EVENTS,
  'session.held': SESSION_EVENTS,
  'session.locked': SESSION_EVENTS,
  'session.cancelled': SESSION_EVENTS,
  'plan.agreed': PLAN_EVENTS,
  'plan.completed': PLAN_EVENTS,
  'goal.achieved': ['resources/development-plans > of a goal that it was achieved, once'],
  'call.received': CALL_EVENTS,
  'call.answered': CALL_EVENTS,
  'call.escalated': CALL_EVENTS,
  'call.missed': CALL_EVENTS,
  'call.closed': CALL_EVENTS,
  'concern.created': CONCERN_EVENTS,
  'concern.handed_over': CONCERN_EVENTS,
  'concern.acknowledged': CONCERN_EVENTS,
  'risk.raised': RISK_EVENTS,
  'risk.cleared': RISK_EVENTS,
  'visit.recorded': ['resources/visits > is visit.recorded once, and updated when it is corrected'],
  'course.held': ['resources/courses > is held in the feed, however it came to be, and ended with that'],
  'enrolment.completed': [
    'resources/enrolments > tells of a family that has finished, and other names of what went before',
    'resources/enrolments > also tells of one that is entered as completed',
  ],
  'action.created': ['resources/actions > is created in the feed, and updated with what becomes of it'],
};

/** §6: names that nothing gives yet. What becomes due comes with the deadlines (§5). */
export const EVENTS_TO_COME = [
  'coverage.gap',
  'action.overdue',
  'supervision.overdue',
  'contact.overdue',
  'visit.overdue',
  'course.shortfall',
];
