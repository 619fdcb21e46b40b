import { hash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '#shared/json.ts';
import { rowsOf } from '#test/support/content.ts';
import { CHILD, FAMILY, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** What stands for a request: its method, path and body as one canonical text (functions/http.ts). */
const essenceOf = (method: string, path: string, code: string, body: object) =>
  canonicalJson([method, path, { code }, body]);

const DAY_S = 86_400;
const key = (value: string) => ({ 'idempotency-key': value });
const families = async (by: Caller) => (await by.get('/families')).body.items;

/** An answer without what belongs to one request alone. */
const lasting = ({
  status,
  headers: { 'x-request-id': _, ratelimit: __, 'idempotency-replayed': replayed, ...headers },
  body,
}: {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: unknown;
}) => ({ answer: { status, headers, body }, replayed });

describe('an Idempotency-Key', () => {
  it('gives the same request the very same answer, also when the record has changed since', async () => {
    const caller = await livline.freshMunicipality();
    const first = await caller.post('/families', FAMILY, key('k-1'));
    await caller.patch(`/families/${first.body.id}`, { alias: 'Siden ændret' }, 1);
    livline.advance(6 * DAY_S);
    const again = await caller.post('/families', FAMILY, key('k-1'));
    expect(lasting(again)).toEqual({ ...lasting(first), replayed: 'true' });
    expect(lasting(first).replayed).toBeUndefined();
    expect(await families(caller)).toHaveLength(1);
  });

  it('replays a status change whose If-Match its own success made stale', async () => {
    const caller = await livline.freshMunicipality();
    const { id } = await makeFamily(caller);
    const change = () =>
      caller.send('POST', `/families/${id}/status`, {
        body: { status: 'in_training' },
        headers: { ...key('k-2'), 'if-match': '"1"' },
      });
    const first = await change();
    expect(first.body).toMatchObject({ status: 'in_training', version: 2 });
    await caller.status(`/families/${id}`, 2, { status: 'approved' });
    expect(lasting(await change())).toEqual({ ...lasting(first), replayed: 'true' });
    expect((await caller.get(`/families/${id}`)).body).toMatchObject({ status: 'approved', version: 3 });
  });

  it('is refused with another body, another path, or a body that would not even do', async () => {
    const caller = await livline.freshMunicipality();
    await caller.post('/families', FAMILY, key('k-3'));
    const others = [
      ['/families', { ...FAMILY, capacity: 3 }],
      ['/families', { ...FAMILY, kind: 'ukendt' }],
      ['/institutions', { name: 'Bakkevej', kind: 'opholdssted' }],
    ] as const;
    for (const [path, body] of others) {
      expectProblem(await caller.post(path, body, key('k-3')), 422, 'idempotency_key_reused');
    }
    expect(await families(caller)).toHaveLength(1);
    expect((await caller.get('/institutions')).body.items).toEqual([]);
  });

  it('sent eight times at the same instant makes one record', async () => {
    const caller = await livline.freshMunicipality();
    const replies = await Promise.all(Array.from({ length: 8 }, () => caller.post('/families', FAMILY, key('k-4'))));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect(await families(caller)).toEqual([replies[0]?.body]);
  });

  it('sent with two bodies at the same instant makes one record and refuses the other', async () => {
    const caller = await livline.freshMunicipality();
    const bodies = [FAMILY, { ...FAMILY, alias: 'En anden' }];
    const replies = await Promise.all(bodies.map((body) => caller.post('/families', body, key('k-5'))));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 422]);
    expect(await families(caller)).toHaveLength(1);
  });

  it('stands for its request for seven days, and then for a new one, once', async () => {
    const caller = await livline.freshMunicipality();
    const first = await caller.post('/families', FAMILY, key('k-6'));
    livline.advance(7 * DAY_S);
    expect((await caller.post('/families', FAMILY, key('k-6'))).body).toEqual(first.body);
    livline.advance(1);
    const other = { ...FAMILY, alias: 'En ny anmodning' };
    const second = await caller.post('/families', other, key('k-6'));
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
    expect(lasting(await caller.post('/families', other, key('k-6')))).toEqual({
      ...lasting(second),
      replayed: 'true',
    });
    expectProblem(await caller.post('/families', FAMILY, key('k-6')), 422, 'idempotency_key_reused');
    expect(await families(caller)).toHaveLength(2);
  });

  it('is each client’s own, in each municipality', async () => {
    const [one, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const carelink = await livline.freshPartner('carelink', [one.code, other.code]);
    const callers = [one, other, carelink(one.code), carelink(other.code)];
    const replies = [];
    for (const by of callers) replies.push(await by.post('/families', FAMILY, key('k-7')));
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(4);
  });

  it('adds nothing to what the event tells', async () => {
    const caller = await livline.freshMunicipality();
    livline.takeStream();
    await caller.post('/families', FAMILY);
    await caller.post('/families', FAMILY, key('k-10'));
    await livline.relay();
    const [one, other] = (await caller.get('/events')).body.items;
    expect(Object.keys(other.data).sort()).toEqual(Object.keys(one.data).sort());
    expect(JSON.stringify(other)).not.toContain(FAMILY.alias);
  });

  it('is stored with a keyed hash of its request, which trying all CPR numbers does not find', async () => {
    const caller = await livline.freshMunicipality();
    const body = { ...CHILD, cpr: '610314-4321' };
    await caller.post('/children', body, key('k-11'));
    const fingerprints = (await rowsOf(livline.store, caller.code, 'answer')).map(({ fingerprint }) => fingerprint);
    const texts = [JSON.stringify(body), essenceOf('POST', '/v1/municipalities/{code}/children', caller.code, body)];
    const guesses = texts.flatMap((text) => [text, `request fingerprint:${text}`]).map((text) => hash('sha256', text));
    expect(fingerprints).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(guesses).not.toContain(fingerprints[0]);
  });

  it('of a refused request is free to be used again', async () => {
    const caller = await livline.freshMunicipality();
    expect((await caller.post('/families', { ...FAMILY, kind: 'ukendt' }, key('k-8'))).status).toBe(422);
    expect((await caller.post('/families', FAMILY, key('k-8'))).status).toBe(201);
  });

  it('of a request whose answer was lost gives that answer when it is sent again', async () => {
    const caller = await livline.freshMunicipality();
    const create = () => caller.post('/families', FAMILY, key('k-9'));
    expectProblem(await livline.cutOff('answer', 'TransactWriteItems', create), 500, 'internal_error');
    const again = await create();
    expect(again.status).toBe(201);
    expect(await families(caller)).toEqual([again.body]);
  });

  it.each(['', ' ', 'a b', 'æ', 'a'.repeat(256), 'tab\there'])(
    'that is %j is refused, and nothing is written',
    async (value) => {
      const caller = await livline.freshMunicipality();
      const requests = await livline.requestsOf(async () => {
        const reply = await caller.post('/families', FAMILY, key(value));
        expectProblem(reply, 422, 'validation_failed', '/header/idempotency-key');
      });
      expect(writesIn(requests)).toEqual([]);
    },
  );
});
