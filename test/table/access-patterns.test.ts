import { beforeAll, describe, expect, it } from 'vitest';
import { allMunicipalities } from '#shared/register/register.ts';
import { INDEXES } from '#shared/table/keys.ts';
import type { Captured } from '#test/support/captured-table.ts';
import { type Connected, sendSigned } from '#test/support/case-system.ts';
import * as make from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { requestLine } from '#test/support/request-line.ts';

/**
 * The access-pattern chart: what is asked, how often it waits for the database, and by which requests it is answered.
 * Each request is written as its command, a Query's index, and the partitions it reaches, the prefix `T#<code>#` left
 * out and ids shortened to what they name; a sort key stands behind a slash where it is another than `A`.
 */
type Pattern = readonly [what: string, roundTrips: number, requests: readonly string[], run: () => Promise<unknown>];

let livline: Livline;
let by: Caller;
let connection: Connected;
const id = {} as Record<
  | 'family'
  | 'member'
  | 'staff'
  | 'institution'
  | 'helpline'
  | 'call'
  | 'shift'
  | 'group'
  | 'leader'
  | 'other'
  | 'child'
  | 'visit'
  | 'placement'
  | 'host'
  | 'placed'
  | 'client'
  | 'connection'
  | 'credential'
  | 'held'
  | 'hold'
  | 'partner',
  string
>;

beforeAll(async () => {
  livline = await startLivline();
  by = await livline.freshMunicipality();
  await make.makeFamily(by, { externalId: 'F-1' });
  const adults = [{ name: 'Anne Prøve', phone: '70605040' }];
  id.family = (await make.makeApprovedFamily(by, { adults, caseRefs: [{ system: 'DUBU', caseNumber: '27-1' }] })).id;
  id.member = (await make.makeFamily(by)).id;
  ({ id: id.staff, institutionId: id.institution } = await make.makeStaff(by));
  id.helpline = (await make.makeHelpline(by)).id;
  id.call = (await make.makeCall(by, { helplineId: id.helpline, familyId: id.family })).id;
  id.shift = (await make.makeShift(by, { helplineId: id.helpline, staffId: id.staff })).id;
  [id.leader = '', id.other = ''] = await make.makeLeaders(by);
  id.group = (await make.makeGroup(by, { familyIds: [id.member], consultantIds: [id.leader, id.other] })).id;
  await make.makeSession(by, { familyId: id.member, facilitatorIds: [id.staff] });
  await make.makeAffiliation(by, { familyId: id.family, institutionId: id.institution });
  id.child = (await make.makeChild(by)).id;
  ({ id: id.placement, familyId: id.host, childId: id.placed } = await make.makePlacement(by));
  id.visit = (await make.makeVisit(by, { placementId: id.placement, note: 'Alt vel' })).id;
  await make.makeAssignment(by, { familyId: id.member, consultantId: id.leader });
  const now = { startsAt: '2026-11-20T06:00:00Z', endsAt: '2026-11-20T14:00:00Z' };
  await make.makeShift(by, { ...now, helplineId: id.helpline, staffId: id.staff });
  await make.makeSession(by, { groupId: id.group, at: '2026-12-10T09:00:00Z' });
  await by.post('/institutions', newInstitution, { 'idempotency-key': 'k-1' });
  connection = await make.makeConnection(by);
  id.connection = connection.id;
  id.held = (await make.makeFamily(by)).id;
  id.hold = (await make.makeLegalHold(by, { subject: { type: 'family', id: id.held } })).id;
  id.client = by.clientId;
  id.partner = (await livline.freshPartner('carelink', [by.code]))(by.code).clientId;
  id.credential = (await livline.operator('POST', `${clients()}/credentials`)).body.credential.id;
  await livline.relay();
});

const makeErasure = () => make.makeErasure(by, { subject: { type: 'consultant', id: id.other } });
const newInstitution = { ...make.INSTITUTION, specialties: [] };
const linking = (objectId: string) => ({
  type: 'case.linked',
  data: { objectId, caseRef: { system: 'DUBU', caseId: 'S-1' } },
});
const clients = () => `/clients/${id.partner}`;
const newGroup = () => ({ ...make.GROUP, familyIds: [id.family], consultantIds: [id.leader, id.other] });
const newShift = () => ({
  startsAt: '2026-12-01T20:00:00Z',
  endsAt: '2026-12-02T04:00:00Z',
  helplineId: id.helpline,
  staffId: id.staff,
});

/** Where a client can have a grant: the municipality of these tests is the first of them. */
const everywhere = (client: string): string =>
  allMunicipalities()
    .map(({ code }, position) => `M#${position === 0 ? 'code' : code}#G/${client}`)
    .join(', ');

const READS: readonly Pattern[] = [
  ['a record', 1, ['GetItem R#member'], () => by.get(`/families/${id.member}`)],
  [
    'a record with sensitive fields, once that is in the access log',
    2,
    ['GetItem R#family', 'PutItem A#family/2026-11-20T09:00:00.000Z#new'],
    () => by.get(`/families/${id.family}`),
  ],
  [
    'one that is about others, whom it stands under too',
    2,
    [
      'GetItem R#visit',
      'PutItem A#visit/2026-11-20T09:00:00.000Z#new',
      'PutItem A#host/2026-11-20T09:00:00.000Z#new',
      'PutItem A#placed/2026-11-20T09:00:00.000Z#new',
    ],
    () => by.get(`/visits/${id.visit}`),
  ],
  [
    'everything about a person, a page of it',
    4,
    [
      'GetItem R#family',
      'Query about O#family',
      'BatchGetItem R#call',
      'PutItem A#family/2026-11-20T09:00:00.000Z#new',
      'PutItem A#family/2026-11-20T09:00:00.000Z#new',
    ],
    () => by.get(`/subjects/${id.family}/export`, { limit: '1' }),
  ],
  [
    'who was shown what is sensitive about a family',
    2,
    ['Query A#family', 'PutItem A#family/2026-11-20T09:00:00.000Z#new'],
    () => by.get('/access-log', { subject: id.family }),
  ],
  ['a nested record', 1, ['GetItem R#staff'], () => by.get(`/institutions/${id.institution}/staff/${id.staff}`)],
  [
    'a record by its external id',
    2,
    ['GetItem K#external#families#municipal#F-1', 'GetItem R#new'],
    () => by.get('/families/external/municipal/F-1'),
  ],
  ['all of a type', 1, ['Query list L#families'], () => by.get('/families')],
  [
    'all between two times',
    1,
    ['Query list L#calls'],
    () => by.get('/calls', { from: '2026-11-01', to: '2026-12-01' }),
  ],
  [
    'all under a parent, if it exists',
    1,
    ['Query list L#staff#institution', 'GetItem R#institution'],
    () => by.get(`/institutions/${id.institution}/staff`),
  ],
  [
    'families by status',
    1,
    ['Query filter1 L#families#status#active'],
    () => by.get('/families', { status: 'active' }),
  ],
  ['families by kind', 1, ['Query filter2 L#families#kind#almen'], () => by.get('/families', { kind: 'almen' })],
  [
    'families by pressure',
    1,
    ['Query filter3 L#families#pressure#high'],
    () => by.get('/families', { pressure: 'high' }),
  ],
  [
    'calls about a family',
    1,
    ['Query filter2 L#calls#familyId#family'],
    () => by.get('/calls', { familyId: id.family }),
  ],
  [
    'institutions by one of their specialities',
    1,
    ['Query list L#institutions#specialty#adhd'],
    () => by.get('/institutions', { specialty: 'adhd' }),
  ],
  [
    'groups of a family',
    1,
    ['Query list L#supervision-groups#familyId#member'],
    () => by.get('/supervision-groups', { familyId: id.member }),
  ],
  [
    'a family’s timeline',
    2,
    ['GetItem R#family', 'Query about O#family'],
    () => by.get(`/families/${id.family}/timeline`),
  ],
  [
    'the history of a record',
    2,
    ['GetItem R#family', 'Query about H#family'],
    () => by.get(`/families/${id.family}/history`),
  ],
  [
    'what has changed since',
    1,
    ['Query changed L#families'],
    () => by.get('/families', { changedSince: '2026-11-01T00:00:00Z' }),
  ],
  ['everything with one case number', 1, ['Query case CASE#27-1'], () => by.get('/records', { caseNumber: '27-1' })],
  [
    'who is calling: the families with a telephone number',
    4,
    [
      'UpdateItem M#code#Q/client#lookups#2026-11-20',
      'Query list L#families#lookup-phone#hash',
      'BatchGetItem R#family',
      'PutItem A#family/2026-11-20T09:00:00.000Z#new',
    ],
    () => by.post('/families/lookup', { phone: '70605040' }),
  ],
  [
    'who is on call now',
    2,
    ['Query filter1 L#shifts#helplineId#helpline', 'GetItem R#helpline', 'BatchGetItem R#staff'],
    () => by.get(`/helplines/${id.helpline}/on-call`),
  ],
  [
    'the last five calls of a family',
    1,
    ['Query filter2 L#calls#familyId#family'],
    () => by.get('/calls', { familyId: id.family, limit: '5' }),
  ],
  [
    'the families attached to an institution on a day',
    1,
    ['Query filter1 L#affiliations#institutionId#institution'],
    () => by.get('/affiliations', { institutionId: id.institution, on: '2026-11-22' }),
  ],
  [
    'the sessions that an institution leads',
    1,
    ['Query list L#supervision-sessions#institutionId#institution'],
    () => by.get('/supervision-sessions', { institutionId: id.institution }),
  ],
  [
    'staff of an institution by speciality',
    1,
    ['Query list L#staff#institution#specialty#adhd', 'GetItem R#institution'],
    () => by.get(`/institutions/${id.institution}/staff`, { specialty: 'adhd' }),
  ],
  [
    'my families with last contact, next supervision, open actions',
    2,
    ['Query list L#family-overviews#consultant#leader', 'BatchGetItem B#group-sessions#group'],
    () => by.get('/family-overviews', { consultantId: id.leader }),
  ],
  [
    'my families that need attention',
    1,
    ['Query filter1 L#family-overviews#consultant#leader#attention'],
    () => by.get('/family-overviews', { consultantId: id.leader, attention: 'true' }),
  ],
  [
    'families without a consultant',
    1,
    ['Query filter2 L#family-overviews#without-consultant'],
    () => by.get('/family-overviews', { withoutConsultant: 'true' }),
  ],
  [
    'open actions due by a day',
    1,
    ['Query filter3 L#actions#status#open'],
    () => by.get('/actions', { status: 'open', dueTo: '2026-12-01' }),
  ],
  [
    'placements that end in a month',
    1,
    ['Query filter2 L#placements#status#active'],
    () => by.get('/placements', { status: 'active', endsFrom: '2026-11-01', endsTo: '2026-11-30' }),
  ],
  [
    'families with a free place for a child',
    1,
    ['GetItem R#child', 'GetItem B#child-placements#child', 'Query filter3 L#family-overviews#free'],
    () => by.get(`/children/${id.child}/matches`),
  ],
  [
    'what a legal hold has kept',
    2,
    ['GetItem R#hold', 'Query R#hold', 'PutItem A#held/2026-11-20T09:00:00.000Z#new'],
    () => by.get(`/legal-holds/${id.hold}/kept`),
  ],
  ['the public keys of webhooks', 1, ['GetItem B#webhook-keys'], () => by.get('/webhook-keys')],
  [
    'the messages that wait for a person',
    1,
    ['Query filter1 L#inbox#status#unresolved'],
    () => by.get('/inbox', { status: 'unresolved' }),
  ],
  [
    'a stretch of the change history verified: the end of its chain, its entries, and the records they are about',
    3,
    ['GetItem SEQUENCE', 'Query list EVENTS', 'BatchGetItem R#new'],
    () => by.get('/audit/verify', { from: '2', limit: '1' }),
  ],
  [
    'who has access, with whose clients they are',
    2,
    ['Query M#code#G', 'BatchGetItem C#client, U#client, C#partner, U#partner'],
    () => by.get('/grants'),
  ],
  [
    'what one client may do, and whose it is',
    1,
    ['GetItem M#code#G/partner', 'BatchGetItem C#partner, U#partner'],
    () => by.get(`/grants/${id.partner}`),
  ],
  ['the events after a number', 1, ['Query list EVENTS'], () => by.get('/events', { after: '3' })],
  [
    'who may do what, and the first lease of its quota, once a minute for each client',
    3,
    [
      'BatchGetItem C#client, M#code#G/client, M#code, U#client',
      'UpdateItem M#code#Q/client#2026-11-20T09:01:00.000Z',
      'GetItem R#member',
    ],
    () => {
      livline.advance(60);
      return by.get(`/families/${id.member}`);
    },
  ],
];

const WRITES: readonly Pattern[] = [
  [
    'an erasure requested, if nobody holds the person',
    3,
    [
      'GetItem R#other',
      'GetItem B#subject#other',
      'TransactWriteItems put E#event, put R#new, put B#subject#other, check R#other',
    ],
    () => makeErasure(),
  ],
  ['a new record', 1, ['TransactWriteItems put E#event, put R#new'], () => by.post('/institutions', newInstitution)],
  [
    'a new family with a key of its own, and its place in the overview',
    1,
    ['TransactWriteItems put E#event, put R#new, put B#family#new, put Y#new'],
    () => by.post('/families', make.FAMILY),
  ],
  [
    'a new record that names others',
    1,
    ['TransactWriteItems put E#event, put R#new, check R#helpline, check R#family'],
    () => by.post('/calls', { ...make.CALL, helplineId: id.helpline, familyId: id.family }),
  ],
  [
    'a new record with a unique name',
    1,
    ['TransactWriteItems put E#event, put R#new, put K#quarter#2026#4'],
    () => by.post('/themes', make.THEME),
  ],
  [
    'a new record listed by several values',
    1,
    ['TransactWriteItems put E#event, put R#new, put R#new/E#specialty#adhd, put R#new/E#specialty#trauma'],
    () => by.post('/institutions', { ...make.INSTITUTION, specialties: ['adhd', 'trauma'] }),
  ],
  [
    'a change, if nobody whom the record concerns is held',
    2,
    ['GetItem R#family', 'TransactWriteItems put E#event, put R#family, check B#subject#family'],
    () => by.patch(`/families/${id.family}`, { capacity: 5 }, 1),
  ],
  [
    'a change under a legal hold, which keeps the version that it replaces',
    4,
    [
      'GetItem R#held',
      'TransactWriteItems put E#event, put R#held, check B#subject#held',
      'GetItem B#subject#held',
      'TransactWriteItems put E#event, put R#held, check B#subject#held, put R#hold/H#held#000000000001',
    ],
    () => by.patch(`/families/${id.held}`, { capacity: 5 }, 1),
  ],
  ['a change of nothing', 1, ['GetItem R#member'], () => by.patch(`/families/${id.member}`, make.FAMILY, 1)],
  [
    'a status change',
    2,
    ['GetItem R#call', 'TransactWriteItems put E#event, put R#call, check B#subject#family'],
    () => by.status(`/calls/${id.call}`, 1, { status: 'missed' }),
  ],
  [
    'the first record under an external id',
    2,
    [
      'GetItem K#external#families#municipal#F-2',
      'TransactWriteItems put E#event, put R#new, put K#external#families#municipal#F-2, put B#family#new, put Y#new',
    ],
    () => by.put('/families/external/municipal/F-2', make.FAMILY),
  ],
  [
    'the same under an external id',
    2,
    ['GetItem K#external#families#municipal#F-1', 'GetItem R#new'],
    () => by.put('/families/external/municipal/F-1', make.FAMILY),
  ],
  [
    'a message of a connection: proven, its owner’s grant looked at, paid for, kept, applied and marked so',
    10,
    [
      'GetItem M#code',
      'GetItem R#connection',
      'BatchGetItem C#client, M#code#G/client, M#code',
      'UpdateItem M#code#Q/connection#2026-11-20T09:01:00.000Z',
      'TransactWriteItems put E#event, put R#new, put K#inbox#connection#msg_1, update B#inbox#connection',
      'GetItem R#new',
      'GetItem R#institution',
      'GetItem R#institution',
      'TransactWriteItems put E#event/ANSWER, put E#event, put R#institution, put R#institution/E#specialty#adhd, put R#institution/E#specialty#self_harm',
      'GetItem R#new',
      'TransactWriteItems put E#event, put R#new, update B#inbox#connection',
    ],
    () => sendSigned(by, connection, linking(id.institution), { id: 'msg_1' }),
  ],
  [
    'a request that was made before',
    1,
    ['TransactWriteItems put E#event/ANSWER, put E#event, put R#new'],
    () => by.post('/institutions', newInstitution, { 'idempotency-key': 'k-1' }),
  ],
  [
    'a shift that overlaps none of the person’s',
    2,
    [
      'GetItem B#shifts#staff#2026-12-01',
      'GetItem B#shifts#staff#2026-12-02',
      'TransactWriteItems put E#event, put R#new, put B#shifts#staff#2026-12-01, put B#shifts#staff#2026-12-02, check R#helpline, check R#staff',
    ],
    () => by.post('/shifts', newShift()),
  ],
  [
    'a shift taken away',
    3,
    [
      'GetItem R#shift',
      'GetItem B#shifts#staff#2026-11-23',
      'TransactWriteItems put E#event, put R#shift, delete B#shifts#staff#2026-11-23, check B#subject#staff',
    ],
    () => by.remove(`/shifts/${id.shift}`, 1),
  ],
  [
    'a session on the theme of its quarter, attended by members',
    3,
    [
      'GetItem K#quarter#2026#4',
      'GetItem R#group',
      'GetItem B#group-sessions#group',
      'TransactWriteItems put E#event, put R#new, put B#group-sessions#group, check R#group, check R#new, check R#member, put R#new/E#familyId#member',
    ],
    () =>
      by.post('/supervision-sessions', {
        ...make.SESSION,
        form: 'group',
        groupId: id.group,
        attendance: [{ familyId: id.member, present: true }],
      }),
  ],
  [
    'access granted, by a client that this function looks up first, and told in the municipality’s history',
    4,
    [
      'BatchGetItem C#client, M#code#G/client, M#code, U#client',
      'UpdateItem M#code#Q/client#2026-11-20T09:01:00.000Z',
      'BatchGetItem M#code#G/partner, M#code#H',
      'BatchGetItem C#partner, U#partner',
      'TransactWriteItems put E#event, put M#code#G/partner',
    ],
    () => by.put(`/grants/${id.partner}`, { preset: 'partner' }),
  ],
  [
    'access taken back, and told in the municipality’s history',
    2,
    ['BatchGetItem M#code#G/partner, M#code#H', 'TransactWriteItems put E#event, delete M#code#G/partner'],
    () => by.send('DELETE', `/grants/${id.partner}`),
  ],
  [
    'a group of families that are in no other',
    3,
    [
      'BatchGetItem R#leader, R#other',
      'GetItem B#family#family',
      'TransactWriteItems put E#event, put R#new, put B#family#family, check R#family, check R#leader, check R#other, put R#new/E#familyId#family',
    ],
    () => by.post('/supervision-groups', newGroup()),
  ],
];

const CONTROL: readonly Pattern[] = [
  [
    'the municipalities, for an operator that is looked up first, once a minute',
    2,
    ['GetItem OPERATORS', 'Query list MUNICIPALITIES'],
    () => livline.operator('GET', '/municipalities'),
  ],
  ['a municipality', 1, ['GetItem M#code'], () => livline.operator('GET', `/municipalities/${by.code}`)],
  ['the partners', 1, ['Query list PARTNERS'], () => livline.operator('GET', '/partners')],
  ['a partner', 1, ['GetItem P#carelink'], () => livline.operator('GET', '/partners/carelink')],
  [
    'a municipality’s client with its grant',
    2,
    ['BatchGetItem C#client, U#client', 'BatchGetItem M#code#G/client'],
    () => livline.operator('GET', `/clients/${id.client}`),
  ],
  [
    'a grant of it taken back, with who holds grants:write, kept to be told',
    3,
    [
      'GetItem M#code#G/client',
      'GetItem M#code#H',
      'TransactWriteItems delete M#code#G/client, put M#code#H, put M#code#N/2026-11-20T09:01:00.000Z#event',
    ],
    () => livline.operator('DELETE', `/clients/${id.client}/grants/${by.code}`),
  ],
  [
    'one of two credentials of a partner’s client ended, which is told wherever it has access',
    4,
    [
      'BatchGetItem C#partner, U#partner',
      `BatchGetItem ${everywhere('partner')}`,
      'UpdateItem C#partner',
      'UpdateItem C#partner',
    ],
    () => livline.operator('DELETE', `${clients()}/credentials/${id.credential}`),
  ],
  [
    'a new municipality with its first client',
    4,
    [
      'GetItem M#0766',
      'PutItem KEY#0766/key',
      'PutItem M#0766',
      'TransactWriteItems put M#0766, put C#client-new, put M#0766#G/client-new, put M#0766#H',
    ],
    () => livline.operator('POST', '/municipalities', { body: { code: '0766' } }),
  ],
];

describe.each([
  ['reads', READS],
  ['writes', WRITES],
  ['the operators’ side', CONTROL],
])('%s', (_, chart) => {
  it.each(chart)('%s: round trips %i, %j', async (_what, roundTrips, requests, run) => {
    let sent: Captured[] = [];
    const waited = await livline.roundTripsOf(async () => {
      sent = await livline.requestsOf(run);
    });
    expect(sent.map((request) => requestLine(request, by.code, id))).toEqual(requests);
    expect(waited).toBe(roundTrips);
  });
});

describe('no request', () => {
  it('scans, filters after reading, or queries without one partition and a limit', async () => {
    await livline.clock();
    const commands = new Set(livline.captured.map(({ command }) => command));
    for (const command of commands)
      expect(command).toMatch(/^(?:Get|Put|Update|Delete|BatchGet|TransactWrite)Items?$|^Query$/);
    const queries = livline.captured.filter(({ command }) => command === 'Query').map(({ input }) => input);
    for (const query of queries) {
      expect(query).toMatchObject({
        KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :low AND :high',
        Limit: expect.any(Number),
      });
      expect(query).not.toHaveProperty('FilterExpression');
    }
    expect(new Set(queries.map(({ IndexName }) => IndexName))).toEqual(new Set([undefined, ...INDEXES]));
  });
});
