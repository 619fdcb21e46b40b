import { beforeAll, describe, expect, it, vi } from 'vitest';
import { contentOf, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { poisoned, wrappedStore } from '#test/support/wrapped-store.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

/** A municipality with an endpoint for the family's events, and its workers. */
async function subscribed() {
  const at = await livline.freshMunicipality();
  const endpoint = await subscribe(livline, at);
  return { at, endpoint, pipeline: startPipeline(livline, at.code) };
}

const objectsOf = (received: readonly { body: string }[]): string[] =>
  received.map(({ body }) => JSON.parse(body).subject);

describe('the relay', () => {
  it('changes nothing when it runs a second time', async () => {
    const { at, pipeline } = await subscribed();
    await createFamily(at);
    const commits = livline.takeStream();
    await pipeline.relay(commits);
    const once = await contentOf(livline.store);
    await pipeline.relay(commits);
    expect(await contentOf(livline.store)).toEqual(once);
    expect(once.filter(({ type, pk }) => type === 'delivery' && pk.includes(at.code))).toHaveLength(1);
  });

  it('makes one POST of records that come twice, in another order and again a day later', async () => {
    const { at, pipeline } = await subscribed();
    const families = [await createFamily(at), await createFamily(at)];
    const commits = livline.takeStream();
    await pipeline.relay([...commits, ...commits.toReversed()]);
    await pipeline.relay(commits.toReversed());
    await pipeline.drain();
    livline.advance(86_000);
    await pipeline.relay(commits);
    await pipeline.untilQuiet();
    expect(objectsOf(pipeline.received)).toEqual(families);
  });

  it('sends an event to the endpoints that were there when it happened, and no other', async () => {
    const { at, pipeline } = await subscribed();
    const early = await createFamily(at, 'Before');
    livline.advance(1);
    await subscribe(livline, at, 'latecomer');
    const late = await createFamily(at, 'After');
    await pipeline.relayFresh();
    await pipeline.drain();
    const seenBy = (host: string) => objectsOf(pipeline.received.filter(({ url }) => url.includes(host)));
    expect(seenBy('receiver').sort()).toEqual([early, late].sort());
    expect(seenBy('latecomer')).toEqual([late]);
  });

  it('sends each endpoint the types of events that it asked for, and every one where it asked for none', async () => {
    const at = await livline.freshMunicipality();
    const wanted: [types: string[], names: string[]][] = [
      [['family.*'], ['family.created', 'family.updated']],
      [['family.updated'], ['family.updated']],
      [
        ['dk.livline.family.created', 'consultant.*'],
        ['family.created', 'consultant.created'],
      ],
      [['*'], ['family.created', 'family.updated', 'consultant.created']],
      [[], ['family.created', 'family.updated', 'consultant.created']],
      [['fam.*', 'family.create'], []],
    ];
    for (const [place, [types]] of wanted.entries()) await subscribe(livline, at, `receiver-${place}`, { types });
    livline.takeStream();
    const id = await createFamily(at);
    await at.patch(`/families/${id}`, { capacity: 1 }, 1);
    await at.post('/consultants', { name: 'K', kind: 'familiekonsulent', employer: 'E' });
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    const seen = wanted.map(([types], place) => {
      const mine = pipeline.received.filter(({ url }) => url.includes(`receiver-${place}.`));
      return [types, mine.map(({ body }) => JSON.parse(body).type.replace('dk.livline.', ''))];
    });
    expect(seen).toEqual(wanted);
  });

  it('holds back what happens while an endpoint is disabled, and drops none of it', async () => {
    const { at, endpoint, pipeline } = await subscribed();
    await at.patch(`/webhook-endpoints/${endpoint.id}`, { disabled: true }, 1);
    await createFamily(at);
    await pipeline.relayFresh();
    await pipeline.untilQuiet();
    expect(pipeline.received).toEqual([]);
    const deliveries = await rowsOf(livline.store, at.code, 'delivery');
    expect(deliveries.map(({ view }) => [view.status, view.attempts])).toEqual([['held', 0]]);
  });

  it("never shows a municipality's endpoint the events of another", async () => {
    const both = [await livline.freshMunicipality(), await livline.freshMunicipality()];
    const families: string[] = [];
    for (const at of both) {
      await subscribe(livline, at, `m${at.code}`);
      families.push(await createFamily(at));
    }
    // In one batch and one queue, as the stream brings them.
    livline.posts.length = 0;
    await livline.relay();
    await livline.deliverAll();
    const seen = livline.posts.map(({ url, body }) => [new URL(url).hostname, JSON.parse(body).subject]);
    expect(seen.sort()).toEqual(both.map((at, place) => [`m${at.code}.example.dk`, families[place]]).sort());
  });

  it('isolates the poisoned records of a hundred: the others are on their way at once, those are reported', async () => {
    const { at, pipeline } = await subscribed();
    livline.takeStream();
    for (let batch = 0; batch < 10; batch += 1) {
      await Promise.all(Array.from({ length: 10 }, () => createFamily(at)));
    }
    const commits = livline.takeStream();
    const bad = commits[50]?.eventId as string;
    // Whatever touches this one row fails, as for an item that has grown too large.
    const workers = pipeline.workers({ around: (store) => wrappedStore(store, poisoned(bad)) });
    const output = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const unreadable = { municipality: 'Hedensted', eventId: 'evt_unreadable' };
    const answer = await workers.relay([...commits, unreadable]);
    const logged = output.mock.calls.map(([line]) => String(line)).join('');
    output.mockRestore();

    const failed = answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    expect(failed.sort()).toEqual(['seq-evt_unreadable', `seq-${bad}`].sort());
    expect(logged).toContain('"PoisonRecords":1');
    const hinted = () => pipeline.queue.map(({ hint }) => hint.eventId);
    const good = commits.map(({ eventId }) => eventId).filter((eventId) => eventId !== bad);
    expect(hinted()).toEqual(good);

    await pipeline.relay(commits);
    expect(hinted()).toEqual([...good, bad]);
    const rows = await rowsOf(livline.store, at.code, 'event');
    const events = rows.filter(({ name }) => name === 'family.created');
    const numbers = events.map(({ sequence }) => Number(sequence)).sort((a, b) => a - b);
    expect(numbers).toEqual(events.map((_, place) => place + 1));
    expect(events.find(({ eventId }) => eventId === bad)?.['sequence']).toBe(100);
  });
});
