import { CloudEvent, HTTP } from 'cloudevents';
import { beforeAll, describe, expect, it } from 'vitest';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { makeCall } from '#test/support/examples.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

/** A webhook as the SDK of CloudEvents reads it, its rules enforced. */
function parsed({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }): CloudEvent<object> {
  const event = HTTP.toEvent<object>({ headers: { ...headers }, body });
  if (!(event instanceof CloudEvent)) throw new Error('One event was sent, not a batch');
  event.validate();
  return event;
}

describe('a webhook as it is sent', () => {
  it('is a CloudEvent in structured mode, which the SDK of CloudEvents accepts and reads as we wrote it', async () => {
    await subscribe(livline, at, 'receiver', { types: [], headers: { 'X-Api-Key': 'k' } });
    livline.takeStream();
    const familyId = await createFamily(at, 'Familien på Ærø “ved åen” 🌊');
    await makeCall(at, { familyId, caseRefs: [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }] });
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    const names = new Set<string>();
    for (const post of pipeline.received) {
      expect(HTTP.isEvent({ headers: { ...post.headers }, body: post.body })).toBe(true);
      const event = parsed(post);
      names.add(event.type);
      expect(event.id).toBe(post.headers['webhook-id']);
      // Written again by the SDK it is the same, member by member: nothing is of a form that it understands otherwise.
      const { body } = HTTP.structured(event);
      expect(JSON.parse(String(body))).toEqual(JSON.parse(post.body));
      expect(new Date(event.time ?? '').toISOString()).toBe(JSON.parse(post.body).time);
    }
    expect(names).toContain('dk.livline.family.created');
    expect(names.size).toBeGreaterThan(1);
  });

  it('as a ping too', async () => {
    const endpoint = await subscribe(livline, at);
    livline.posts.length = 0;
    await at.post(`/webhook-endpoints/${endpoint.id}/test`, undefined);
    const [post] = livline.posts;
    if (!post) throw new Error('Nothing was posted');
    expect(parsed(post)).toMatchObject({ type: 'dk.livline.webhook-endpoint.ping', subject: endpoint.id });
  });
});

describe('the feed', () => {
  it('has events that the SDK accepts one by one', async () => {
    await livline.relay();
    const { items } = (await at.get('/events')).body;
    expect(items.length).toBeGreaterThan(0);
    for (const item of items) expect(new CloudEvent(item, true).toJSON()).toEqual(item);
  });
});
