import { beforeAll, describe, expect, it } from 'vitest';
import { makeFamily } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const choose = (by: Caller, body: object) => livline.configure(by, body);

describe('the KLE number of a municipality', () => {
  it('is `dd.dd.dd`, chosen for each municipality, and carried by its events from then on', async () => {
    const [caller, other] = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    await makeFamily(caller);
    expect((await choose(caller, { kle: '27.24.00' })).body).toMatchObject({ kle: '27.24.00' });
    // What a client may do and where is remembered for a minute.
    livline.advance(61);
    await makeFamily(caller);
    await makeFamily(other);
    await choose(caller, { kle: null });
    livline.advance(61);
    await makeFamily(caller);
    await livline.relay();
    const numbers = async (by: typeof caller) =>
      (await by.get('/events', { types: 'family.*' })).body.items.map(
        ({ data }: { data: { kle?: string } }) => data.kle,
      );
    expect(await numbers(caller)).toEqual([undefined, '27.24.00', undefined]);
    expect(await numbers(other)).toEqual([undefined]);
  });

  it.each(['27.24', '27.24.0', '27-24-00', 'KLE', 272400])('is not %j', async (kle) => {
    expectProblem(await choose(await livline.freshMunicipality(), { kle }), 422, 'validation_failed', '/kle');
  });

  it('leaves everything else of the municipality as it was, also for its clients', async () => {
    const caller = await livline.freshMunicipality();
    const before = (await livline.operator('GET', `/municipalities/${caller.code}`)).body;
    const cursorOf = async () => (await caller.get('/families', { limit: '1' })).body.nextCursor;
    await makeFamily(caller);
    await makeFamily(caller);
    const cursor = await cursorOf();
    await choose(caller, { kle: '27.24.00' });
    await choose(caller, {});
    livline.advance(61);
    expect((await caller.get('/families', { limit: '1', cursor })).body.items).toHaveLength(1);
    expect((await livline.operator('GET', `/municipalities/${caller.code}`)).body).toEqual(before);
  });
});
