import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { REFUSALS_PER_MINUTE } from '#shared/auth/refusals.ts';
import { allMunicipalities } from '#shared/register/register.ts';
import { setStatus } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let code: string;
beforeAll(async () => {
  livline = await startLivline({ refusalsPerMinute: REFUSALS_PER_MINUTE });
  ({ code } = await livline.freshMunicipality());
});

let logged: () => Record<string, unknown>[];
beforeEach(() => {
  nextMinute();
  const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  logged = () => said.mock.calls.map(([line]) => JSON.parse(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const nextMinute = () => livline.advance(60 - (livline.now().getTime() % 60_000) / 1000);
const READ = { scopes: ['families:read'] };
const admit = ({ clientId }: Caller, where = code) =>
  livline
    .administratorOf(where)
    .put(`/grants/${clientId}`, READ)
    .then(({ status }) => expect([200, 201]).toContain(status));

/** Sends so many requests, one after the other. Returns their statuses, and what they asked the database for. */
async function flood(by: Caller, count: number, every = 0) {
  const statuses: number[] = [];
  const requests = await livline.requestsOf(async () => {
    for (let sent = 0; sent < count; sent += 1) {
      statuses.push((await by.get('/families')).status);
      livline.advance(every);
    }
  });
  return { statuses, requests };
}

describe('a client that has no grant', () => {
  it('costs at most ten reads with a flood of 1,000 requests, and no row of the municipality', async () => {
    const { statuses, requests } = await flood(livline.caller(code, 'client-flooder'), 1_000);
    expect(requests.map(({ command }) => command)).toEqual(Array(10).fill('BatchGetItem'));
    for (const { by } of requests) expect(by?.municipality).toBeUndefined();
    expect(statuses.filter((status) => status === 404)).toHaveLength(REFUSALS_PER_MINUTE);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1_000 - REFUSALS_PER_MINUTE);
  });

  it('costs at most 21 reads a minute at one municipality, however it spreads its requests', async () => {
    const { requests } = await flood(livline.caller(code, 'client-patient'), 600, 0.1);
    expect(requests.length).toBeLessThanOrEqual(21);
  });

  it('costs at most a read for each municipality beyond its allowance, and none for codes that do not exist', async () => {
    const by = livline.caller(code, 'client-guesser');
    const none = await livline.requestsOf(async () => {
      for (let at = 0; at < REFUSALS_PER_MINUTE; at += 1) await by.at(String(9_000 + at)).get('/families');
    });
    expect(none).toEqual([]);
    const codes = allMunicipalities().map((each) => each.code);
    const requests = await livline.requestsOf(async () => {
      for (const each of [...codes, ...codes]) {
        expectProblem(await by.at(each).get('/families'), 429, 'too_many_requests');
      }
    });
    expect(requests).toHaveLength(codes.length);
  });

  it('is told beyond its allowance how long to wait, is logged once, and gets 404 again in the next minute', async () => {
    const by = livline.caller(code, 'client-told');
    livline.advance(17.4);
    await flood(by, REFUSALS_PER_MINUTE + 20);
    const reply = await by.post('/families', {});
    expectProblem(reply, 429, 'too_many_requests');
    expect(reply.headers).toMatchObject({
      'retry-after': '43',
      'ratelimit-policy': `"refused";q=${REFUSALS_PER_MINUTE};qu="units";w=60`,
      ratelimit: '"refused";r=0;t=43',
    });
    expect(logged()).toMatchObject([{ message: 'refusals used up', clientId: 'client-told' }]);
    livline.advance(42.6);
    expectProblem(await by.get('/families'), 404, 'not_found');
  });

  it('takes nothing from the quota of the municipality, nor from other clients', async () => {
    const [guest, host] = [await livline.freshPartner('guest', []), await livline.freshMunicipality()];
    const before = (await host.get('/families')).headers['ratelimit'];
    await flood(guest(host.code), 200);
    const after = (await host.get('/families')).headers['ratelimit'];
    const left = (header = '') => Number(/r=(\d+)/.exec(header)?.[1]);
    expect(left(before) - left(after)).toBe(1);
    expectProblem(await livline.caller(host.code, 'client-bystander').get('/families'), 404, 'not_found');
  });

  it('learns from its allowance nothing of which municipality there is', async () => {
    const suspended = await livline.freshMunicipality();
    await setStatus(livline, suspended.code, 'suspended');
    nextMinute();
    const empty = livline.nextCode();
    const replies = await Promise.all(
      [code, suspended.code, empty, '9999'].map(async (each, at) => {
        const { statuses } = await flood(livline.caller(each, `client-curious-${at}`), REFUSALS_PER_MINUTE + 1);
        return statuses;
      }),
    );
    for (const statuses of replies) expect(statuses).toEqual(replies[0]);
  });
});

describe('a new grant', () => {
  it('works at once for a client that was refused fewer than ten times in the minute', async () => {
    const partner = (await livline.freshPartner('calm', []))(code);
    await flood(partner, 9);
    await admit(partner);
    expect((await partner.get('/families')).status).toBe(200);
  });

  it('works within 5 seconds for a client that was refused more often', async () => {
    const partner = (await livline.freshPartner('eager', []))(code);
    await flood(partner, 30);
    await admit(partner);
    expectProblem(await partner.get('/families'), 404, 'not_found');
    livline.advance(5);
    expect((await partner.get('/families')).status).toBe(200);
  });

  it('works in the next minute for a client that has used up its allowance', async () => {
    const partner = (await livline.freshPartner('greedy', []))(code);
    await flood(partner, REFUSALS_PER_MINUTE + 1);
    await admit(partner);
    livline.advance(5);
    expectProblem(await partner.get('/families'), 429, 'too_many_requests');
    nextMinute();
    expect((await partner.get('/families')).status).toBe(200);
  });
});

it('a client that has used up its allowance works on where it has a grant, also where it was not yet in this minute', async () => {
  const there = await livline.freshMunicipality();
  const partner = await livline.freshPartner('mixed', [there.code]);
  await flood(partner(code), REFUSALS_PER_MINUTE + 1);
  expectProblem(await partner(code).get('/families'), 429, 'too_many_requests');
  expect((await partner(there.code).get('/families')).status).toBe(200);
});

it('a client whose grant was taken back pays for its requests from then on as one that never had any', async () => {
  const partner = (await livline.freshPartner('former', [code]))(code);
  expect((await partner.get('/families')).status).toBe(200);
  await livline.administratorOf(code).send('DELETE', `/grants/${partner.clientId}`);
  nextMinute();
  const { statuses, requests } = await flood(partner, REFUSALS_PER_MINUTE + 1);
  expect(requests).toHaveLength(10);
  expect(statuses.at(-1)).toBe(429);
});
