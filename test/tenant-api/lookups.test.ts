import { beforeAll, describe, expect, it } from 'vitest';
import { type AnyRow, rowsOf } from '#test/support/content.ts';
import { makeChild, makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { requestLine } from '#test/support/request-line.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const PHONE = '70605040';
const ADULTS = [{ name: 'HEMMELIG-Anne', phone: PHONE }];
const find = (by: Caller, phone: string) => by.post('/families/lookup', { phone }, { 'x-access-purpose': 'helpline' });
const accesses = (by: Caller): Promise<AnyRow[]> => rowsOf(livline.store, by.code, 'access');

describe('a look-up by a sensitive value', () => {
  it('needs the scope lookup or sensitive:read besides the one that reads the type', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeFamily(at, { adults: ADULTS });
    for (const scope of ['lookup', 'sensitive:read'])
      expect((await find(at.withScopes('families:read', scope), PHONE)).body.items).toMatchObject([{ id }]);
    for (const scopes of [['families:read'], ['lookup'], ['sensitive:read']])
      expectProblem(await find(at.withScopes(...scopes), PHONE), 403, 'forbidden');
  });

  it('is entered in the access log under each record that it finds, with the field and no value', async () => {
    const at = await livline.freshMunicipality();
    const ids = [(await makeFamily(at, { adults: ADULTS })).id, (await makeFamily(at, { adults: ADULTS })).id];
    await find(at.withScopes('families:read', 'lookup'), PHONE);
    const entries = await accesses(at);
    expect(entries.map(({ view }) => view.what.id).toSorted()).toEqual(ids.toSorted());
    for (const { view } of entries) expect(view).toMatchObject({ fields: ['phone'], purpose: 'helpline' });
    expect(JSON.stringify(entries)).not.toContain(PHONE);
  });

  it('shows nothing where it cannot be entered', async () => {
    const at = await livline.freshMunicipality();
    await makeFamily(at, { adults: ADULTS });
    const reply = await livline.cutOff('sending', 'PutItem', () => find(at, PHONE));
    expectProblem(reply, 500, 'internal_error');
  });

  it('costs 20 units, and a client has 500 of them a day, until the Danish midnight', async () => {
    const at = await livline.freshMunicipality();
    const set = async (lookupsPerDay: number) => {
      const { status } = await livline.operator('PATCH', `/municipalities/${at.code}`, { body: { lookupsPerDay } });
      expect(status).toBe(200);
      livline.advance(61);
    };
    const left = (await find(at, PHONE)).headers['ratelimit'];
    const next = (await find(at, PHONE)).headers['ratelimit'];
    const unitsIn = (header = '') => Number(/r=(\d+)/.exec(header)?.[1]);
    expect(unitsIn(left) - unitsIn(next)).toBe(20);
    await set(3);
    expect((await find(at, PHONE)).status).toBe(200);
    const refused = await find(at, PHONE);
    expectProblem(refused, 429, 'too_many_requests');
    const toMidnight = Math.ceil((Date.parse('2026-11-20T23:00:00Z') - livline.now().getTime()) / 1000);
    expect(Number(refused.headers['retry-after'])).toBe(toMidnight);
    livline.advance(toMidnight);
    expect((await find(at, PHONE)).status).toBe(200);
    await set(0);
    livline.advance(86_400);
    expectProblem(await find(at, PHONE), 429, 'too_many_requests');
    livline.advance(-86_400 - toMidnight - 122);
  });

  it('that finds nothing is counted by client and day, and enters nothing', async () => {
    const at = await livline.freshMunicipality();
    const requests = await livline.requestsOf(() => find(at, PHONE));
    const counts = requests.filter(({ input }) => input.Key?.sk?.includes('lookups'));
    expect(counts.map(({ input }) => input.Key.sk)).toEqual(Array(2).fill(`${at.clientId}#lookups#2026-11-20`));
    expect(counts[1]?.input.UpdateExpression).toContain('ADD');
    expect(Object.values(counts[1]?.input.ExpressionAttributeNames)).toContain('misses');
    expect(await accesses(at)).toEqual([]);
  });

  it('does not tell a partner whether another organisation’s record has the value', async () => {
    const at = await livline.freshMunicipality();
    const partner = (await livline.freshPartner('carelink', [at.code], ['families:read', 'lookup'], 'own'))(at.code);
    await makeFamily(at, { adults: ADULTS });
    await find(partner, PHONE);
    const play = async (phone: string) => {
      let reply = await find(partner, phone);
      const requests = await livline.requestsOf(async () => {
        reply = await find(partner, phone);
      });
      return { reply, lines: requests.map((request) => requestLine(request, at.code, {})) };
    };
    const [anothers, nobodys] = [await play(PHONE), await play('11223344')];
    expect(anothers.reply.body).toEqual({ items: [] });
    expect(nobodys.reply).toMatchObject({ status: anothers.reply.status, body: anothers.reply.body });
    expect(nobodys.lines).toEqual(anothers.lines);
    expect(await accesses(at)).toEqual([]);
  });

  it('of a child is entered too', async () => {
    const at = await livline.freshMunicipality();
    const { id } = await makeChild(at, { cpr: '610314-4321' });
    await at.post('/children/lookup', { cpr: '610314-4321' });
    expect((await accesses(at)).map(({ view }) => view)).toMatchObject([
      { what: { type: 'child', id }, fields: ['cpr'] },
    ]);
  });
});
