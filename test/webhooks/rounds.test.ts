import { beforeAll, describe, expect, it, vi } from 'vitest';
import { clockRound } from '#functions/clock/app.ts';
import { lifecycleRound } from '#functions/lifecycle/app.ts';
import { municipalitiesNamed, takeTurns } from '#functions/rounds.ts';
import type { Store } from '#shared/table/store.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { type Send, wrappedStore } from '#test/support/wrapped-store.ts';

const LAMBDA = { awsRequestId: 'test-request' };

describe('turns', () => {
  const MINUTE = 60_000;
  /** Plays a round on a clock that work moves on. Returns who had a turn, how many steps each, and who was left. */
  async function play(codes: readonly string[], costs: Readonly<Record<string, number>>, startsAt = 0, atOnce = 1) {
    let time = startsAt;
    const steps: Record<string, number> = {};
    const limits = { now: () => new Date(time), atOnce, roundMs: 30_000, turnMs: 10_000 };
    const left = await takeTurns(codes, limits, async (code, hasTime) => {
      do {
        steps[code] = (steps[code] ?? 0) + 1;
        time += 1_000;
      } while (steps[code] < (costs[code] ?? 1) && hasTime());
    });
    return { steps, left, order: Object.keys(steps).map(String) };
  }
  const codes = ['a', 'b', 'c', 'd'];

  it('go to everybody, and a backlog of one ends with its time', async () => {
    const { steps, left } = await play(codes, { a: 10_000 });
    expect(steps).toEqual({ a: 10, b: 1, c: 1, d: 1 });
    expect(left).toEqual([]);
  });

  it('begin with another municipality each minute', async () => {
    const orders = await Promise.all([0, 1, 2, 3, 4].map((minute) => play(codes, {}, minute * MINUTE)));
    expect(orders.map(({ order }) => order.join(''))).toEqual(['abcd', 'bcda', 'cdab', 'dabc', 'abcd']);
  });

  it('of those that a round does not reach are left over, never those that came first', async () => {
    const all = { a: 99, b: 99, c: 99, d: 99 };
    expect(await play(codes, all)).toMatchObject({ order: ['a', 'b', 'c'], left: ['d'] });
    expect(await play(['a'], all)).toMatchObject({ steps: { a: 10 }, left: [] });
    expect(await play([], {})).toMatchObject({ steps: {}, left: [] });
  });

  it('are taken by whoever is done, not by a slice that waits for its slowest', async () => {
    const begun: string[] = [];
    const slow = Promise.withResolvers<void>();
    const limits = { now: () => new Date(0), atOnce: 2, roundMs: 1_000, turnMs: 1_000 };
    const round = takeTurns(codes, limits, async (code) => {
      begun.push(code);
      if (code === 'a') await slow.promise;
    });
    await vi.waitFor(() => expect(begun).toEqual(codes));
    slow.resolve();
    expect(await round).toEqual([]);
  });

  it('are named by a message with the code of one municipality and nothing else', () => {
    const message = (body: unknown) => ({ Records: [{ body: JSON.stringify(body) }] });
    expect(municipalitiesNamed({})).toBeUndefined();
    expect(municipalitiesNamed(message({ municipality: '0630' }))).toEqual(['0630']);
    for (const body of [{ municipality: '630' }, { municipality: '0630', all: true }, {}, null]) {
      expect(() => municipalitiesNamed(message(body))).toThrow();
    }
  });
});

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

/** One delivery whose hint is lost. */
async function waiting(): Promise<Caller> {
  const at = await livline.freshMunicipality();
  await subscribe(livline, at);
  livline.takeStream();
  await createFamily(at);
  await livline.relay();
  livline.hints.length = 0;
  return at;
}

/** Ten thousand rows are due in one municipality: a hundred pages, each of which takes a second on the instance's clock. */
function backlogIn(store: Store, code: string, pages: { read: number }): Store {
  return wrappedStore(store, (send: Send) => (command) => {
    const input = command.input as { IndexName?: string };
    if (input.IndexName !== 'due' || !JSON.stringify(input).includes(`T#${code}#`)) return send(command);
    livline.advance(1);
    pages.read += 1;
    const key = (at: number) => `2026-11-20T08:00:00.000Z#other#${String(pages.read * 100 + at).padStart(6, '0')}`;
    const Items = Array.from({ length: 100 }, (_, at) => ({ pk: `T#${code}#X#${at}`, sk: 'A', dueSk: key(at) }));
    return Promise.resolve({ Items, ...(pages.read < 100 && { LastEvaluatedKey: Items.at(-1) }) });
  });
}

describe('the clock', () => {
  it('serves the others in the same round when 10,000 rows are due in one municipality', async () => {
    const ill = await waiting();
    const well = [await waiting(), await waiting()];
    livline.advance(120);
    const hints: DelayedHint[] = [];
    const pages = { read: 0 };
    const round = clockRound({
      store: backlogIn(livline.storeOf('clock'), ill.code, pages),
      sendHints: async (some) => void hints.push(...some),
      handOn: livline.handOn('clock'),
      now: livline.now,
    });
    const startedAt = livline.now().getTime();
    await round({}, LAMBDA);
    const served = hints.map(({ municipality }) => municipality);
    expect(served.toSorted()).toEqual(well.map(({ code }) => code).toSorted());
    expect(pages.read).toBe(15);
    // Lambda ends the function after 55 s.
    expect(livline.now().getTime() - startedAt).toBeLessThan(55_000);
  });
});

describe('a round', () => {
  it('of the clock may be handed on, as its role allows', async () => {
    await livline.handOn('clock')(['0630']);
    expect(livline.handedOn.pop()).toEqual({ to: 'clock', code: '0630' });
  });

  it('of the lifecycle hands on those that it does not reach, and a message about one serves it', async () => {
    const codes: string[] = [];
    for (let at = 0; at < 24; at += 1) codes.push((await livline.freshMunicipality()).code);
    livline.handedOn.length = 0;
    const served: string[] = [];
    const store = wrappedStore(livline.storeOf('lifecycle'), (send) => (command) => {
      const [, code] = /"pk":"M#(\d{4})"/.exec(JSON.stringify(command.input)) ?? [];
      // Each municipality takes ten seconds or more.
      if (code !== undefined) livline.advance(10);
      if (code !== undefined && !served.includes(code)) served.push(code);
      return send(command);
    });
    const handOn = livline.handOn('lifecycle');
    const round = lifecycleRound({ ...livline.leaving, store, handOn });
    await round({}, LAMBDA);
    const left = livline.handedOn.splice(0);
    expect(left.length).toBeGreaterThan(0);
    expect(left.every(({ to }) => to === 'lifecycle')).toBe(true);
    for (const { code } of left) {
      await round({ Records: [{ body: JSON.stringify({ municipality: code }) }] }, LAMBDA);
    }
    expect(served).toEqual(expect.arrayContaining(codes));
    expect(livline.handedOn).toEqual([]);
  }, 60_000);
});
