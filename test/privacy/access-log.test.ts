import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { PURPOSES } from '#shared/privacy/access-log.ts';
import { showsSensitive } from '#shared/record/schemas.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { localDateOf } from '#shared/time.ts';
import { sendSigned } from '#test/support/case-system.ts';
import { rowsOf } from '#test/support/content.ts';
import * as make from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { makeOf, pathOf } from '#test/support/records.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const ADULTS = [{ name: 'HEMMELIG-Anne', phone: '70605040' }];
const logOf = async (subject: string, query: Record<string, string> = {}, by = at) =>
  (await by.get('/access-log', { subject, ...query })).body;
/** The showings of records under a subject, the readings of the log left out. */
const showingsOf = async (subject: string, by = at): Promise<Reply['body'][]> =>
  (await logOf(subject, {}, by)).items.filter((entry: Reply['body']) => entry.what.type !== 'access-log');
const entriesOf = (by: Caller) => rowsOf(livline.store, by.code, 'access');
const reading = (purpose: string) => ({ headers: { 'x-access-purpose': purpose } });

describe('a showing of sensitive fields', () => {
  it('is entered with who, what, when and why', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS, outsideWork: 'HEMMELIG-arbejde' });
    const headers = { 'x-access-purpose': 'supervision', 'x-request-id': 'opslag-0001' };
    expect((await at.send('GET', `/families/${id}`, { headers })).body.adults).toHaveLength(1);
    expect(await showingsOf(id)).toEqual([
      {
        at: livline.now().toISOString(),
        actor: { kind: 'client', id: at.clientId, organisation: 'municipal' },
        what: { type: 'family', id },
        fields: ['outsideWork', 'adults'],
        purpose: 'supervision',
        requestId: 'opslag-0001',
      },
    ]);
  });

  it('is entered as unstated without a purpose, and refused with one that is none of them', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS });
    for (const purpose of ['curiosity', 'unstated', 'Casework', 'toString', 'casework, audit', '']) {
      const refused = await at.send('GET', `/families/${id}`, reading(purpose));
      expectProblem(refused, 422, 'validation_failed', '/header/x-access-purpose');
      expect(refused.body.detail).toContain(Object.keys(PURPOSES).join(', '));
    }
    await at.get(`/families/${id}`);
    expect((await showingsOf(id)).map(({ purpose }) => purpose)).toEqual(['unstated']);
  });

  it('is entered by whatever way the record is found, and for HEAD and 304 too', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS, externalId: 'A-1' });
    await at.get('/families/external/municipal/A-1');
    expect((await at.send('HEAD', `/families/${id}`)).text).toBe('');
    const known = await at.send('GET', `/families/${id}`, { headers: { 'if-none-match': '"1"' } });
    expect(known.status).toBe(304);
    expect(await showingsOf(id)).toHaveLength(3);
  });

  it('is entered each time, though two come in the same instant under the same request id', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS });
    const headers = { 'x-request-id': 'same-request' };
    await Promise.all([1, 2].map(() => at.send('GET', `/families/${id}`, { headers })));
    expect(await showingsOf(id)).toHaveLength(2);
  });

  it('names the fields that were shown, and no value', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makeFamily(by, { adults: ADULTS });
    await by.get(`/families/${id}`);
    const entries = await entriesOf(by);
    expect(entries.map(({ view }) => view.fields)).toEqual([['adults']]);
    expect(JSON.stringify(entries)).not.toMatch(/HEMMELIG|70605040/);
  });

  it('names a field of its writer’s own only where it is shown', async () => {
    const carelink = (await livline.freshPartner('carelink', [at.code]))(at.code);
    const { id } = await make.makeSession(carelink, { summary: 'Referat', reflection: 'HEMMELIG-refleksion' });
    for (const by of [carelink, at]) {
      await by.get(`/supervision-sessions/${id}`);
      livline.advance(1);
    }
    const seen = (await showingsOf(id)).map(({ actor, fields }) => [actor.organisation, fields]);
    expect(seen).toEqual([
      ['municipal', ['summary', 'addenda']],
      ['carelink', ['summary', 'addenda', 'reflection']],
    ]);
  });

  it('of what a child needs is one also where families are ranked by it', async () => {
    const [{ id }, { id: without }] = [await make.makeChild(at, { needs: ['trauma'] }), await make.makeChild(at)];
    const path = `/children/${id}/matches`;
    await at.withScopes(...at.scopes.filter((scope) => scope !== 'sensitive:read')).get(path);
    expect(await showingsOf(id)).toEqual([]);
    expect((await at.send('GET', path, reading('casework'))).status).toBe(200);
    const entry = { what: { type: 'child', id }, fields: ['needs'], purpose: 'casework' };
    expect(await showingsOf(id)).toMatchObject([entry]);
    await at.get(`/children/${without}/matches`);
    expect(await showingsOf(without)).toEqual([]);
  });
});

/** Sensitive fields of each resource that has some, and the persons whom a record of it stands under besides itself. */
type Persons = (made: Reply['body']) => Promise<string[]> | string[];
const placed = async (placementId: string) => {
  const { familyId, childId } = (await at.get(`/placements/${placementId}`)).body;
  return [familyId, childId];
};
const ofFamily: Persons = ({ familyId }) => [familyId];
const CONCERNED: Readonly<Record<string, readonly [fields: object, persons: Persons]>> = {
  families: [{ adults: ADULTS }, () => []],
  children: [{ needs: ['trauma'] }, () => []],
  consultants: [{ phone: '70605040' }, () => []],
  placements: [{ keptRelations: ['Mormor'] }, ({ familyId, childId }) => [familyId, childId]],
  visits: [{ note: 'Alt vel' }, ({ placementId }) => placed(placementId)],
  contacts: [{ note: 'Alt vel' }, ofFamily],
  'supervision-sessions': [{ summary: 'Referat', addenda: [] }, ofFamily],
  progress: [
    { note: 'Det gik' },
    async ({ planId }) => ofFamily((await at.get(`/development-plans/${planId}`)).body) as string[],
  ],
  calls: [{ note: 'Alt vel' }, ({ familyId }) => [familyId]],
  'concern-reports': [{ note: 'Alt vel' }, () => []],
  'legal-holds': [{ reason: 'En klage' }, ({ subject }) => [subject.id]],
  affiliations: [{ roleAgreement: { family: ['Ringer selv'] } }, ofFamily],
  'supervision-groups': [{ criteria: 'Børn under 10' }, ({ familyIds }) => familyIds],
  inquiries: [{ statusReason: 'Svaret' }, ofFamily],
  courses: [{ statusReason: 'Planlagt' }, () => []],
  actions: [{ statusReason: 'Aftalt' }, ofFamily],
  'risk-flags': [{ statusReason: 'Aftalt' }, ofFamily],
  'development-plans': [{ statusReason: 'Aftalt' }, ofFamily],
  enrolments: [{ statusReason: 'Inviteret' }, ofFamily],
  erasures: [{ statusReason: 'Bedt om' }, ({ subject }) => [subject.id]],
};

describe('a showing stands under the record and under', () => {
  const sensitive = RESOURCES.filter(showsSensitive);

  it.each(sensitive)('those whom a record of $path is about', async (resource) => {
    const [fields, persons] = CONCERNED[resource.path] ?? [];
    if (!fields || !persons) throw new Error(`It is not known whom a record of ${resource.path} is about`);
    const about = resource.path === 'calls' ? { familyId: (await make.makeFamily(at)).id } : {};
    const made = await makeOf(resource.path, at, { ...fields, ...about });
    const before = await entriesOf(at);
    await at.get(pathOf(resource, made));
    const known = new Set(before.map(({ pk, sk }) => `${pk} ${sk}`));
    const entries = (await entriesOf(at)).filter(
      ({ pk, sk, view }) => !known.has(`${pk} ${sk}`) && view.what.id === made.id,
    );
    const subjects = entries.map(({ pk }) => pk.replace(`T#${at.code}#A#`, ''));
    expect(subjects.toSorted()).toEqual([made.id, ...(await persons(made))].toSorted());
    for (const subject of subjects) {
      const listed = (await showingsOf(subject)).filter(({ what }) => what.id === made.id);
      expect(listed).toMatchObject([{ what: { type: resource.name }, fields: Object.keys(fields) }]);
    }
  });

  it('the families that attended a session', async () => {
    const [{ id: one }, { id: other }] = [await make.makeFamily(at), await make.makeFamily(at)];
    const group = await make.makeGroup(at, { familyIds: [one, other] });
    const attendance = [one, other].map((familyId) => ({ familyId, present: true }));
    const session = { form: 'group', groupId: group.id, attendance, summary: 'Referat' };
    const { body, status } = await at.post('/supervision-sessions', { ...make.SESSION, ...session });
    expect(status).toBe(201);
    await at.get(`/supervision-sessions/${body.id}`);
    for (const id of [body.id, one, other]) expect(await showingsOf(id)).toHaveLength(1);
  });

  it.each([
    [
      'a family',
      async () => {
        const { id } = await make.makeFamily(at);
        return { source: { type: 'family', id }, persons: [id] };
      },
    ],
    [
      'a child',
      async () => {
        const { id } = await make.makeChild(at);
        return { source: { type: 'child', id }, persons: [id] };
      },
    ],
    [
      'a call about a family',
      async () => {
        const { id: familyId } = await make.makeFamily(at);
        const { id } = await make.makeCall(at, { familyId, concern: true });
        return { source: { type: 'call', id }, persons: [familyId] };
      },
    ],
    [
      'a visit to a placement',
      async () => {
        const { familyId, childId, id: placementId } = await make.makePlacement(at);
        const { id } = await make.makeVisit(at, { placementId });
        return { source: { type: 'visit', id }, persons: [familyId, childId] };
      },
    ],
  ])('those whom %s that gave cause for a concern is about', async (_, given) => {
    const { source, persons } = await given();
    const { id } = await make.makeConcernReport(at, { source, note: 'HEMMELIG-underretning' });
    await at.get(`/concern-reports/${id}`);
    for (const subject of [id, ...persons]) {
      expect((await showingsOf(subject)).map(({ what }) => what)).toEqual([{ type: 'concern-report', id }]);
    }
  });
});

describe('nothing is entered', () => {
  it('for who may not see what is sensitive, and sees nothing of it', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS });
    const plain = at.withScopes('families:read');
    expect((await plain.get(`/families/${id}`)).body).not.toHaveProperty('adults');
    expect(await showingsOf(id)).toEqual([]);
  });

  it('for a list, a write or a record that has nothing sensitive', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makeFamily(by, { adults: ADULTS });
    const { id: plain } = await make.makeFamily(by);
    await by.get('/families');
    await by.patch(`/families/${id}`, { capacity: 3 }, 1);
    await by.get(`/families/${id}/history`);
    await by.get(`/families/${id}/timeline`);
    await by.get(`/families/${plain}`);
    expect(await entriesOf(by)).toEqual([]);
  });

  it('and nothing shown where an entry cannot be written', async () => {
    const { id, familyId, childId } = await make.makePlacement(at, { keptRelations: ['HEMMELIG-mormor'] });
    for (const fault of ['sending', 'answer'] as const) {
      const reply = await livline.cutOff(fault, 'PutItem', () => at.get(`/placements/${id}`));
      expectProblem(reply, 500, 'internal_error');
      expect(reply.text).not.toContain('HEMMELIG');
    }
    // What was written though the answer to it was lost says more than happened, under every one of them.
    for (const subject of [id, familyId, childId]) expect(await showingsOf(subject)).toHaveLength(1);
  });
});

describe('the access log', () => {
  it('is read with the scope privacy:read alone', async () => {
    const { id: subject } = await make.makeFamily(at);
    expect((await at.withScopes('privacy:read').get('/access-log', { subject })).status).toBe(200);
    const others = at.scopes.filter((scope) => scope !== 'privacy:read');
    expectProblem(await at.withScopes(...others).get('/access-log', { subject }), 403, 'forbidden');
  });

  it('has an entry of each reading of it, from the next reading on', async () => {
    const { id: subject } = await make.makeFamily(at);
    expect(await logOf(subject)).toEqual({ items: [] });
    livline.advance(1);
    await at.send('GET', '/access-log', { query: { subject }, ...reading('audit') });
    const what = { type: 'access-log', id: subject };
    expect((await logOf(subject)).items).toMatchObject([
      { what, purpose: 'audit', fields: [], actor: { id: at.clientId } },
      { what, purpose: 'unstated', fields: [] },
    ]);
  });

  it('shows nothing where its reading cannot be entered', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS });
    await at.send('GET', `/families/${id}`, { headers: { 'x-request-id': 'opslag-0002' } });
    const reply = await livline.cutOff('sending', 'PutItem', () => at.get('/access-log', { subject: id }));
    expectProblem(reply, 500, 'internal_error');
    expect(reply.text).not.toContain('opslag-0002');
  });

  it('is read page by page, newest first, between two times', async () => {
    const { id: subject } = await make.makeFamily(at, { adults: ADULTS });
    const times: string[] = [];
    for (let hour = 0; hour < 5; hour += 1) {
      livline.advance(3600);
      times.unshift(livline.now().toISOString());
      await at.get(`/families/${subject}`);
    }
    livline.advance(3600);
    const read: string[] = [];
    let next: Record<string, string> = {};
    do {
      const { items, nextCursor } = await logOf(subject, {
        limit: '2',
        from: times[3] as string,
        to: times[0] as string,
        ...next,
      });
      read.push(...items.map((entry: Reply['body']) => entry.at));
      next = nextCursor === undefined ? {} : { cursor: nextCursor };
    } while (next['cursor'] !== undefined);
    expect(read).toEqual(times.slice(1, 4));
  });

  it('gives a cursor that is good for one subject', async () => {
    const [{ id }, { id: other }] = [await make.makeFamily(at, { adults: ADULTS }), await make.makeFamily(at)];
    for (let times = 0; times < 2; times += 1) await at.get(`/families/${id}`);
    const { nextCursor: cursor } = await logOf(id, { limit: '1' });
    expect(cursor).toEqual(expect.any(String));
    expectProblem(await at.get('/access-log', { subject: other, cursor }), 422, 'invalid_cursor');
  });

  it('of what is not here is empty, whether another municipality has it or nobody', async () => {
    const there = await livline.freshMunicipality();
    const { id } = await make.makeFamily(there, { adults: ADULTS });
    await there.get(`/families/${id}`);
    expect(await logOf(id)).toEqual({ items: [] });
    expect(await showingsOf(id, there)).toHaveLength(1);
    expect(await logOf('0198c0de-0000-7000-8000-000000000000')).toEqual({ items: [] });
  });

  it('asks for a subject, and refuses what is not one', async () => {
    expectProblem(await at.get('/access-log'), 422, 'validation_failed', '/query/subject');
    expectProblem(await at.get('/access-log', { subject: '610180-1234' }), 422, 'validation_failed', '/query/subject');
    const subject = '0198c0de-0000-7000-8000-000000000000';
    for (const [query, limit] of [
      ['json', '201'],
      ['csv', '1001'],
    ]) {
      const reply = await at.get('/access-log', { subject, format: query as string, limit: limit as string });
      expectProblem(reply, 422, 'validation_failed', '/query/limit');
    }
  });
});

describe('an export of the access log', () => {
  it('is CSV, a page at a time, with a link to the next', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS, outsideWork: 'HEMMELIG' });
    for (const number of [1, 2]) {
      livline.advance(1);
      const headers = { 'x-request-id': `opslag-100${number}`, 'x-access-purpose': 'complaint' };
      await at.send('GET', `/families/${id}`, { headers });
    }
    const line = (number: number, secondsAgo: number) => {
      const time = new Date(livline.now().getTime() - secondsAgo * 1000).toISOString();
      return `${time},client,${at.clientId},municipal,family,${id},outsideWork adults,complaint,,opslag-100${number}\r\n`;
    };
    const header = 'at,actorKind,actorId,organisation,type,id,fields,purpose,person,requestId\r\n';
    livline.advance(1);
    const query = { subject: id, format: 'csv', limit: '1' };
    const first = await at.get('/access-log', query);
    expect(first.headers).toMatchObject({ 'content-type': 'text/csv; charset=utf-8; header=present' });
    expect(first.text).toBe(`${header}${line(2, 1)}`);
    const [, next = ''] = /^<\?(.+)>; rel="next"$/.exec(first.headers['link'] ?? '') ?? [];
    const second = await at.get('/access-log', Object.fromEntries(new URLSearchParams(next)));
    expect(second.text).toBe(`${header}${line(1, 2)}`);
  });

  it('has a thousand entries in one page', async () => {
    const { id: subject } = await make.makeFamily(at);
    const { status, text } = await at.get('/access-log', { subject, format: 'csv', limit: '1000' });
    expect({ status, lines: text.split('\r\n').length }).toEqual({ status: 200, lines: 2 });
  });
});

describe('an entry is kept', () => {
  const choose = (by: Caller, accessLogMonths: unknown) => livline.configure(by, { accessLogMonths });
  const DAY = 86_400;

  it('for 24 months, or as many as the municipality has chosen when it was made', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makeFamily(by, { adults: ADULTS });
    const expiries: string[] = [];
    for (const months of [undefined, 6, 120, null]) {
      if (months !== undefined) expect((await choose(by, months)).status).toBe(200);
      livline.advance(61);
      await by.get(`/families/${id}`);
      const row = (await entriesOf(by)).find(({ view }) => view.at === livline.now().toISOString());
      const [made, expires] = [livline.now(), new Date((row?.['expiresAt'] ?? 0) * 1000)];
      expiries.push(
        `${(expires.getUTCFullYear() - made.getUTCFullYear()) * 12 + expires.getUTCMonth() - made.getUTCMonth()}`,
      );
      expect(expires.getUTCDate()).toBe(made.getUTCDate());
    }
    expect(expiries).toEqual(['24', '6', '120', '24']);
  });

  it('and is shown no longer than that, though it may still lie there', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makeFamily(by, { adults: ADULTS });
    await choose(by, 6);
    livline.advance(61);
    await by.get(`/families/${id}`);
    livline.advance(180 * DAY);
    expect(await showingsOf(id, by)).toHaveLength(1);
    livline.advance(5 * DAY);
    expect(await showingsOf(id, by)).toEqual([]);
    expect((await entriesOf(by)).filter(({ view }) => view.what.type === 'family')).toHaveLength(1);
  });

  it('for 6 to 120 months, which the municipality shows', async () => {
    const by = await livline.freshMunicipality();
    for (const months of [5, 121, 12.5, '24'])
      expectProblem(await choose(by, months), 422, 'validation_failed', '/accessLogMonths');
    expect((await choose(by, 36)).body).toMatchObject({ accessLogMonths: 36 });
    await livline.configure(by, { kle: '27.24.00' });
    expect((await by.get('/settings')).body).toMatchObject({ accessLogMonths: 36, kle: '27.24.00' });
    expect((await choose(by, null)).body).not.toHaveProperty('accessLogMonths');
  });
});

/** Sets what a municipality asks of those who read, as its settings do. */
async function require(by: Caller, fields: Record<string, unknown>): Promise<void> {
  const Key = { pk: `M#${by.code}`, sk: 'A' };
  for (const [name, value] of Object.entries(fields)) {
    const update = {
      UpdateExpression: 'SET #tenant.#name = :value',
      ExpressionAttributeNames: { '#tenant': 'tenant', '#name': name },
      ExpressionAttributeValues: { ':value': value },
    };
    await livline.store.client.send(new UpdateCommand({ TableName: livline.store.tableName, Key, ...update }));
  }
  // What a process knows of a municipality is a minute old at most.
  livline.advance(61);
}

describe('the access log of an actor', () => {
  it('lists each access of a client on one local day once, however many persons it concerned', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makePlacement(by, { keptRelations: ['HEMMELIG-mormor'] });
    await by.get(`/placements/${id}`);
    const day = localDateOf(livline.now().toISOString());
    const listed = (await by.get('/access-log', { actor: by.clientId, day })).body.items;
    expect(listed).toMatchObject([{ what: { type: 'placement', id }, actor: { id: by.clientId } }]);
    expect((await by.get('/access-log', { actor: by.clientId, day: '2026-11-18' })).body.items).toEqual([]);
    expect((await by.get('/access-log', { actor: 'another-client', day })).body.items).toEqual([]);
  });

  it('has an entry of each reading of it, under the municipality and in the list of who read it', async () => {
    const by = await livline.freshMunicipality();
    await by.get('/access-log', { actor: 'a-client', day: '2026-11-20' });
    const what = { type: 'access-log', id: 'a-client' };
    expect(await entriesOf(by)).toMatchObject([{ pk: `T#${by.code}#A#${by.code}`, view: { what } }]);
    const today = localDateOf(livline.now().toISOString());
    const own = (await by.get('/access-log', { actor: by.clientId, day: today })).body.items;
    expect(own).toMatchObject([{ what }]);
  });

  it.each([
    [{ actor: 'a-client' }, '/query/day'],
    [{ day: '2026-11-20' }, '/query/day'],
    [{ actor: 'a-client', day: '2026-11-20', subject: '01930000-0000-7000-8000-000000000003' }, '/query/actor'],
  ])('is refused for %j', async (query, pointer) => {
    expectProblem(await at.get('/access-log', query as Record<string, string>), 422, 'validation_failed', pointer);
  });
});

describe('the person behind a client', () => {
  it('stands in the access log where X-Access-Person names one, and is refused where that looks like a CPR number', async () => {
    const { id } = await make.makeFamily(at, { adults: ADULTS });
    const by = (person: string) => at.send('GET', `/families/${id}`, { headers: { 'x-access-person': person } });
    expect((await by('medarbejder-17')).status).toBe(200);
    expect(await showingsOf(id)).toMatchObject([{ person: 'medarbejder-17' }]);
    for (const person of ['610314-4321', 'Anne Andersen', '', 'a'.repeat(65)])
      expectProblem(await by(person), 422, 'validation_failed', '/header/x-access-person');
    expect(await showingsOf(id)).toHaveLength(1);
  });

  it('and the purpose are asked for where the municipality requires them, before anything is shown', async () => {
    const by = await livline.freshMunicipality();
    const { id } = await make.makeFamily(by, { adults: ADULTS });
    const { id: plain } = await make.makeFamily(by);
    await require(by, { requirePerson: true, requirePurpose: true, purposes: ['casework', 'audit'] });
    const read = (headers: Record<string, string>) => by.send('GET', `/families/${id}`, { headers });
    const person = { 'x-access-person': 'medarbejder-17' };
    for (const [headers, pointer] of [
      [person, '/header/x-access-purpose'],
      [{ 'x-access-purpose': 'casework' }, '/header/x-access-person'],
      [{ ...person, 'x-access-purpose': 'helpline' }, '/header/x-access-purpose'],
    ] as const) {
      const reply = await read(headers);
      expectProblem(reply, 422, 'validation_failed', pointer);
      expect(reply.text).not.toContain('HEMMELIG');
    }
    expect((await read({ ...person, 'x-access-purpose': 'casework' })).status).toBe(200);
    // What shows nothing sensitive asks for neither.
    expect((await by.get(`/families/${plain}`)).status).toBe(200);
  });
});

describe('a showing concerns', () => {
  it('the families of the group before anybody has attended', async () => {
    const { id: member } = await make.makeFamily(at);
    const group = await make.makeGroup(at, { familyIds: [member] });
    const session = await make.makeSession(at, { groupId: group.id, summary: 'HEMMELIG-referat' });
    await at.get(`/supervision-sessions/${session.id}`);
    expect((await showingsOf(member)).map(({ what }) => what.id)).toEqual([session.id]);
  });

  it('the record that a message names and whom that is about, when its payload is read', async () => {
    const { id: familyId } = await make.makeFamily(at);
    const { id: objectId } = await make.makeCall(at, { familyId });
    const connection = await make.makeConnection(at);
    await sendSigned(at, connection, { type: 'case.unheard_of', data: { objectId } });
    const [message] = (await at.get('/inbox', { connectionId: connection.id })).body.items;
    await at.get(`/inbox/${message.id}`);
    for (const subject of [message.id, objectId, familyId])
      expect((await showingsOf(subject)).map(({ what }) => what)).toEqual([{ type: 'inbox-message', id: message.id }]);
  });
});
