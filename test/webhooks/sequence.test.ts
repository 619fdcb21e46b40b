import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnyRow, contentOf, restore, rowsOf } from '#test/support/content.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { type Committed, type Pipeline, startPipeline } from '#test/support/pipeline.ts';

const SUBJECTS = 3;
const CHANGES = 3;

let livline: Livline;
let at: Caller;
let pipeline: Pipeline;
let unrelayed: AnyRow[];
/** What was committed, in that order. */
let commits: Committed[];

/** Changes of several objects, mixed, none of them relayed. */
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  pipeline = startPipeline(livline, at.code);
  const ids: string[] = [];
  for (let subject = 0; subject < SUBJECTS; subject += 1) {
    const family = { alias: `Family ${subject}`, kind: 'almen' };
    ids.push((await at.post('/families', family)).body.id);
  }
  for (let version = 1; version < CHANGES; version += 1) {
    for (const id of ids) await at.patch(`/families/${id}`, { capacity: version }, version);
    // The machines' clocks disagree: a later commit may carry an earlier time.
    livline.advance(version % 2 === 0 ? 60 : -30);
  }
  commits = livline.takeStream();
  unrelayed = await contentOf(livline.store);
});

beforeEach(() => restore(livline.store, unrelayed));

/** The events in the order of their numbers. Fails where a number is missing, given twice or given to none. */
async function numbered(): Promise<string[]> {
  const events = await rowsOf(livline.store, at.code, 'event');
  const ordered = events.toSorted((a, b) => a['sequence'] - b['sequence']);
  expect(ordered.map(({ sequence }) => sequence)).toEqual(commits.map((_, place) => place + 1));
  return ordered.map(({ eventId }) => eventId);
}

const objectOf = new Map<string, string>();
/** The events of the object of this one, in the order in which they were committed. */
function historyOf(eventId: string): string[] {
  for (const row of unrelayed) if (row['type'] === 'event') objectOf.set(row['eventId'], row['objectId']);
  return commits.map((commit) => commit.eventId).filter((id) => objectOf.get(id) === objectOf.get(eventId));
}

/** The order that batches one after another give, slowly and obviously: whatever came before of an object goes first. */
function obviousOrder(batches: readonly (readonly Committed[])[]): string[] {
  const order: string[] = [];
  for (const { eventId } of batches.flat()) {
    const history = historyOf(eventId);
    for (const earlier of history.slice(0, history.indexOf(eventId) + 1)) {
      if (!order.includes(earlier)) order.push(earlier);
    }
  }
  return order;
}

/** Batches as a stream may bring them: in any order, some more than once, and in the end all. */
const batches = () =>
  fc
    .tuple(fc.array(fc.shuffledSubarray(commits, { minLength: 1 }), { maxLength: 3 }), fc.shuffledSubarray(commits))
    .map(([some, rest]) => [...some, rest, commits.toReversed()]);

const runs = { numRuns: 5, beforeEach: () => restore(livline.store, unrelayed) };
const property = fc.asyncProperty;

describe('the sequence', () => {
  it('is 1, 2, 3 … in the order of commit when the stream keeps it', async () => {
    await pipeline.relay(commits);
    expect(await numbered()).toEqual(commits.map(({ eventId }) => eventId));
  });

  it('follows each object through its versions in whatever order the stream brings them', async () => {
    await fc.assert(
      property(batches(), async (some) => {
        for (const batch of some) await pipeline.relay(batch);
        expect(await numbered()).toEqual(obviousOrder(some));
      }).beforeEach(runs.beforeEach),
      { numRuns: runs.numRuns },
    );
  });

  it('has no hole and no double, and keeps each object in order, however many relays run at once', async () => {
    const small = fc.shuffledSubarray(commits, { minLength: 1, maxLength: 3 });
    await fc.assert(
      property(fc.array(small, { minLength: 2, maxLength: 6 }), async (some) => {
        const answers = await Promise.all(some.map((batch) => pipeline.relay(batch)));
        expect(answers.flatMap(({ batchItemFailures }) => batchItemFailures)).toEqual([]);
        await pipeline.relay(commits.toReversed());
        const order = await numbered();
        for (const id of order) {
          const history = historyOf(id);
          expect(order.filter((other) => history.includes(other))).toEqual(history);
        }
      }).beforeEach(runs.beforeEach),
      { numRuns: runs.numRuns },
    );
  });

  it('relays what came before an event although the stream has not brought it yet', async () => {
    const last = commits.at(-1) as Committed;
    await pipeline.relay([last]);
    const events = await rowsOf(livline.store, at.code, 'event');
    const history = historyOf(last.eventId);
    const found = events.filter(({ sequence }) => sequence !== undefined);
    expect(found.toSorted((a, b) => a['sequence'] - b['sequence']).map(({ eventId }) => eventId)).toEqual(history);
    // And relays it: on an ordered endpoint nothing may overtake what came before it.
    expect(found.filter(({ duePk }) => duePk !== undefined)).toEqual([]);
  });

  it('is counted in each municipality for itself', async () => {
    const other = await livline.freshMunicipality();
    const both = [...commits, ...livline.takeStream()];
    await pipeline.relay(both.toReversed());
    await numbered();
    const events = await rowsOf(livline.store, other.code, 'event');
    expect(events.map(({ name, sequence }) => [name, sequence])).toEqual([['municipality.provisioned', 1]]);
  });
});
