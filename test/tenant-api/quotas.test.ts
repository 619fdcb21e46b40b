import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sendSigned } from '#test/support/case-system.ts';
import { FAMILY, makeConnection, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

const QUOTA = 100;

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline({ quotaPerMinute: QUOTA });
});

/** What was logged, line by line. */
let logged: () => Record<string, unknown>[];
beforeEach(() => {
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  logged = () => said.mock.calls.map(([line]) => JSON.parse(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Begins a new minute. What contexts and leases are remembered is forgotten with the old one. */
const nextMinute = () => livline.advance(60 - (livline.now().getTime() % 60_000) / 1000);

/** What the headers say: draft-ietf-httpapi-ratelimit-headers-10 §4.1, one item of structured fields with its parameters. */
function limitOf({ headers }: Pick<Reply, 'headers'>) {
  const [, q, w] = /^"default";q=(\d+);qu="units";w=(\d+)$/.exec(headers['ratelimit-policy'] ?? '') ?? [];
  const [, r, t] = /^"default";r=(\d+);t=(\d+)$/.exec(headers['ratelimit'] ?? '') ?? [];
  return { q: Number(q), w: Number(w), r: Number(r), t: Number(t) };
}

// Requests that cost what they cost and ask the table for nothing.
const read = (by: Caller) => by.get('/families', { limit: '0' });
const write = (by: Caller) => by.post('/families', {});
const report = (by: Caller) => by.get('/audit/verify', { limit: '0' });
const KINDS = { read: [read, 1], write: [write, 5], report: [report, 20] } as const;

async function times<Result>(count: number, run: () => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, run));
}
const isRefused = ({ status }: Reply) => status === 429;

describe('a request costs', () => {
  let by: Caller;
  let id: string;
  beforeAll(async () => {
    by = await livline.freshMunicipality();
    ({ id } = await makeFamily(by));
  });

  it.each([
    [1, 'a list', 200, () => by.get('/families')],
    [1, 'a record', 200, () => by.get(`/families/${id}`)],
    [
      1,
      'a record that is known',
      304,
      () => by.send('GET', `/families/${id}`, { headers: { 'if-none-match': '"1"' } }),
    ],
    [1, 'a record that is not there', 404, () => by.get('/families/none')],
    [1, 'a HEAD', 200, () => by.send('HEAD', `/families/${id}`)],
    [20, 'a look-up', 200, () => by.post('/families/lookup', { phone: '70605040' })],
    [1, 'a read that its scopes forbid', 403, () => by.withScopes('calls:read').get('/families')],
    [5, 'a create', 201, () => by.post('/families', FAMILY)],
    [5, 'a change', 200, () => by.patch(`/families/${id}`, { capacity: 5 }, 1)],
    [5, 'a change of what has changed', 412, () => by.patch(`/families/${id}`, { capacity: 5 }, 1)],
    [5, 'an upsert', 201, () => by.put('/families/external/municipal/Q-1', FAMILY)],
    [5, 'a write that its scopes forbid', 403, () => by.withScopes('calls:read').post('/families', FAMILY)],
    [5, 'a body that is no JSON', 400, () => by.send('POST', '/families', { raw: '{' })],
    [5, 'a body that is too large', 413, () => by.send('POST', '/families', { raw: `"${'x'.repeat(1_048_576)}"` })],
    [20, 'the verification of the change history', 200, () => by.get('/audit/verify')],
  ])('%i: %s', async (cost, _, status, run) => {
    nextMinute();
    const before = limitOf(await by.get('/families', { limit: '1' }));
    const reply = await run();
    expect(reply.status).toBe(status);
    expect(limitOf(reply)).toEqual({ q: QUOTA, w: 60, r: before.r - cost, t: 60 });
  });

  it('no units, and is told nothing of a quota, where no grant has been found', async () => {
    const stranger = livline.caller(by.code, 'client-stranger');
    for (const reply of [await read(stranger), await read(by.at('9999')), await by.at('abcd').get('/families')]) {
      expect(reply.status).toBe(404);
      expect(Object.keys(reply.headers).filter((name) => name.startsWith('ratelimit'))).toEqual([]);
    }
  });
});

describe('a client that has spent its minute', () => {
  it('is refused with the seconds to wait, stores nothing, and is served once they are over', async () => {
    const by = await livline.freshMunicipality();
    nextMinute();
    livline.advance(17.4);
    const statuses = (await times(25, () => by.post('/families', FAMILY))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(QUOTA / 5);
    const refused = await by.post('/families', FAMILY);
    expectProblem(refused, 429, 'too_many_requests');
    expect(refused.headers['retry-after']).toBe('43');
    expect(limitOf(refused)).toEqual({ q: QUOTA, w: 60, r: 0, t: 43 });

    livline.advance(42);
    expect((await read(by)).headers['retry-after']).toBe('1');
    livline.advance(1);
    const { body } = await by.get('/families', { limit: '100' });
    expect(body.items).toHaveLength(QUOTA / 5);
  });

  it('still gets what costs no more than is left', async () => {
    const by = await livline.freshMunicipality();
    await times(17, () => write(by));
    expect(isRefused(await report(by))).toBe(true);
    const replies = await times(20, () => read(by));
    expect(replies.filter(isRefused)).toHaveLength(5);
  });

  it('asks the database for nothing, however often it asks, and is logged once', async () => {
    const by = await livline.freshMunicipality();
    await times(20, () => write(by));
    const asked = await livline.requestsOf(() =>
      times(200, async () => {
        expectProblem(await by.get('/families'), 429, 'too_many_requests');
      }),
    );
    expect(asked).toEqual([]);
    expect(logged()).toMatchObject([{ message: 'quota used up', municipality: by.code, clientId: by.clientId }]);
  });

  it('takes nothing from other clients there, nor from itself in other municipalities', async () => {
    const [here, there] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const partner = await livline.freshPartner('flooder', [here.code, there.code]);
    // The municipalities have paid for granting it access.
    nextMinute();
    await times(20, () => write(partner(here.code)));
    expect(isRefused(await read(partner(here.code)))).toBe(true);
    for (const by of [here, there, partner(there.code)]) expect(limitOf(await read(by)).r).toBe(QUOTA - 1);
  });
});

describe('processes that serve the same client', () => {
  let by: Caller;
  beforeAll(async () => {
    by = await livline.freshMunicipality();
  });

  const batches = fc.array(
    fc.array(fc.record({ process: fc.nat(2), kind: fc.constantFrom('read', 'write', 'report') }), { minLength: 1 }),
    { minLength: 1, maxLength: 12 },
  );

  it('serve together what the quota allows and no more, in whatever order they ask', async () => {
    const processes = [0, 1, 2].map(() => livline.anotherProcess()(by));
    await fc.assert(
      fc.asyncProperty(batches, async (script) => {
        nextMinute();
        let served = 0;
        for (const batch of script) {
          await Promise.all(
            batch.map(async ({ process, kind }) => {
              const [run, cost] = KINDS[kind];
              if (!isRefused(await run(processes[process] as Caller))) served += cost;
            }),
          );
        }
        expect(served).toBeLessThanOrEqual(QUOTA);
        // Whoever is refused a read has nothing left itself: the rest is what the other two hold ready, less than a report each.
        const last = await Promise.all(processes.map(read));
        served += last.filter((reply) => !isRefused(reply)).length;
        expect(served).toBeLessThanOrEqual(QUOTA);
        if (last.some(isRefused)) expect(served).toBeGreaterThan(QUOTA - 2 * 20);
      }),
      { numRuns: 30 },
    );
  });

  it('do not use it up by being many: each begins with little', async () => {
    nextMinute();
    const replies = await times(30, () => read(livline.anotherProcess({})(by)));
    expect(replies.filter(isRefused)).toEqual([]);
  });

  it('ask the table for as much again as they have spent, at most a twentieth at once', async () => {
    nextMinute();
    const one = livline.anotherProcess({})(by);
    const requests = await livline.requestsOf(async () => {
      for (let count = 0; count < 700; count += 1) await read(one);
    });
    const leases = requests.filter(({ command }) => command === 'UpdateItem');
    expect(leases.map(({ input }) => input.ExpressionAttributeValues[':add_used'])).toEqual([
      20, 20, 40, 80, 160, 300, 300,
    ]);
    expect(requests).toHaveLength(leases.length + 1);
  });

  it('share one request for a lease among all that wait for it', async () => {
    nextMinute();
    const one = livline.anotherProcess({})(by);
    const requests = await livline.requestsOf(() => times(20, () => read(one)));
    expect(requests.map(({ command }) => command)).toEqual(['BatchGetItem', 'UpdateItem']);
  });

  it('forget a counter only when its minute is long over', async () => {
    nextMinute();
    const [lease] = (await livline.requestsOf(() => read(livline.anotherProcess()(by)))).slice(1);
    expect(lease?.input.ExpressionAttributeValues[':set_expiresAt']).toBe(livline.now().getTime() / 1000 + 3_660);
  });
});

describe('where the table does not answer', () => {
  it('a request goes on, and is logged and counted as unpaid', async () => {
    const by = await livline.freshMunicipality();
    const reply = await livline.cutOff('sending', 'UpdateItem', () => by.get('/families'));
    expect(reply.status).toBe(200);
    const [error, counted] = logged();
    expect(error).toMatchObject({ level: 'ERROR', message: 'quota not counted', municipality: by.code });
    expect(counted).toMatchObject({ UncountedRequests: 1 });
    expect(limitOf(await by.get('/families')).r).toBe(QUOTA - 1);
  });

  it('an addition whose answer is lost costs the client units, and lets nobody exceed the quota', async () => {
    const by = await livline.freshMunicipality();
    await livline.cutOff('answer', 'UpdateItem', () => read(by));
    const replies = await times(30, () => write(by));
    expect(replies.filter((reply) => !isRefused(reply)).length).toBeLessThan(QUOTA / 5);
    expect(limitOf(await read(by)).r).toBeLessThan(5);
  });
});

describe('the quota of a municipality', () => {
  const choose = (code: string, body: unknown) => livline.operator('PATCH', `/municipalities/${code}`, { body });

  it('is 6,000 units a minute where its operator has set none', async () => {
    const by = await livline.freshMunicipality();
    nextMinute();
    const reply = await read(livline.anotherProcess({})(by));
    expect(limitOf(reply)).toEqual({ q: 6_000, w: 60, r: 5_999, t: 60 });
  });

  it('is what its operator sets, within a minute, and the usual one again when that is taken back', async () => {
    const by = await livline.freshMunicipality();
    expect((await livline.operator('GET', `/municipalities/${by.code}`)).body).not.toHaveProperty('quotaPerMinute');
    expect((await choose(by.code, { quotaPerMinute: 40 })).body.quotaPerMinute).toBe(40);
    livline.advance(60);
    expect((await times(10, () => write(by))).filter(isRefused)).toHaveLength(2);
    expect((await choose(by.code, {})).body).toMatchObject({ quotaPerMinute: 40 });
    await choose(by.code, { quotaPerMinute: null });
    livline.advance(60);
    expect(limitOf(await read(by)).q).toBe(QUOTA);
    expect((await livline.operator('GET', `/municipalities/${by.code}`)).body).not.toHaveProperty('quotaPerMinute');
  });

  it('that is raised or lowered counts what was spent before', async () => {
    const by = await livline.freshMunicipality();
    nextMinute();
    livline.advance(30);
    await times(20, () => write(by));
    await choose(by.code, { quotaPerMinute: 120 });
    // A process that has not met the client before knows the new number at once.
    const raised = livline.anotherProcess()(by);
    expect((await times(10, () => write(raised))).filter(isRefused)).toHaveLength(6);
    await choose(by.code, { quotaPerMinute: 50 });
    const lowered = await read(livline.anotherProcess()(by));
    expectProblem(lowered, 429, 'too_many_requests');
    expect(limitOf(lowered)).toMatchObject({ q: 50, r: 0 });
  });

  it.each([19, 1_000_001, 50.5, '6000'])('is not %j', async (quotaPerMinute) => {
    const { code } = await livline.freshMunicipality();
    expectProblem(await choose(code, { quotaPerMinute }), 422, 'validation_failed', '/quotaPerMinute');
  });
});

describe('a connection', () => {
  it('has a quota like a client, for messages that are proven to be its own', async () => {
    const by = await livline.freshMunicipality();
    const [one, other] = [await makeConnection(by), await makeConnection(by)];
    nextMinute();
    const message = { type: 'other', data: {} };
    const forged = await sendSigned(by, { ...one, secret: other.secret }, message);
    expectProblem(forged, 401, 'unauthenticated');
    expect(forged.headers).not.toHaveProperty('ratelimit');

    const taken = await sendSigned(by, one, message);
    expect(taken.status).toBe(202);
    expect(limitOf(taken)).toEqual({ q: QUOTA, w: 60, r: QUOTA - 5, t: 60 });
    await times(19, () => sendSigned(by, one, message));
    const refused = await sendSigned(by, one, message);
    expectProblem(refused, 429, 'too_many_requests');
    expect(refused.headers['retry-after']).toBe('60');
    expect((await sendSigned(by, other, message)).status).toBe(202);
    nextMinute();
    expect((await by.get('/inbox', { limit: '100' })).body.items).toHaveLength(21);
  });
});
