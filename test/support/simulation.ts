import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { derivedId } from '#shared/ids.ts';
import { deliveryKey, encodeKey } from '#shared/table/keys.ts';
import type { Delivery } from '#shared/webhooks/deliveries.ts';
import type { PostRequest, PostResult } from '#shared/webhooks/egress.ts';
import type { DelayedHint } from '#shared/webhooks/hints.ts';
import { contentOf } from './content.ts';
import { createFamily, type Endpoint, subscribe } from './endpoints.ts';
import type { Caller, Livline } from './livline.ts';
import { mortal } from './mortal.ts';
import { type Committed, type Parts, startPipeline } from './pipeline.ts';

/** Numbers from 0 up to 1 that a seed always gives again (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TAKEN: PostResult = { status: 204, durationMs: 1 };
/** What a receiver in trouble answers. */
const TROUBLES: readonly PostResult[] = [
  { status: 500, durationMs: 1 },
  { status: 503, retryAfter: '300', durationMs: 1 },
  { error: 'CONNECT_REFUSED', durationMs: 1 },
  { error: 'TIMEOUT', durationMs: 20_000 },
  { status: 410, durationMs: 1 },
];
const STEPS = 40;
/** Calls to the world that a worker makes at most before it may die. */
const LONGEST_LIFE = 9;

interface Posted {
  readonly endpoint: string;
  readonly event: { readonly id: string; readonly subject: string; readonly sequence: string };
  readonly taken: boolean;
}

/** Says what is wrong, or nothing: the promises of the pipeline as one run of it kept them. */
export interface Outcome {
  readonly faults: readonly string[];
  readonly posts: number;
  readonly crashes: number;
}

/**
 * One schedule of the real workers over the real table. Events are committed at random moments; the stream brings them
 * once, twice or never; hints are dropped, doubled and taken in any order; receivers are in trouble; time jumps; workers
 * die after any of their calls. Then everything is well again, and nothing may be missing.
 */
export async function simulate(livline: Livline, at: Caller, seed: number): Promise<Outcome> {
  const random = randomOf(seed);
  const chance = (share: number) => random() < share;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

  const pipeline = startPipeline(livline, at.code);
  const endpoints: (Endpoint & { ordered: boolean })[] = [];
  for (let number = 0; number <= Math.floor(random() * 3); number += 1) {
    const ordered = chance(0.5);
    const fields = { types: ['family.*'], ordered };
    endpoints.push({ ...(await subscribe(livline, at, `receiver-${number}`, fields)), ordered });
  }

  const faults: string[] = [];
  const posted: Posted[] = [];
  let troubled = true;
  let crashes = 0;

  /** The delivery that a POST is made for, as it stands in the table at that moment. */
  async function deliveryOf(endpointId: string, eventId: string): Promise<Delivery | undefined> {
    const { pk, sk } = deliveryKey(derivedId('dlv', at.code, eventId, endpointId));
    const { client, tableName } = livline.store;
    const Key = { pk: encodeKey(['T', at.code, ...pk]), sk: encodeKey(sk) };
    const { Item } = await client.send(new GetCommand({ TableName: tableName, Key, ConsistentRead: true }));
    return Item && (JSON.parse(Item['view']) as Delivery);
  }

  const post = async ({ url, body }: PostRequest): Promise<PostResult> => {
    const endpoint = endpoints.find((each) => each.url === url)?.id ?? '';
    const event = JSON.parse(body) as Posted['event'];
    const delivery = await deliveryOf(endpoint, event.id);
    if (delivery?.status !== 'in_flight') faults.push(`POST of ${event.id} while ${delivery?.status}`);
    if (delivery && delivery.notBefore > livline.now().toISOString())
      faults.push(`POST of ${event.id} before its time`);
    const result = troubled && chance(0.5) ? pick(TROUBLES) : TAKEN;
    posted.push({ endpoint, event, taken: result === TAKEN });
    return result;
  };
  const sendHints: Parts['sendHints'] = async (hints) => {
    for (const hint of hints) {
      if (troubled && chance(0.25)) continue;
      await pipeline.parts.sendHints(troubled && chance(0.2) ? [hint, hint] : [hint]);
    }
  };
  const whole = pipeline.workers({ post, sendHints });

  /** Runs something with workers of which, in trouble, half die on the way. */
  async function work(run: (workers: typeof whole) => Promise<unknown>): Promise<void> {
    if (!troubled || chance(0.5)) {
      await run(whole);
      return;
    }
    const life = mortal(Math.floor(random() * LONGEST_LIFE));
    const parts = { around: life.store, post: life.guard(post), sendHints: life.guard(sendHints) };
    await run(pipeline.workers(parts)).catch(() => undefined);
    if (await life.over()) crashes += 1;
  }

  const families: { id: string; version: number }[] = [];
  const streamed: Committed[] = [];
  const everHinted: DelayedHint[] = [];

  async function commit(): Promise<void> {
    if (families.length === 0 || chance(0.4)) families.push({ id: await createFamily(at), version: 1 });
    else {
      const family = pick(families);
      const { status } = await at.patch(`/families/${family.id}`, { capacity: family.version % 10 }, family.version);
      if (status === 200) family.version += 1;
    }
    streamed.push(...livline.takeStream().filter(({ municipality }) => municipality === at.code));
  }

  const steps = [
    commit,
    () => work((workers) => workers.relay(streamed.filter(() => chance(0.5)))),
    () => work((workers) => workers.clock()),
    async () => livline.advance(Math.floor(random() * (chance(0.2) ? 3_600 : 30))),
    async () => {
      const due = pipeline.queue.filter((message) => message.at <= livline.now().getTime());
      const some = due.filter(() => chance(0.6)).sort(() => random() - 0.5);
      for (const message of some) {
        pipeline.queue.splice(pipeline.queue.indexOf(message), 1);
        everHinted.push(message.hint);
      }
      await Promise.all(some.map(({ hint }) => work((workers) => workers.deliver(hint))));
    },
  ];
  for (let step = 0; step < STEPS; step += 1) await pick([...steps, steps[4] as (typeof steps)[4]])();

  troubled = false;
  livline.advance(1);
  await pipeline.untilQuiet(whole, 2_000);
  for (const { id } of endpoints) {
    await at.post(`/webhook-endpoints/${id}/enable`, { recover: { since: '2026-01-01T00:00:00Z' } });
  }
  await pipeline.untilQuiet(whole, 2_000);

  const feed = (await at.get('/events', { types: 'family.*', limit: '200' })).body.items as Posted['event'][];
  const all = (await at.get('/events', { limit: '200' })).body.items as Posted['event'][];
  if (all.some(({ sequence }, place) => Number(sequence) !== place + 1)) faults.push('the sequence has a hole');
  for (const { id, ordered } of endpoints) {
    const taken = posted.filter(({ endpoint, taken }) => taken && endpoint === id).map(({ event }) => event);
    const missing = feed.filter((event) => !taken.some((other) => other.id === event.id));
    if (missing.length > 0) faults.push(`${missing.length} of ${feed.length} events never reached an endpoint`);
    if (!ordered) continue;
    const seen = new Map<string, number>();
    for (const event of new Map(taken.map((each) => [each.id, each])).values()) {
      if (Number(event.sequence) < (seen.get(event.subject) ?? 0)) faults.push(`${event.id} was overtaken`);
      seen.set(event.subject, Number(event.sequence));
    }
  }

  const before = { content: JSON.stringify(await contentOf(livline.store)), posts: posted.length };
  await whole.relay(streamed);
  for (const hint of everHinted) await whole.deliver(hint);
  await pipeline.drain(whole);
  await whole.clock();
  if (JSON.stringify(await contentOf(livline.store)) !== before.content) faults.push('a rerun changed the table');
  if (posted.length !== before.posts) faults.push('a rerun posted again');
  return { faults, posts: posted.length, crashes };
}
