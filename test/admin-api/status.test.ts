import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MUNICIPALITY_STATUSES, MUNICIPALITY_STEPS, type MunicipalityStatus } from '#shared/tenancy/lifecycle.ts';
import { createFamily, replaceSeen, setStatus, subscribe } from '#test/support/endpoints.ts';
import { FAMILY } from '#test/support/examples.ts';
import { giveHandoverKey } from '#test/support/handover-key.ts';
import { type Livline, OPERATOR, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem, writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const ask = (code: string, body: object) => livline.operator('POST', `/municipalities/${code}/status`, { body });
/** A municipality in `test` whose credentials no operator has seen, and which has given the key to leave with. */
async function takenOver() {
  const at = await livline.freshMunicipality();
  await giveHandoverKey(at);
  await replaceSeen(livline, at.code);
  return at;
}
const statusOf = async (code: string) => (await livline.operator('GET', `/municipalities/${code}`)).body.status;

describe('the status of a municipality', () => {
  it('is test when it is provisioned, and changes for a reason at a time', async () => {
    const { code } = await takenOver();
    expect(await statusOf(code)).toBe('test');
    const { status, body } = await ask(code, { status: 'live', reason: 'Taken into use' });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { code, status: 'live', statusAt: livline.now().toISOString(), statusReason: 'Taken into use' },
    });
    expect((await livline.operator('GET', `/municipalities/${code}`)).body).toEqual(body);
    const suspended = await ask(code, { status: 'suspended' });
    expect(suspended.body.statusReason).toBeUndefined();
  });

  it('goes only the steps of its life, and what is refused names those', async () => {
    const onRequest = (from: MunicipalityStatus): string[] =>
      MUNICIPALITY_STEPS[from].filter((to: string) => !['test', 'deleted'].includes(to));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...MUNICIPALITY_STATUSES), { minLength: 2, maxLength: 6 }),
        async (walk) => {
          const { code } = await takenOver();
          let at: MunicipalityStatus = 'test';
          for (const status of walk) {
            const reply = await ask(code, { status });
            if (status === at || onRequest(at).includes(status)) {
              expect(reply).toMatchObject({ status: 200, body: { status } });
              at = status;
            } else {
              expectProblem(reply, 409, 'illegal_transition');
              for (const step of onRequest(at)) expect(reply.body.detail).toContain(step);
            }
            expect(await statusOf(code)).toBe(at);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it('asked for again changes nothing and tells nothing', async () => {
    const { code } = await takenOver();
    const first = await ask(code, { status: 'live', reason: 'A' });
    const requests = await livline.requestsOf(async () => {
      expect(await ask(code, { status: 'live', reason: 'B' })).toMatchObject({ status: 200, body: first.body });
    });
    expect(writesIn(requests)).toEqual([]);
  });

  it('is changed once by two who ask at the same instant for the same', async () => {
    const { code } = await takenOver();
    const replies = await Promise.all([ask(code, { status: 'live' }), ask(code, { status: 'live' })]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies[0]?.body).toEqual(replies[1]?.body);
    livline.takeStream();
    await livline.lifecycle();
    expect(livline.takeStream().filter(({ municipality }) => municipality === code)).toHaveLength(1);
  });

  it('is for the second of two who ask at the same instant what the first has left', async () => {
    const { code } = await takenOver();
    const replies = await Promise.all([ask(code, { status: 'offboarding' }), ask(code, { status: 'live' })]);
    const after = await statusOf(code);
    expect(after).toBe('offboarding');
    const [, live] = replies.map(({ status }) => status);
    // Live first and then offboarding are both done; the other way round the second is refused.
    expect([200, 409]).toContain(live);
    if (live === 409) expectProblem(replies[1] as never, 409, 'illegal_transition');
  });

  it.each([
    ['a status that there is not', { status: 'asleep' }, '/status'],
    ['no status', {}, '/status'],
    ['something else besides', { status: 'live', force: true }, '/force'],
  ])('is not changed by a request with %s', async (_, body, pointer) => {
    const { code } = await livline.freshMunicipality();
    expectProblem(await ask(code, body), 422, 'validation_failed', pointer);
  });

  it('is there for a municipality that is provisioned only, and changed by the operator only', async () => {
    expectProblem(await ask('9999', { status: 'live' }), 404, 'not_found');
    const { code, clientId } = await livline.freshMunicipality();
    const claims = { client_id: clientId, scope: 'livline/admin:write', token_use: 'access' };
    const path = `/v1/admin/municipalities/${code}/status`;
    expectProblem(await livline.admin(path, 'POST', claims, { body: { status: 'live' } }), 403, 'forbidden');
  });

  it('is told in the municipality’s own events, in order', async () => {
    const at = await takenOver();
    for (const status of ['live', 'suspended', 'live'] as const) {
      livline.advance(1);
      await setStatus(livline, at.code, status);
    }
    livline.takeStream();
    await livline.lifecycle();
    await livline.lifecycle();
    const stream = livline.takeStream().filter(({ municipality }) => municipality === at.code);
    expect(stream).toHaveLength(3);
    // Whatever order the stream brings them in.
    await livline.relay(stream.reverse());
    const { items } = (await at.get('/events')).body;
    expect(items.slice(-3)).toMatchObject(
      ['activated', 'suspended', 'activated'].map((name) => ({
        type: `dk.livline.municipality.${name}`,
        subject: at.code,
        data: { action: 'updated', changed: ['status'], actor: { kind: 'operator', id: OPERATOR } },
      })),
    );
  });
});

describe('a municipality that is suspended', () => {
  it('neither reads nor writes a minute later, and does both again once it is live', async () => {
    const at = await livline.freshMunicipality();
    const family = await createFamily(at);
    await setStatus(livline, at.code, 'suspended');
    livline.advance(60);
    expectProblem(await at.get(`/families/${family}`), 404, 'not_found');
    expectProblem(await at.post('/families', FAMILY), 404, 'not_found');
    await setStatus(livline, at.code, 'live');
    expect((await at.get(`/families/${family}`)).status).toBe(200);
  });

  it('has its webhooks held, and all of them delivered in order once it is live', async () => {
    const at = await livline.freshMunicipality();
    const pipeline = startPipeline(livline, at.code);
    await subscribe(livline, at, 'ordered', { types: ['family.*'], ordered: true });
    livline.takeStream();
    const family = await createFamily(at);
    await pipeline.relayFresh();
    // One is on its way, one is not even relayed, when the municipality is suspended.
    await at.patch(`/families/${family}`, { capacity: 1 }, 1);
    await setStatus(livline, at.code, 'suspended');
    await pipeline.relayFresh();
    for (let minutes = 0; minutes < 30; minutes += 1) {
      livline.advance(60);
      await pipeline.clock();
      await pipeline.drain();
    }
    expect(pipeline.received).toEqual([]);
    await setStatus(livline, at.code, 'live');
    await at.patch(`/families/${family}`, { capacity: 2 }, 2);
    await pipeline.relayFresh();
    await pipeline.untilQuiet();
    const versions = pipeline.received.map(({ body }) => JSON.parse(String(body)).data.changed);
    expect(versions).toEqual([[], ['capacity'], ['capacity']]);
    const sequences = pipeline.received.map(({ body }) => JSON.parse(String(body)).sequence);
    expect(sequences).toEqual(sequences.toSorted());
  });
});
