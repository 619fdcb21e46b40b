import { beforeAll, describe, expect, it } from 'vitest';
import { WAITS_S } from '#shared/webhooks/schedule.ts';
import { type Chaos, type Identity, resolver, startChaos } from '#test/support/chaos.ts';
import * as answers from '#test/support/chaos-answers.ts';
import { status } from '#test/support/chaos-answers.ts';
import { faultsOf } from '#test/support/chaos-checker.ts';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** Long enough for a request to arrive and a head to come back on a busy machine. */
const SHORT_MS = 1_000;

/** A municipality with an endpoint at a chaos receiver, the guard between them, and what is asked of both in the end. */
async function connected({ identity = 'valid' as Identity, families = 1 } = {}) {
  const at = await livline.freshMunicipality();
  const chaos = await startChaos({ identity, now: livline.now });
  const endpoint = await subscribe(livline, at, 'sag');
  for (let family = 1; family <= families; family += 1) await createFamily(at, `Familie ${family}`);
  const pipeline = startPipeline(livline, at.code);
  pipeline.answer(chaos.post());
  await pipeline.relayFresh();
  return {
    chaos,
    pipeline,
    attempts: async () => (await rowsOf(livline.store, at.code, 'attempt')).map(({ view }) => view as object),
    faults: async (arrivals = chaos.arrivals) => {
      const { body } = await at.get('/events', { types: 'family.*' });
      return faultsOf(arrivals, { secret: endpoint.secret, feed: body.items });
    },
  };
}

/** The chaos receiver fails the first attempt so, and takes the second. */
const onceThenTake = (chaos: Chaos, behaviour: answers.Behaviour) =>
  chaos.answerEach((_, nth) => (nth === 1 ? behaviour : status(204)));

const secondsBetween = ({ arrivals }: Chaos) => ((arrivals[1]?.at ?? 0) - (arrivals[0]?.at ?? 0)) / 1000;

describe('failures: what arrives is signed, with the same id on every attempt, at its time, and exactly the feed', () => {
  it('from a receiver that fails nine times and takes the tenth', async () => {
    const { chaos, pipeline, faults } = await connected({ families: 2 });
    chaos.answerEach(({ headers }) => {
      const before = chaos.arrivals.filter((arrival) => arrival.headers['webhook-id'] === headers['webhook-id']);
      return status(before.length < WAITS_S.length ? 500 : 204);
    });
    await pipeline.untilQuiet();
    expect(chaos.arrivals).toHaveLength(2 * WAITS_S.length);
    expect(await faults()).toEqual([]);
    await chaos.stop();
  });

  it.each([
    ['429 with Retry-After in seconds', () => status(429, { 'retry-after': '120' }), 120],
    ['503 with Retry-After in seconds', () => status(503, { 'retry-after': '120' }), 120],
    [
      '429 with Retry-After as a date',
      () => status(429, { 'retry-after': new Date(livline.now().getTime() + 120_000).toUTCString() }),
      120,
    ],
    ['503 with garbage for Retry-After', () => status(503, { 'retry-after': 'soon, -5' }), 5],
    ['500 with Retry-After, which is no invitation', () => status(500, { 'retry-after': '120' }), 5],
  ])('%s: the next attempt is not before it', async (_, behaviour, seconds) => {
    const { chaos, pipeline, faults } = await connected();
    onceThenTake(chaos, behaviour());
    await pipeline.untilQuiet();
    expect(chaos.arrivals).toHaveLength(2);
    // A date has whole seconds.
    expect(secondsBetween(chaos)).toBeGreaterThanOrEqual(seconds - 1);
    expect(secondsBetween(chaos)).toBeLessThan(seconds + 61);
    expect(await faults()).toEqual([]);
    await chaos.stop();
  });

  it('3xx: target never visited', async () => {
    const { chaos, pipeline, attempts, faults } = await connected();
    const target = await startChaos();
    onceThenTake(chaos, status(307, { location: target.url }));
    await pipeline.untilQuiet();
    expect(target.counts.connections).toBe(0);
    expect(await attempts()).toMatchObject([{ status: 307 }, { status: 204 }]);
    expect(await faults()).toEqual([]);
    await Promise.all([chaos.stop(), target.stop()]);
  });

  it.each([
    ['dripped head', answers.drippedHead, { error: 'TIMEOUT' }],
    ['reset', answers.resetBeforeHead, { error: 'RESET' }],
    ['hang', answers.hang, { error: 'TIMEOUT' }],
    ['close without an answer', answers.closed, { error: 'RESET' }],
    ['101', answers.switching, { error: 'CLOSED' }],
  ])('%s: class recorded, retried', async (_, behaviour, recorded) => {
    const { chaos, pipeline, attempts, faults } = await connected();
    onceThenTake(chaos, behaviour);
    // Only an attempt that is to run into the limit has a short one: a busy machine is no failure.
    const hasty = chaos.post({ totalMs: SHORT_MS });
    pipeline.answer((request) => {
      pipeline.answer(chaos.post());
      return (recorded.error === 'TIMEOUT' ? hasty : chaos.post())(request);
    });
    await pipeline.untilQuiet();
    expect(await attempts()).toMatchObject([recorded, { status: 204 }]);
    expect(await faults()).toEqual([]);
    await chaos.stop();
  });

  it.each([
    ['dripped body', answers.drippedBody],
    ['1 GiB', answers.gigabyte],
    ['gzip bomb', answers.gzipBomb],
    ['reset after the head', answers.resetAfterHead],
  ])('%s after 200: delivered once, at most 4 KB kept', async (_, behaviour) => {
    const { chaos, pipeline, attempts, faults } = await connected();
    chaos.answer(behaviour);
    if (behaviour === answers.drippedBody) pipeline.answer(chaos.post({ totalMs: SHORT_MS }));
    await pipeline.untilQuiet();
    const [attempt, ...others] = (await attempts()) as { body: string }[];
    expect([attempt, others]).toMatchObject([{ status: 200 }, []]);
    expect(Buffer.byteLength(attempt?.body ?? '')).toBeLessThanOrEqual(4 * 1024);
    expect(await faults()).toEqual([]);
    await chaos.stop();
  });

  it.each([
    ['TLS expired', 'expired', 'TLS_EXPIRED'],
    ['TLS wrong host', 'wrong host', 'TLS_WRONG_HOST'],
    ['TLS self-signed', 'self-signed', 'TLS_UNTRUSTED'],
  ] as const)('%s: class recorded, retried', async (_, identity, error) => {
    const { chaos, pipeline, attempts, faults } = await connected({ identity });
    const healthy = await startChaos({ now: livline.now });
    await pipeline.drain();
    expect(await attempts()).toMatchObject([{ error }]);
    expect(chaos.arrivals).toEqual([]);
    pipeline.answer(healthy.post());
    await pipeline.untilQuiet();
    expect(await attempts()).toMatchObject([{ error }, { status: 204 }]);
    expect(await faults(healthy.arrivals)).toEqual([]);
    await Promise.all([chaos.stop(), healthy.stop()]);
  });

  it.each([
    ['NXDOMAIN', Object.assign(new Error('No such name'), { code: 'ENOTFOUND' }), 'DNS'],
    ['mixed answers', ['93.184.216.34', '10.0.0.1'], 'ADDRESS_REFUSED'],
    ['metadata service', ['169.254.169.254'], 'ADDRESS_REFUSED'],
  ])('%s: no byte sent, class recorded, retried', async (_, found, error) => {
    const { chaos, pipeline, attempts, faults } = await connected();
    pipeline.answer(chaos.post({ resolve: resolver(found).resolve }));
    await pipeline.drain();
    expect(await attempts()).toMatchObject([{ error }]);
    expect(chaos.counts.connections).toBe(0);
    pipeline.answer(chaos.post());
    await pipeline.untilQuiet();
    expect(await faults()).toEqual([]);
    await chaos.stop();
  });
});

describe('the checker of what arrived', () => {
  it('finds whatever is wrong with it', async () => {
    const { chaos, pipeline, faults } = await connected({ families: 2 });
    chaos.answerEach((_, nth) => status(nth <= 2 ? 500 : 204));
    await pipeline.untilQuiet();
    expect(await faults()).toEqual([]);
    const [first, second, third, fourth] = chaos.arrivals;
    if (!(first && second && third && fourth)) throw new Error('Four attempts were to arrive');
    const again = (over: object) => [first, second, { ...third, ...over }, fourth];
    const withHeader = (name: string, value: string) => again({ headers: { ...third.headers, [name]: value } });
    const id = String(third.headers['webhook-id']);
    expect(await faults(again({ body: `${third.body} ` }))).toEqual([
      expect.stringMatching(`attempt 2 of ${id} does not verify`),
      `attempt 2 of ${id} has other bytes than the attempt before`,
    ]);
    expect(await faults(again({ at: third.at - 1_000 }))).toEqual([
      `attempt 2 of ${id} came before its time (4000 ms)`,
    ]);
    expect(await faults(withHeader('webhook-signature', 'v1,none'))).toHaveLength(1);
    expect(await faults(withHeader('webhook-timestamp', String(first.headers['webhook-timestamp'])))).toEqual([
      expect.stringMatching('does not verify'),
      `attempt 2 of ${id} has no new timestamp`,
    ]);
    expect(await faults(withHeader('webhook-id', 'evt_other'))).toEqual([
      expect.stringMatching('attempt 1 of evt_other does not verify'),
      'evt_other is not in the feed',
    ]);
    expect(await faults([first, third])).toEqual([`${second.headers['webhook-id']} never arrived`]);
    await chaos.stop();
  });
});
