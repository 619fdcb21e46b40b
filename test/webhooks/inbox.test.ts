import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Connected, sendSigned, signedBy } from '#test/support/case-system.ts';
import { contentOf, rowsOf } from '#test/support/content.ts';
import { setStatus } from '#test/support/endpoints.ts';
import { makeChild, makeConnection, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, withoutInstance } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
let connection: Connected;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  connection = await makeConnection(at);
});

const CASE = { system: 'DUBU', caseNumber: '27.03.00-G01-12-26' };
const linking = (objectId: string, caseRef: object = CASE) => ({ type: 'case.linked', data: { objectId, caseRef } });
const refsOf = async (path: string, by = at) => (await by.get(path)).body.caseRefs;
/** What the inbox has of a message. */
const messageOf = async (messageId: string, by = at) =>
  (await rowsOf(livline.store, by.code, 'inbox')).find(({ view }) => view.messageId === messageId)?.['view'];

describe('a message', () => {
  it('signed with its connection’s secret is answered 202 with nothing in it, and does what it says', async () => {
    const { id } = await makeFamily(at);
    const reply = await sendSigned(at, connection, linking(id), { id: 'msg_first' });
    expect([reply.status, reply.text, reply.headers['x-request-id']]).toEqual([202, '', expect.any(String)]);
    expect(await refsOf(`/families/${id}`)).toEqual([CASE]);
    expect(await messageOf('msg_first')).toMatchObject({ status: 'applied', type: 'case.linked', source: 'municipal' });
  });

  it('is told as the connection’s doing, in the event and in the history', async () => {
    const { id } = await makeFamily(at);
    await sendSigned(at, connection, linking(id));
    await livline.relay();
    const [last] = (await at.get(`/families/${id}/history`)).body.items;
    expect(last).toMatchObject({ version: 2, changed: ['caseRefs'], actor: { kind: 'client', id: connection.id } });
    const { updatedBy, source } = (await at.get(`/families/${id}`)).body;
    expect([updatedBy, source]).toEqual([connection.id, 'municipal']);
  });

  it('is taken with several signatures, one of which is good', async () => {
    const { id } = await makeFamily(at);
    const raw = JSON.stringify(linking(id));
    const headers = signedBy(connection.secret, raw, { at: livline.now() });
    const several = `v1a,${'A'.repeat(86)}== v1,${'B'.repeat(43)}= ${headers['webhook-signature']}`;
    expect((await at.inbox(connection.id, { raw, headers: { ...headers, 'webhook-signature': several } })).status).toBe(
      202,
    );
    expect(await refsOf(`/families/${id}`)).toEqual([CASE]);
  });

  it('is verified over its bytes as they came, whatever its blanks, its content type and its letters', async () => {
    const { id } = await makeFamily(at);
    const caseRef = { system: 'Sagssystemet på Ærø 🏡', caseNumber: '1' };
    const raw = `\n{ "data": {"caseRef" : ${JSON.stringify(caseRef)},\t"objectId":"${id}"}, "type":"case.linked" }\r\n`;
    const headers = { ...signedBy(connection.secret, raw, { at: livline.now() }), 'content-type': 'text/plain' };
    expect((await at.inbox(connection.id, { raw, headers })).status).toBe(202);
    expect(await refsOf(`/families/${id}`)).toEqual([caseRef]);
    const again = JSON.stringify(JSON.parse(raw));
    expectProblem(await at.inbox(connection.id, { raw: again, headers }), 401, 'unauthenticated');
  });

  it('is taken when its time is five minutes off, either way, and refused a second beyond', async () => {
    const seconds = (by: number) => new Date(livline.now().getTime() + by * 1000);
    for (const by of [-300, 300]) {
      expect((await sendSigned(at, connection, { type: 'x' }, { at: seconds(by) })).status, `${by} s`).toBe(202);
    }
    for (const by of [-301, 301, -86_400]) {
      const reply = await sendSigned(at, connection, { type: 'x' }, { at: seconds(by) });
      expectProblem(reply, 401, 'unauthenticated');
    }
  });
});

describe('nothing is read of a message and nothing stored that', () => {
  const raw = JSON.stringify({ type: 'case.linked', data: {} });
  const good = () => signedBy(connection.secret, raw, { at: livline.now() });
  const zeros = '00000000-0000-7000-8000-000000000000';
  type Forged = () => { id?: string; body?: string; headers: Record<string, string> };
  const forged: [string, Forged][] = [
    [
      'is signed with another secret',
      () => ({ headers: signedBy(`whsec_${'A'.repeat(43)}=`, raw, { at: livline.now() }) }),
    ],
    ['is signed with an empty secret', () => ({ headers: { ...good(), 'webhook-signature': 'v1,' } })],
    ['has another body than was signed', () => ({ body: `${raw} `, headers: good() })],
    ['has another id than was signed', () => ({ headers: { ...good(), 'webhook-id': 'msg_other' } })],
    [
      'has another time than was signed',
      () => {
        const headers = good();
        return { headers: { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) } };
      },
    ],
    ['has a time that is none', () => ({ headers: { ...good(), 'webhook-timestamp': 'now' } })],
    ['has no headers', () => ({ headers: {} })],
    ['has no signature', () => ({ headers: { ...good(), 'webhook-signature': '' } })],
    [
      'has half a signature',
      () => ({ headers: { ...good(), 'webhook-signature': good()['webhook-signature'].slice(0, 20) } }),
    ],
    [
      'has a signature of another kind',
      () => ({ headers: { ...good(), 'webhook-signature': good()['webhook-signature'].replace('v1,', 'v2,') } }),
    ],
    ['has an id that is none', () => ({ headers: signedBy(connection.secret, raw, { id: 'a b', at: livline.now() }) })],
    ['names no connection', () => ({ id: zeros, headers: good() })],
    ['names what is no id', () => ({ id: 'dubu', headers: good() })],
  ];

  it.each(forged)('%s, and each is told the same', async (_, make) => {
    const { id = connection.id, body = raw, headers } = make();
    const before = await contentOf(livline.store);
    const reply = await at.inbox(id, { raw: body, headers });
    expectProblem(reply, 401, 'unauthenticated');
    const reference = await at.inbox(connection.id, { raw, headers: {} });
    expect(withoutInstance(reply)).toEqual(withoutInstance(reference));
    expect(await contentOf(livline.store)).toEqual(before);
  });

  it('goes to the connection of another municipality, to one that is inactive or deleted, or to a suspended municipality', async () => {
    const there = await livline.freshMunicipality();
    const theirs: Connected = await makeConnection(there);
    const inactive: Connected = await makeConnection(at, { active: false });
    const deleted: Connected = await makeConnection(at);
    await at.remove(`/connections/${deleted.id}`, 1);
    const { body: family } = await at.post('/families', { alias: 'A', kind: 'almen' });
    const asking = async (by: Caller, to: Connected) => sendSigned(by, to, linking(family.id));
    const replies = [
      await asking(at, theirs),
      await asking(at, { ...theirs, id: connection.id }),
      await asking(at, { ...connection, id: theirs.id }),
      await asking(at.at('9999'), connection),
      await asking(at.at('766'), connection),
      await asking(at, inactive),
      await asking(at, deleted),
      await asking(at, { ...connection, id: family.id }),
    ];
    await setStatus(livline, there.code, 'suspended');
    replies.push(await asking(there, theirs));
    for (const reply of replies) {
      expectProblem(reply, 401, 'unauthenticated');
      expect(withoutInstance(reply)).toEqual(withoutInstance(replies[0] as never));
    }
    await setStatus(livline, there.code, 'live');
    expect((await asking(there, theirs)).status).toBe(202);
    expect((await there.get('/inbox')).body.items).toMatchObject([{ status: 'unresolved' }]);
    expect(await refsOf(`/families/${family.id}`)).toBeUndefined();
  });

  it('is larger than 1 MiB, and one of 1 MiB is kept whole and applied', async () => {
    const { id } = await makeFamily(at);
    const message = JSON.stringify({ ...linking(id), note: 'æ'.repeat(100_000) });
    const padded = (bytes: number) => message.padEnd(message.length + bytes - Buffer.byteLength(message));
    const send = (raw: string, messageId: string) =>
      at.inbox(connection.id, {
        raw,
        headers: signedBy(connection.secret, raw, { id: messageId, at: livline.now() }),
      });
    const tooLarge = padded(1_048_577);
    expect(Buffer.byteLength(tooLarge)).toBe(1_048_577);
    const requests = await livline.requestsOf(async () => {
      expectProblem(await send(tooLarge, 'msg_large'), 413, 'payload_too_large');
    });
    expect(requests).toEqual([]);
    const largest = padded(1_048_576);
    expect((await send(largest, 'msg_largest')).status).toBe(202);
    expect(await refsOf(`/families/${id}`)).toEqual([CASE]);
    const { body } = await at.get(`/inbox/${(await messageOf('msg_largest')).id}`);
    expect(body).toMatchObject({ status: 'applied' });
    expect(body.payload === largest).toBe(true);
  });
});

describe('what a message proves', () => {
  it('takes one round trip, for municipality and connection', async () => {
    const requests = await livline.requestsOf(() => sendSigned(at, connection, { type: 'x' }, { at: new Date(0) }));
    expect(requests).toEqual([]);
    const raw = '{}';
    const headers = signedBy(`whsec_${'A'.repeat(43)}=`, raw, { at: livline.now() });
    const ask = () => at.inbox(connection.id, { raw, headers });
    const asked = await livline.requestsOf(ask);
    expect(asked.map(({ command, by }) => [command, by?.municipality])).toEqual([
      ['GetItem', undefined],
      ['GetItem', at.code],
    ]);
    expect(await livline.roundTripsOf(ask)).toBe(1);
  });

  it('is its message alone: the path takes nothing but POST, and knows no token', async () => {
    const claims = { client_id: at.clientId, scope: 'livline/webhooks:write' };
    const path = `/v1/municipalities/${at.code}/inbox/${connection.id}`;
    expect((await livline.call.tenant(path, 'POST', claims, { body: {} })).status).toBe(405);
    expect((await at.get(`/inbox/${connection.id}`)).status).toBe(404);
  });
});

describe('the same message', () => {
  it('sent again is answered 202 again and does nothing, with another time and signature too', async () => {
    const { id } = await makeFamily(at);
    const sending = { id: 'msg_again' };
    await sendSigned(at, connection, linking(id), sending);
    const removed = await at.patch(`/families/${id}`, { caseRefs: [] }, 2);
    expect(removed.status).toBe(200);
    livline.advance(60);
    const before = await contentOf(livline.store);
    expect((await sendSigned(at, connection, linking(id), sending)).status).toBe(202);
    expect(await contentOf(livline.store)).toEqual(before);
  });

  it('of another connection is another message', async () => {
    const other: Connected = await makeConnection(at, { name: 'KMD Nexus', system: 'KMD Nexus' });
    const [one, two] = [await makeFamily(at), await makeFamily(at)];
    await sendSigned(at, connection, linking(one.id), { id: 'msg_both' });
    await sendSigned(at, other, linking(two.id), { id: 'msg_both' });
    for (const { id } of [one, two]) expect(await refsOf(`/families/${id}`)).toEqual([CASE]);
  });

  it('fifty times at once is one message with one effect', async () => {
    const { id } = await makeFamily(at);
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => sendSigned(at, connection, linking(id), { id: 'msg_fifty' })),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]));
    expect((await at.get(`/families/${id}`)).body).toMatchObject({ version: 2, caseRefs: [CASE] });
    const kept = (await rowsOf(livline.store, at.code, 'inbox')).filter(({ view }) => view.messageId === 'msg_fifty');
    expect(kept.map(({ view }) => view.status)).toEqual(['applied']);
  });

  it('answered 202 is durable: where it cannot be stored, the answer is no 2xx', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const reply = await livline.cutOff('sending', 'TransactWriteItems', () =>
      sendSigned(at, connection, { type: 'x' }, { id: `msg_${randomUUID()}` }),
    );
    vi.restoreAllMocks();
    expectProblem(reply, 500, 'internal_error');
  });
});

describe('a death between storing a message and applying it', () => {
  it('loses nothing: the clock applies what was received, once', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { id } = await makeChild(at);
    const moving = { type: 'child.responsibility_changed', data: { childId: id, responsibleMunicipality: '630' } };
    // After municipality and connection, the next read of a single row comes when the message is stored.
    const send = () => sendSigned(at, connection, moving, { id: 'msg_dead' });
    const reply = await livline.killedAt('sending', 'GetItem', send, 2);
    vi.restoreAllMocks();
    expect(reply.status).toBe(202);
    expect(await messageOf('msg_dead')).toMatchObject({ status: 'received' });
    await livline.clock();
    expect(await messageOf('msg_dead'), 'its time has not come').toMatchObject({ status: 'received' });
    livline.advance(60);
    await livline.clock();
    expect((await at.get(`/children/${id}`)).body).toMatchObject({ responsibleMunicipality: '0630', version: 2 });
    expect(await messageOf('msg_dead')).toMatchObject({ status: 'applied', updatedBy: connection.id });
    await at.patch(`/children/${id}`, { responsibleMunicipality: at.code }, 2);
    livline.advance(60);
    await livline.clock();
    expect((await at.get(`/children/${id}`)).body).toMatchObject({ responsibleMunicipality: at.code, version: 3 });
  });

  it('after its effect repeats nothing, though a person has changed the record since', async () => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const { id } = await makeFamily(at);
    // Three transactions: the message, its effect, its status.
    const client = livline.storeOf('inbox').tenantClient(at.code);
    const send = client.send.bind(client);
    let transactions = 0;
    vi.spyOn(client, 'send').mockImplementation(((command: { constructor: { name: string } }) => {
      if (command.constructor.name === 'TransactWriteCommand' && ++transactions === 3) throw new Error('dead');
      return send(command as never);
    }) as never);
    expect((await sendSigned(at, connection, linking(id), { id: 'msg_half' })).status).toBe(202);
    vi.restoreAllMocks();
    expect(await messageOf('msg_half')).toMatchObject({ status: 'received' });
    expect(await refsOf(`/families/${id}`)).toEqual([CASE]);
    await at.patch(`/families/${id}`, { caseRefs: null }, 2);
    livline.advance(60);
    await livline.clock();
    expect(await messageOf('msg_half')).toMatchObject({ status: 'applied' });
    expect((await at.get(`/families/${id}`)).body).toMatchObject({ version: 3 });
    expect(await refsOf(`/families/${id}`)).toBeUndefined();
  });
});
