import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY, makeCall, makeFamily, makeHelpline } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

describe('every answer', () => {
  it('of a creation says where the record is and which version it has', async () => {
    const caller = await livline.freshMunicipality();
    const { status, headers, body } = await caller.post('/families', FAMILY);
    expect(status).toBe(201);
    expect(headers).toMatchObject({
      location: `/v1/municipalities/${caller.code}/families/${body.id}`,
      etag: '"1"',
      'content-type': 'application/json',
      'cache-control': 'no-store',
    });
    expect(body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('of a change has the new ETag and no Location', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const { status, headers } = await caller.patch(`/families/${id}`, { capacity: 3 }, 1);
    expect({ status, etag: headers['etag'], location: headers['location'] }).toEqual({
      status: 200,
      etag: '"2"',
      location: undefined,
    });
  });

  it('carries the request id that came in, or one of its own', async () => {
    const caller = await livline.freshMunicipality();
    const ask = async (id: string) =>
      (await caller.send('GET', '/families', { headers: { 'x-request-id': id } })).headers;
    expect(await ask('case-0630-2026')).toMatchObject({ 'x-request-id': 'case-0630-2026' });
    for (const unfit of ['short', 'a'.repeat(65), 'with spaces in it', 'line%0abreak']) {
      expect((await ask(unfit))['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('to an unexpected fault says nothing but its request id', async () => {
    const caller = await livline.freshMunicipality();
    const reply = await livline.cutOff('sending', 'TransactWriteItems', () => caller.post('/families', FAMILY));
    expectProblem(reply, 500, 'internal_error');
    expect(JSON.stringify(reply.body)).not.toMatch(/ended|Familien|dynamo|stack/i);
  });
});

describe('a path', () => {
  it('that leads nowhere is a 404 problem', async () => {
    const caller = await livline.freshMunicipality();
    for (const path of ['/nothing', '', '/families/a/b/c', '/Families', '/families//timeline']) {
      expectProblem(await caller.get(path), 404, 'not_found');
    }
  });

  it('that takes other methods names them', async () => {
    const caller = await livline.freshMunicipality();
    const reply = await caller.send('DELETE', '/families');
    expectProblem(reply, 405, 'method_not_allowed');
    expect(reply.headers['allow']?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect((await caller.send('OPTIONS', '/families')).headers['allow']).toBe(reply.headers['allow']);
    expectProblem(await caller.send('DELETE', `/families/${(await makeFamily(caller)).id}`), 405, 'method_not_allowed');
  });
});

describe('a read', () => {
  it('of a version that the caller has is 304 without a body', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const ask = (ifNoneMatch: string) =>
      caller.send('GET', `/families/${id}`, { headers: { 'if-none-match': ifNoneMatch } });
    for (const known of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const reply = await ask(known);
      expect(reply).toMatchObject({ status: 304, body: undefined });
      expect(reply.headers['etag']).toBe('"1"');
    }
    for (const other of ['"2"', '"11"', '"2", W/"3"']) expect((await ask(other)).status).toBe(200);
    for (const wrong of ['1', '', '"1']) expectProblem(await ask(wrong), 400, 'malformed_request');
  });

  it('by HEAD has the headers of GET and no body', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const reply = await caller.send('HEAD', `/families/${id}`);
    expect(reply).toMatchObject({ status: 200, body: undefined });
    expect(reply.headers['etag']).toBe('"1"');
  });
});

describe('a value', () => {
  it('that is an instant is kept in UTC, the same moment', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const two = (value: number) => String(value).padStart(2, '0');
    const moments = fc.record({
      at: fc.date({ min: new Date('1990-01-01'), max: new Date('2026-11-01'), noInvalidDate: true }),
      hours: fc.integer({ min: -12, max: 14 }),
      minutes: fc.constantFrom(0, 15, 30, 45),
    });
    await fc.assert(
      fc.asyncProperty(moments, async ({ at, hours, minutes }) => {
        const offset = Math.sign(hours || 1) * (Math.abs(hours) * 60 + minutes);
        const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const receivedAt = `${local}${offset < 0 ? '-' : '+'}${two(Math.abs(hours))}:${two(minutes)}`;
        expect((await makeCall(caller, { helplineId, receivedAt })).receivedAt).toBe(at.toISOString());
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    'yesterday',
    '2026-11-20',
    '2026-11-20T08:00:00',
    '2026-02-30T08:00:00Z',
    '2026-11-20T25:00:00Z',
    '2026-11-20 08:00:00Z',
    '1899-12-31T23:00:00Z',
    '',
    1763625600000,
  ])('is no instant when it is %j', async (receivedAt) => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const call = { helplineId, receivedAt, callerKind: 'other', topic: 'other', severity: 1 };
    expectProblem(await caller.post('/calls', call), 422, 'validation_failed', '/receivedAt');
  });

  it('of free text holds 4,000 characters, and of a list 100 entries', async () => {
    const caller = await livline.freshMunicipality();
    const { id: helplineId } = await makeHelpline(caller);
    const note = 'å'.repeat(4_000);
    const { id } = await makeCall(caller, { helplineId, note });
    expect((await caller.get(`/calls/${id}`)).body.note).toBe(note);
    const long = await caller.patch(`/calls/${id}`, { note: `${note}å` }, 1);
    expectProblem(long, 422, 'validation_failed', '/note');
    const skills = Array.from({ length: 100 }, (_, at) => `Færdighed ${at}`);
    expect((await makeFamily(caller, { skills })).skills).toEqual(skills);
    const many = await caller.post('/families', { ...FAMILY, skills: [...skills, 'Én til'] });
    expectProblem(many, 422, 'validation_failed', '/skills');
  });

  it('stands there since now unless it says since when', async () => {
    const caller = await livline.freshMunicipality();
    expect((await makeFamily(caller, { status: 'active' })).statusAt).toBe('2026-11-20T09:00:00.000Z');
    const since = { status: 'active', statusAt: '2019-08-01T12:00:00+02:00' };
    expect((await makeFamily(caller, since)).statusAt).toBe('2019-08-01T10:00:00.000Z');
    const future = await caller.post('/families', { ...FAMILY, ...since, statusAt: '2026-11-20T09:05:00Z' });
    expectProblem(future, 422, 'validation_failed', '/statusAt');
  });
});
