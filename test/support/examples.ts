import { sendSigned } from './case-system.ts';
import type { Caller, Reply } from './livline.ts';

/**
 * Records to begin a test with: each maker creates one through the front door, with what else it needs, and gives it as
 * it was answered. What a test is about it says itself, in `fields`.
 */
type Fields = Readonly<Record<string, unknown>>;
type Made = Reply['body'];

export const FAMILY = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'], capacity: 2 };
export const CHILD = { alias: 'Barn ved åen', birthYear: 2014 };
export const INSTITUTION = { name: 'Bakkevej', kind: 'doegninstitution', specialties: ['adhd', 'self_harm'] };
export const STAFF = { name: 'Medarbejder A', role: 'Pædagog', specialties: ['adhd'] };
export const CONSULTANT = { name: 'Konsulent A', kind: 'plejefamiliekonsulent', employer: 'Vejle Kommune' };
export const HELPLINE = { name: 'Akuttelefonen', phone: '70102030', openFrom: '2019-11-01', promisedHours: '24/7' };
export const CALL = {
  receivedAt: '2026-11-20T08:00:00.000Z',
  callerKind: 'foster_family',
  topic: 'conflict',
  severity: 2,
};
export const SHIFT = { startsAt: '2026-11-23T06:00:00.000Z', endsAt: '2026-11-23T14:00:00.000Z' };
export const THEME = { year: 2026, quarter: 4, code: 'mentalisation', titleDa: 'Mentalisering' };
export const GROUP = { name: 'Hold 1', from: '2026-10-01' };
export const AFFILIATION = { from: '2026-01-01' };
export const SESSION = { at: '2026-11-19T08:00:00.000Z', minutes: 120 };
export const VISIT = {
  kind: 'personrettet',
  at: '2026-11-12T14:00:00.000Z',
  childSpokenTo: true,
  staffPresent: false,
  announced: true,
  worrying: false,
};
export const INQUIRY = { subject: 'Plads i SFO', raisedAt: '2026-11-17T08:00:00.000Z', handledBy: 'consultant' };
export const PULSE_SURVEY = {
  at: '2026-11-16T19:00:00.000Z',
  heard: 4,
  alone: 2,
  stress: 3,
  cooperation: { parents: 3, municipality: 4 },
};

async function make(caller: Caller, path: string, body: Fields): Promise<Made> {
  const reply = await caller.post(path, body);
  if (reply.status !== 201) throw new Error(`POST ${path} was answered ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** The id in the fields, or that of a record made now. */
const given = async (fields: Fields, name: string, maker: () => Promise<Made>): Promise<string> =>
  (fields[name] as string | undefined) ?? (await maker()).id;

export const makeFamily = (by: Caller, fields: Fields = {}) => make(by, '/families', { ...FAMILY, ...fields });
export const makeChild = (by: Caller, fields: Fields = {}) => make(by, '/children', { ...CHILD, ...fields });
export const makeInstitution = (by: Caller, fields: Fields = {}) =>
  make(by, '/institutions', { ...INSTITUTION, ...fields });
export const makeConsultant = (by: Caller, fields: Fields = {}) =>
  make(by, '/consultants', { ...CONSULTANT, ...fields });
export const makeHelpline = (by: Caller, fields: Fields = {}) => make(by, '/helplines', { ...HELPLINE, ...fields });
export const makeTheme = (by: Caller, fields: Fields = {}) => make(by, '/themes', { ...THEME, ...fields });

/** A staff member of an institution of its own, or of the one in `institutionId`. */
export async function makeStaff(by: Caller, { institutionId, ...fields }: Fields = {}): Promise<Made> {
  const institution = await given({ institutionId }, 'institutionId', () => makeInstitution(by));
  return make(by, `/institutions/${institution}/staff`, { ...STAFF, ...fields });
}

export async function makeCall(by: Caller, fields: Fields = {}): Promise<Made> {
  const helplineId = await given(fields, 'helplineId', () => makeHelpline(by));
  return make(by, '/calls', { ...CALL, ...fields, helplineId });
}

export async function makeShift(by: Caller, fields: Fields = {}): Promise<Made> {
  const [helplineId, staffId] = await Promise.all([
    given(fields, 'helplineId', () => makeHelpline(by)),
    given(fields, 'staffId', () => makeConsultant(by)),
  ]);
  return make(by, '/shifts', { ...SHIFT, ...fields, helplineId, staffId });
}

/** The ids of one consultant of each kind. */
export async function makeLeaders(by: Caller): Promise<string[]> {
  const leaders = await Promise.all(
    ['plejefamiliekonsulent', 'familiekonsulent'].map((kind) => makeConsultant(by, { kind })),
  );
  return leaders.map(({ id }) => id);
}

/** A group without families, led by two new consultants, unless the fields say otherwise. */
export async function makeGroup(by: Caller, fields: Fields = {}): Promise<Made> {
  const consultantIds = fields['consultantIds'] ?? (await makeLeaders(by));
  return make(by, '/supervision-groups', { ...GROUP, ...fields, consultantIds });
}

/** A session for one new family, or for the group or family in the fields. */
export async function makeSession(by: Caller, fields: Fields = {}): Promise<Made> {
  if (fields['groupId'] !== undefined)
    return make(by, '/supervision-sessions', { ...SESSION, form: 'group', ...fields });
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  return make(by, '/supervision-sessions', { ...SESSION, form: 'individual', ...fields, familyId });
}

/** A new family attached to a new institution, or those in the fields. */
export async function makeAffiliation(by: Caller, fields: Fields = {}): Promise<Made> {
  const [familyId, institutionId] = await Promise.all([
    given(fields, 'familyId', () => makeFamily(by)),
    given(fields, 'institutionId', () => makeInstitution(by)),
  ]);
  return make(by, '/affiliations', { ...AFFILIATION, ...fields, familyId, institutionId });
}

/** A visit to a new placement, or to the one in the fields. */
export async function makeVisit(by: Caller, fields: Fields = {}): Promise<Made> {
  const placementId = await given(fields, 'placementId', () => makePlacement(by));
  return make(by, '/visits', { ...VISIT, ...fields, placementId });
}

/** An inquiry of a new family, or of the one in the fields. */
export async function makeInquiry(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  return make(by, '/inquiries', { ...INQUIRY, ...fields, familyId });
}

/** The answers of a new family, or of the one in the fields. */
export async function makePulseSurvey(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  return make(by, '/pulse-surveys', { ...PULSE_SURVEY, ...fields, familyId });
}

/** A day of the tests' clock. */
const TODAY = '2026-11-20';

/** A family approved for two children of any age. */
export const APPROVAL = {
  authority: 'Socialtilsyn Midt',
  from: '2019-01-01',
  places: 2,
  ageMin: 0,
  ageMax: 17,
  careForms: ['doegn', 'stoetteophold'],
};
export const makeApprovedFamily = (by: Caller, fields: Fields = {}) =>
  makeFamily(by, { status: 'active', approval: APPROVAL, ...fields });

export const PLACEMENT = { type: 'doegn', legalBasis: 'BL §46', startsOn: TODAY };
/** A placement of a new child with a new approved family, or of those in the fields. */
export async function makePlacement(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeApprovedFamily(by));
  const childId = await given(fields, 'childId', () => makeChild(by));
  return make(by, '/placements', { ...PLACEMENT, ...fields, familyId, childId });
}

export async function makeAssignment(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  const consultantId = await given(fields, 'consultantId', () => makeConsultant(by));
  return make(by, '/assignments', { from: '2026-10-01', ...fields, familyId, consultantId });
}

export const CONTACT = { at: '2026-11-18T09:30:00.000Z', channel: 'phone', purpose: 'follow_up', minutes: 35 };
export async function makeContact(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  const consultantId = await given(fields, 'consultantId', () => makeConsultant(by));
  return make(by, '/contacts', { ...CONTACT, ...fields, familyId, consultantId });
}

export const GOAL = {
  title: 'En aften uden skærme',
  measure: 'Familien skriver hver aften op',
  target: '24 af 30 aftener',
  frequency: 'daily',
  from: '2026-11-01',
  to: '2026-11-30',
};
export const PROGRESS = { date: '2026-11-19', done: true };
export const ANNOUNCEMENT = { title: 'Åbent hus', body: 'Alle er velkomne lørdag' };

/** A draft with one goal for a new family, unless the fields say otherwise. */
export async function makePlan(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  return make(by, '/development-plans', { goals: [GOAL], ...fields, familyId });
}

/** Progress with the goal of a new agreed plan, or with the goal in `goalId` of the plan in `planId`. */
export async function makeProgress(by: Caller, { planId, goalId, ...fields }: Fields = {}): Promise<Made> {
  const plan = planId === undefined && (await makePlan(by, { status: 'agreed' }));
  const [id, goal] = plan ? [plan.id, plan.goals[0].id] : [planId, goalId];
  return make(by, `/development-plans/${id}/goals/${goal}/progress`, { ...PROGRESS, ...fields });
}

export const makeAnnouncement = (by: Caller, fields: Fields = {}) =>
  make(by, '/announcements', { ...ANNOUNCEMENT, ...fields });

/** A new family has read a new announcement, or those in the fields. */
export async function makeAcknowledgement(by: Caller, { announcementId, ...fields }: Fields = {}): Promise<Made> {
  const [announcement, familyId] = await Promise.all([
    given({ announcementId }, 'announcementId', () => makeAnnouncement(by)),
    given(fields, 'familyId', () => makeFamily(by)),
  ]);
  return make(by, `/announcements/${announcement}/acknowledgements`, { ...fields, familyId });
}

export const COURSE = { title: 'ADHD i hverdagen', kind: 'efter', days: [{ date: '2026-11-19', hours: 6 }] };
export const makeCourse = (by: Caller, fields: Fields = {}) => make(by, '/courses', { ...COURSE, ...fields });

/** A report about a new call, unless the fields say what gave cause for it. */
export async function makeConcernReport(by: Caller, fields: Fields = {}): Promise<Made> {
  const source = fields['source'] ?? { type: 'call', id: (await makeCall(by, { concern: true })).id };
  return make(by, '/concern-reports', { receivedAt: CALL.receivedAt, ...fields, source });
}

/** An action of a new consultant about a new family, unless the fields say otherwise. */
export async function makeAction(by: Caller, fields: Fields = {}): Promise<Made> {
  const ownerId = await given(fields, 'ownerId', () => makeConsultant(by));
  const about = fields['about'] ?? { type: 'family', id: (await makeFamily(by)).id };
  return make(by, '/actions', { title: 'Ring til skolen', dueOn: '2026-12-01', ...fields, ownerId, about });
}

/** A flag about a new family, or about the one in the fields. */
export async function makeRiskFlag(by: Caller, fields: Fields = {}): Promise<Made> {
  const familyId = await given(fields, 'familyId', () => makeFamily(by));
  return make(by, '/risk-flags', { reasons: ['conflict'], level: 'medium', ...fields, familyId });
}

export const PROGRAMME = {
  name: 'Døgninstitutioner støtter plejefamilier',
  fundingSource: 'Social- og Boligstyrelsen',
  grantOere: 1_450_000_000,
  from: '2026-01-01',
  to: '2028-12-31',
};
export const ROUND = { name: 'Første forløb', from: '2026-08-01', to: '2027-06-30' };

/** A programme of the operator in which the caller's municipality takes part, as the operator sees it. */
export async function makeProgramme(by: Caller, fields: Fields = {}): Promise<Made> {
  const municipalities = [{ code: by.code, allocationOere: 290_000_000 }];
  const { status, body } = await by.operator('POST', '/programmes', {
    body: { ...PROGRAMME, municipalities, ...fields },
  });
  if (status !== 201) throw new Error(`POST /programmes was answered ${status} ${JSON.stringify(body)}`);
  return body;
}

/** A round of a new programme for every family, or of the one in the fields. */
export async function makeRound(by: Caller, fields: Fields = {}): Promise<Made> {
  const programmeId = await given(fields, 'programmeId', () => makeProgramme(by));
  return make(by, '/rounds', { ...ROUND, ...fields, programmeId });
}

/** A new family in a new round, or those in the fields. */
export async function makeEnrolment(by: Caller, fields: Fields = {}): Promise<Made> {
  const [roundId, familyId] = await Promise.all([
    given(fields, 'roundId', () => makeRound(by)),
    given(fields, 'familyId', () => makeFamily(by)),
  ]);
  return make(by, '/enrolments', { ...fields, roundId, familyId });
}

/** A hold on a new consultant, or on the subject in the fields. */
export async function makeLegalHold(by: Caller, fields: Fields = {}): Promise<Made> {
  const subject = fields['subject'] ?? { type: 'consultant', id: (await makeConsultant(by)).id };
  return make(by, '/legal-holds', { reason: 'En klagesag', from: TODAY, ...fields, subject });
}

/** The erasure of a new consultant, or of the subject in the fields, as it is requested. */
export async function makeErasure(by: Caller, fields: Fields = {}): Promise<Made> {
  const subject = fields['subject'] ?? { type: 'consultant', id: (await makeConsultant(by)).id };
  return make(by, '/erasures', { cause: 'request', ...fields, subject });
}

export const makeConnection = (by: Caller, fields: Fields = {}) =>
  make(by, '/connections', {
    name: 'DUBU i drift',
    system: 'DUBU',
    kinds: ['case.linked', 'case.closed', 'child.responsibility_changed'],
    ...fields,
  });

/** A message of a new connection that cannot be applied, as the inbox lists it. */
export async function makeInboxMessage(by: Caller): Promise<Made> {
  const connection = await makeConnection(by);
  const { status } = await sendSigned(by, connection, { type: 'case.unheard_of', data: {} });
  if (status !== 202) throw new Error(`The inbox answered ${status}`);
  return (await by.get('/inbox', { connectionId: connection.id })).body.items[0];
}

/** A maker for each collection of the record: a resource without one fails the tests that go through all of them. */
export const MAKERS: Readonly<Record<string, (by: Caller, fields?: Fields) => Promise<Made>>> = {
  families: makeFamily,
  children: makeChild,
  institutions: makeInstitution,
  staff: makeStaff,
  placements: makePlacement,
  visits: makeVisit,
  assignments: makeAssignment,
  contacts: makeContact,
  affiliations: makeAffiliation,
  consultants: makeConsultant,
  inquiries: makeInquiry,
  'pulse-surveys': makePulseSurvey,
  helplines: makeHelpline,
  shifts: makeShift,
  calls: makeCall,
  themes: makeTheme,
  'supervision-groups': makeGroup,
  'supervision-sessions': makeSession,
  courses: makeCourse,
  'concern-reports': makeConcernReport,
  actions: makeAction,
  'risk-flags': makeRiskFlag,
  'development-plans': makePlan,
  progress: makeProgress,
  announcements: makeAnnouncement,
  acknowledgements: makeAcknowledgement,
  rounds: makeRound,
  enrolments: makeEnrolment,
  'legal-holds': makeLegalHold,
  erasures: makeErasure,
  'webhook-endpoints': (by, fields = {}) =>
    make(by, '/webhook-endpoints', { url: 'https://sag.example.dk/livline', ...fields }),
  connections: makeConnection,
  inbox: makeInboxMessage,
};
