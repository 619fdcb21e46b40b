import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Connected, sendSigned } from '#test/support/case-system.ts';
import { rowsOf } from '#test/support/content.ts';
import {
  CHILD,
  makeCall,
  makeChild,
  makeConnection,
  makeFamily,
  makeSession,
  makeStaff,
} from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
let connection: Connected;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  connection = await makeConnection(at);
});

const CASE = { system: 'DUBU', caseId: 'S-1', caseNumber: '27.03.00-G01-12-26' };

/** Sends a message and returns it as the inbox then has it, with why it waits; its payload is the test's own. */
async function sent(message: object, by = at, through = connection) {
  const id = `msg_${randomUUID()}`;
  const reply = await sendSigned(by, through, message, { id });
  expect(reply.status).toBe(202);
  const { items } = (await by.get('/inbox', { connectionId: through.id, limit: '200' })).body;
  const found = items.find(({ messageId }: { messageId: string }) => messageId === id);
  const { payload: _, ...shown } = (await by.get(`/inbox/${found.id}`)).body;
  return shown;
}

describe('case.linked {objectId, caseRef}', () => {
  it.each([
    ['families', async () => `/families/${(await makeFamily(at)).id}`],
    ['calls', async () => `/calls/${(await makeCall(at)).id}`],
    [
      'staff',
      async () => {
        const { id, institutionId } = await makeStaff(at);
        return `/institutions/${institutionId}/staff/${id}`;
      },
    ],
  ])('adds the case to a record of any type, such as %s', async (_, make) => {
    const path = await make();
    const objectId = path.split('/').at(-1);
    const own = { system: 'SBSYS', caseId: '7' };
    await at.patch(path, { caseRefs: [own] }, 1);
    const message = await sent({ type: 'case.linked', data: { objectId, caseRef: CASE } });
    expect(message).toMatchObject({ status: 'applied', type: 'case.linked' });
    expect((await at.get(path)).body).toMatchObject({ version: 3, caseRefs: [own, CASE] });
  });

  it('changes nothing where the case is linked already', async () => {
    const { id } = await makeFamily(at, { caseRefs: [CASE] });
    expect(await sent({ type: 'case.linked', data: { objectId: id, caseRef: CASE } })).toMatchObject({
      status: 'applied',
    });
    expect((await at.get(`/families/${id}`)).body).toMatchObject({ version: 1, caseRefs: [CASE] });
  });

  it('loses none of two cases that are linked at once, nor what a person changes meanwhile', async () => {
    const { id } = await makeFamily(at);
    const links = Array.from({ length: 6 }, (_, n) => ({ system: 'DUBU', caseNumber: `27-${n}` }));
    await Promise.all([
      ...links.map((caseRef) => sendSigned(at, connection, { type: 'case.linked', data: { objectId: id, caseRef } })),
      at.patch(`/families/${id}`, { capacity: 5 }, 1),
    ]);
    livline.advance(60);
    await livline.clock();
    const { caseRefs } = (await at.get(`/families/${id}`)).body;
    expect(caseRefs).toHaveLength(6);
    expect(caseRefs).toEqual(expect.arrayContaining(links));
  });
});

describe('case.closed {caseRef, closedOn?}', () => {
  const closing = (caseRef: object, closedOn?: string) => ({ type: 'case.closed', data: { caseRef, closedOn } });

  it('says on every link to the case, of any record, since when it is closed, and takes none away', async () => {
    const caseRef = { system: 'DUBU', caseNumber: '27-closed' };
    const other = { system: 'DUBU', caseNumber: '27-open' };
    const family = await makeFamily(at, { caseRefs: [other, caseRef] });
    const call = await makeCall(at, { caseRefs: [{ ...caseRef, caseId: 'S-9' }] });
    const namesake = await makeFamily(at, { caseRefs: [{ ...caseRef, system: 'SBSYS' }] });
    expect(await sent(closing(caseRef, '2026-11-18'))).toMatchObject({ status: 'applied' });
    const refsOf = async (path: string) => (await at.get(path)).body.caseRefs;
    expect(await refsOf(`/families/${family.id}`)).toEqual([other, { ...caseRef, closedOn: '2026-11-18' }]);
    expect(await refsOf(`/calls/${call.id}`)).toEqual([{ ...caseRef, caseId: 'S-9', closedOn: '2026-11-18' }]);
    expect(await refsOf(`/families/${namesake.id}`)).toEqual([{ ...caseRef, system: 'SBSYS' }]);
    expect(await sent(closing(caseRef, '2026-11-19'))).toMatchObject({ status: 'applied' });
    expect((await at.get(`/families/${family.id}`)).body.version).toBe(2);
  });

  it('closes it on the day of the message where it says none', async () => {
    const caseRef = { system: 'DUBU', caseNumber: '27-today' };
    const { id } = await makeFamily(at, { caseRefs: [caseRef] });
    await sent(closing(caseRef));
    expect((await at.get(`/families/${id}`)).body.caseRefs).toEqual([{ ...caseRef, closedOn: '2026-11-20' }]);
  });

  it('waits for a person where one of the records refuses it, and has closed it on the others', async () => {
    const caseRef = { system: 'DUBU', caseNumber: '27-locked' };
    const family = await makeFamily(at, { caseRefs: [caseRef] });
    const session = await makeSession(at, { status: 'locked', caseRefs: [caseRef] });
    const { status, statusReason } = await sent(closing(caseRef));
    expect(status).toBe('unresolved');
    expect(statusReason).toContain(session.id);
    expect(statusReason).toContain('locked');
    expect((await at.get(`/families/${family.id}`)).body.caseRefs[0].closedOn).toBe('2026-11-20');
  });
});

describe('child.responsibility_changed {childId, responsibleMunicipality, from?}', () => {
  const moving = (data: object) => ({ type: 'child.responsibility_changed', data });

  it('changes who decides on the child', async () => {
    const { id } = await makeChild(at);
    const message = await sent(moving({ childId: id, responsibleMunicipality: '630', from: at.code }));
    expect(message).toMatchObject({ status: 'applied' });
    expect((await at.get(`/children/${id}`)).body).toMatchObject({ responsibleMunicipality: '0630', version: 2 });
    expect(await sent(moving({ childId: id, responsibleMunicipality: '0630', from: at.code }))).toMatchObject({
      status: 'applied',
    });
    expect((await at.get(`/children/${id}`)).body.version).toBe(2);
  });

  it('waits for a person where another municipality than `from` decides, or a rule refuses the new one', async () => {
    const { id } = await makeChild(at, { responsibleMunicipality: '0766' });
    const late = await sent(moving({ childId: id, responsibleMunicipality: '0630', from: '0751' }));
    expect(late).toMatchObject({ status: 'unresolved', statusReason: expect.stringContaining('from') });
    const unknown = await sent(moving({ childId: id, responsibleMunicipality: '0998' }));
    expect(unknown).toMatchObject({ status: 'unresolved', statusReason: expect.stringContaining('no municipality') });
    expect((await at.get(`/children/${id}`)).body).toMatchObject({ responsibleMunicipality: '0766', version: 1 });
  });
});

describe('a message that cannot be applied', () => {
  const PERSONAL = 'Anne Prøve 610177-2345';
  const caseRef = CASE;
  const id = randomUUID();
  const waiting: [string, object, string][] = [
    ['of an unknown type', { type: 'case.reopened', data: {} }, 'No message of this type is known.'],
    ['of a type that is no word', { type: PERSONAL, data: {} }, 'No message of this type is known.'],
    ['of a type that every object has', { type: 'constructor', data: {} }, 'No message of this type is known.'],
    ['without a type', { hello: PERSONAL }, 'No message of this type is known.'],
    ['that is no object', [PERSONAL], 'no JSON object'],
    ['about a record that does not exist', { type: 'case.linked', data: { objectId: id, caseRef } }, 'no such record'],
    [
      'about a case that no record has',
      { type: 'case.closed', data: { caseRef: { system: 'DUBU', caseNumber: PERSONAL } } },
      'No record here',
    ],
  ];
  it.each(waiting)('%s waits as unresolved, with a reason that repeats nothing', async (_, message, reason) => {
    const kept = await sent(message);
    expect(kept).toMatchObject({ status: 'unresolved', statusReason: expect.stringContaining(reason) });
    expect(JSON.stringify(kept)).not.toMatch(/Anne|610177/);
    const read = await at.get(`/inbox/${kept.id}`);
    expect(read.body.payload).toBe(JSON.stringify(message));
  });

  const misshapen: [string, object, string][] = [
    ['about what is no id', { type: 'case.linked', data: { objectId: 'none', caseRef } }, '/data/objectId'],
    ['without data', { type: 'case.linked' }, '/data'],
    [
      'with a field too many',
      { type: 'case.linked', data: { objectId: id, caseRef: { ...CASE, more: 1 } } },
      '/data/caseRef/more',
    ],
    [
      'about a case without a number',
      { type: 'case.closed', data: { caseRef: { system: 'DUBU' } } },
      '/data/caseRef/caseNumber',
    ],
  ];
  it.each(misshapen)(
    '%s is refused at once with the place, and nothing of it is stored',
    async (_, message, pointer) => {
      const before = (await rowsOf(livline.store, at.code, 'inbox')).length;
      expectProblem(await sendSigned(at, connection, message), 422, 'validation_failed', pointer);
      expect(await rowsOf(livline.store, at.code, 'inbox')).toHaveLength(before);
    },
  );

  it('because a record of another type, or of another municipality is meant, waits too', async () => {
    const there = await livline.freshMunicipality();
    const theirs = await makeFamily(there);
    const own = await makeFamily(at);
    const endpoint = (await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' })).body;
    const reasons = [
      await sent({ type: 'case.linked', data: { objectId: theirs.id, caseRef } }),
      await sent({ type: 'case.linked', data: { objectId: endpoint.id, caseRef } }),
      await sent({ type: 'case.linked', data: { objectId: connection.id, caseRef } }),
      await sent({ type: 'child.responsibility_changed', data: { childId: own.id, responsibleMunicipality: '0630' } }),
    ].map(({ status, statusReason }) => [status, statusReason]);
    expect(new Set(reasons.map(String)).size).toBe(1);
    expect((await there.get(`/families/${theirs.id}`)).body).toMatchObject({ version: 1 });
  });

  it('is tried again, and not called unresolved, where the fault is not its own', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { id: familyId } = await makeFamily(at);
    const data = { objectId: familyId, caseRef };
    const client = livline.storeOf('inbox').tenantClient(at.code);
    const send = client.send.bind(client);
    let reads = 0;
    vi.spyOn(client, 'send').mockImplementation(((command: { constructor: { name: string } }) => {
      if (command.constructor.name === 'GetCommand' && ++reads > 1) throw new Error('The database is away');
      return send(command as never);
    }) as never);
    await sendSigned(at, connection, { type: 'case.linked', data }, { id: 'msg_away' });
    vi.restoreAllMocks();
    expect((await at.get('/inbox', { status: 'received' })).body.items).toMatchObject([{ messageId: 'msg_away' }]);
    livline.advance(60);
    await livline.clock();
    expect((await at.get(`/families/${familyId}`)).body.caseRefs).toEqual([CASE]);
    expect((await at.get('/inbox', { status: 'received' })).body.items).toEqual([]);
  });
});

describe('GET inbox', () => {
  it('?status=unresolved is one Query, the longest waiting first, and shows no payload', async () => {
    const by = await livline.freshMunicipality();
    const through: Connected = await makeConnection(by);
    const first = await sent({ type: 'a', data: CHILD.alias }, by, through);
    livline.advance(1);
    const second = await sent({ type: 'b' }, by, through);
    const family = await makeFamily(by);
    await sent({ type: 'case.linked', data: { objectId: family.id, caseRef: CASE } }, by, through);
    let reply = await by.get('/inbox');
    expect(reply.body.items).toHaveLength(3);
    const requests = await livline.requestsOf(async () => {
      reply = await by.get('/inbox', { status: 'unresolved' });
    });
    expect(requests.map(({ command, input }) => [command, input.IndexName])).toEqual([['Query', 'filter1']]);
    // Why each waits is for those who may read it, one message at a time.
    const listed = [first, second].map(({ statusReason: _, ...message }) => message);
    expect(reply.body).toEqual({ items: listed });
    expect(reply.text).not.toContain(CHILD.alias);
  });

  it('{id} shows the payload to the scope sensitive:read alone', async () => {
    const { id } = await sent({ type: 'a', data: 'Anne Prøve' });
    expect((await at.get(`/inbox/${id}`)).body.payload).toBe('{"type":"a","data":"Anne Prøve"}');
    const { status, text } = await at.withScopes('webhooks:read').get(`/inbox/${id}`);
    expect(status).toBe(200);
    expect(text).not.toContain('Anne');
    expectProblem(await at.withScopes('sensitive:read').get(`/inbox/${id}`), 403, 'forbidden');
  });

  it('is told of in events, which hold nothing that was sent', async () => {
    const { id } = await sent({ type: 'a', data: 'Anne Prøve' });
    await livline.relay();
    const { items } = (await at.get('/events', { types: 'inbox-message.*', limit: '200' })).body;
    const own = items.filter(({ subject }: { subject: string }) => subject === id);
    expect(own.map(({ type }: { type: string }) => type)).toEqual([
      'dk.livline.inbox-message.received',
      'dk.livline.inbox-message.unresolved',
    ]);
    expect(JSON.stringify(own)).not.toContain('Anne');
  });
});

describe('POST inbox/{id}/status', () => {
  it.each(['resolved', 'dismissed'])('lets a person call what waits %s, with a reason', async (status) => {
    const { id, version } = await sent({ type: 'a' });
    expectProblem(await at.status(`/inbox/${id}`, version, { status }), 422, 'validation_failed', '/reason');
    const by = at.withScopes('webhooks:read', 'sensitive:read');
    expectProblem(await by.status(`/inbox/${id}`, version, { status, reason: 'Ringet' }), 403, 'forbidden');
    const reply = await at.status(`/inbox/${id}`, version, { status, reason: 'Ringet til sagsbehandleren' });
    expect(reply).toMatchObject({ status: 200, body: { status } });
    expect((await at.get(`/inbox/${id}`)).body.statusReason).toBe('Ringet til sagsbehandleren');
    expect(reply.body.updatedBy).toBe(at.clientId);
    expectProblem(
      await at.status(`/inbox/${id}`, version + 1, { status: 'resolved', reason: 'x' }),
      409,
      'illegal_transition',
    );
  });

  it('lets nobody but the inbox itself say that a message is applied or cannot be', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await livline.killedAt('sending', 'GetItem', () => sendSigned(at, connection, { type: 'a' }), 2);
    vi.restoreAllMocks();
    const [{ id, version }] = (await at.get('/inbox', { status: 'received' })).body.items;
    for (const status of ['applied', 'unresolved', 'resolved', 'dismissed', 'received']) {
      expectProblem(await at.status(`/inbox/${id}`, version, { status, reason: 'x' }), 409, 'illegal_transition');
    }
  });

  it('is the only way to change a message: none is made, changed or deleted by a client', async () => {
    const { id } = await sent({ type: 'a' });
    for (const [method, path] of [
      ['POST', '/inbox'],
      ['PATCH', `/inbox/${id}`],
      ['DELETE', `/inbox/${id}`],
    ] as const) {
      expect((await at.send(method, path, { body: {}, headers: { 'if-match': '"2"' } })).status, method).toBe(405);
    }
    expect((await at.put('/inbox/external/municipal/x', {})).status).toBe(404);
  });
});
