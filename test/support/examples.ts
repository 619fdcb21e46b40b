import type { Caller, Reply } from './livline.ts';

/**
 * Records to begin a test with: each maker creates one through the front door, with what else it needs, and gives it as
 * it was answered. What a test is about it says itself, in `fields`.
 */
type Fields = Readonly<Record<string, unknown>>;
type Made = Reply['body'];

export const FAMILY = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'], capacity: 2 };
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
export const SESSION = { at: '2026-11-19T08:00:00.000Z', minutes: 120 };

async function make(caller: Caller, path: string, body: Fields): Promise<Made> {
  const reply = await caller.post(path, body);
  if (reply.status !== 201) throw new Error(`POST ${path} was answered ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** The id in the fields, or that of a record made now. */
const given = async (fields: Fields, name: string, maker: () => Promise<Made>): Promise<string> =>
  (fields[name] as string | undefined) ?? (await maker()).id;

export const makeFamily = (by: Caller, fields: Fields = {}) => make(by, '/families', { ...FAMILY, ...fields });
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

/** A maker for each collection of the record: a resource without one fails the tests that go through all of them. */
export const MAKERS: Readonly<Record<string, (by: Caller, fields?: Fields) => Promise<Made>>> = {
  families: makeFamily,
  institutions: makeInstitution,
  staff: makeStaff,
  consultants: makeConsultant,
  helplines: makeHelpline,
  shifts: makeShift,
  calls: makeCall,
  themes: makeTheme,
  'supervision-groups': makeGroup,
  'supervision-sessions': makeSession,
  'webhook-endpoints': (by, fields = {}) =>
    make(by, '/webhook-endpoints', { url: 'https://sag.example.dk/livline', ...fields }),
};
