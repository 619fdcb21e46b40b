import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '#test/support/content.ts';
import { createFamily } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';

let livline: Livline;
let at: Caller;
/** The subjects of the events: the municipality, then two families, then a consultant. */
let subjects: string[];

beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  const consultant = { name: 'K', kind: 'familiekonsulent', employer: 'E' };
  subjects = [at.code, await createFamily(at), await createFamily(at)];
  subjects.push((await at.post('/consultants', consultant)).body.id);
  await livline.relay();
});

const subjectsOf = ({ body }: { body: { items: { subject: string }[] } }): string[] =>
  body.items.map(({ subject }) => subject);

describe('GET /events', () => {
  it('shows every event from the first on, in order, and where to go on', async () => {
    const page = await at.get('/events');
    expect(page.status).toBe(200);
    expect(subjectsOf(page)).toEqual(subjects);
    expect(page.body.next).toBe(4);
  });

  it('shows a client the events about objects whose type it may read, and all of them with audit:read', async () => {
    const page = await at.withScopes('events:read', 'families:read').get('/events');
    // News of the municipality itself is for whoever reads events.
    expect(subjectsOf(page)).toEqual(subjects.slice(0, 3));
    expect(page.body.next).toBe(4);
    expect(subjectsOf(await at.withScopes('events:read').get('/events'))).toEqual(subjects.slice(0, 1));
    expect(subjectsOf(await at.withScopes('events:read', 'audit:read').get('/events'))).toEqual(subjects);
  });

  it('goes on after a sequence, with or without its zeros, and stays where it is when there is no more', async () => {
    for (const after of ['2', '000000000002']) {
      expect(subjectsOf(await at.get('/events', { after }))).toEqual(subjects.slice(2));
    }
    expect((await at.get('/events', { after: '4' })).body).toEqual({ items: [], next: 4 });
    expect((await at.get('/events', { after: '900' })).body).toEqual({ items: [], next: 900 });
  });

  it('gives each event once to whoever follows next, however small the pages', async () => {
    const seen: string[] = [];
    let after = 0;
    for (;;) {
      const page = await at.get('/events', { after: String(after), limit: '1' });
      if (page.body.next === after) break;
      seen.push(...subjectsOf(page));
      after = page.body.next;
    }
    expect(seen).toEqual(subjects);
  });

  it.each([
    ['family.*', [1, 2]],
    ['dk.livline.consultant.created, municipality.*', [0, 3]],
    ['*', [0, 1, 2, 3]],
    ['call.received', []],
  ])('shows the types %s alone, and goes on behind what it left out', async (types, places) => {
    const page = await at.get('/events', { types });
    expect(subjectsOf(page)).toEqual(places.map((place) => subjects[place]));
    expect(page.body.next).toBe(4);
  });

  it('has no empty page between two with the asked types: it reads on, ten times its limit at most', async () => {
    const other = await livline.freshMunicipality();
    const id = await createFamily(other);
    for (let version = 1; version <= 24; version += 1)
      await other.patch(`/families/${id}`, { capacity: 3 + (version % 2) }, version);
    const last = await createFamily(other);
    await livline.relay();
    const query = { types: 'family.created', limit: '2' };
    const first = await other.get('/events', query);
    expect([subjectsOf(first), first.body.next, first.body.more]).toEqual([[id], 20, true]);
    expect(first.headers['link']).toBe('<?types=family.created&limit=2&after=20>; rel="next"');
    const second = await other.get('/events', { ...query, after: String(first.body.next) });
    expect(subjectsOf(second)).toEqual([last]);
    expect([second.body.next, second.body.more, second.headers['link']]).toEqual([27, undefined, undefined]);
  });

  it('ends a page before a number that the index does not show yet', async () => {
    const other = await livline.freshMunicipality();
    const [first, second, third] = [await createFamily(other), await createFamily(other), await createFamily(other)];
    await livline.relay();
    const events = await rowsOf(livline.store, other.code, 'event');
    const lagging = events.find(({ objectId }) => objectId === second);
    if (!lagging) throw new Error('No event');
    const { pk, sk, listPk, listSk } = lagging;
    const update = (UpdateExpression: string, values?: Record<string, unknown>) =>
      livline.store.client.send(
        new UpdateCommand({
          TableName: livline.store.tableName,
          Key: { pk, sk },
          UpdateExpression,
          ...(values && { ExpressionAttributeValues: values }),
        }),
      );
    await update('REMOVE listPk, listSk');
    const page = await other.get('/events', { after: '1' });
    expect(subjectsOf(page)).toEqual([first]);
    expect(page.body.next).toBe(2);
    expect((await other.get('/events', { after: '2' })).body).toEqual({ items: [], next: 2 });
    await update('SET listPk = :pk, listSk = :sk', { ':pk': listPk, ':sk': listSk });
    expect(subjectsOf(await other.get('/events', { after: String(page.body.next) }))).toEqual([second, third]);
  });

  it('shows nothing that is committed but has no number yet', async () => {
    const other = await livline.freshMunicipality();
    await createFamily(other);
    expect((await other.get('/events')).body).toEqual({ items: [], next: 0 });
    await livline.relay();
    expect((await other.get('/events')).body.items).toHaveLength(2);
  });

  it('shows a municipality its own events alone', async () => {
    const other = await livline.freshMunicipality();
    await livline.relay();
    expect(subjectsOf(await other.get('/events'))).toEqual([other.code]);
    expect((await at.at(other.code).get('/events')).status).toBe(404);
  });

  it('needs the scope events:read', async () => {
    expect((await at.withScopes('families:read', 'webhooks:read').get('/events')).status).toBe(403);
    expect((await at.withScopes('events:read').get('/events')).status).toBe(200);
  });

  it.each([
    ['after', '-1'],
    ['after', 'first'],
    ['after', '1.5'],
    ['after', '9'.repeat(30)],
    ['limit', '0'],
    ['limit', '201'],
    ['limit', 'all'],
    ['types', 'Family.created'],
    ['types', 'family'],
    ['types', 'family.*,family.*'],
    ['types', `${'x'.repeat(200)}.*`],
    ['from', '1'],
  ])('refuses %s=%s and says where', async (name, value) => {
    const { status, body } = await at.get('/events', { [name]: value });
    expect(status).toBe(422);
    expect(body.errors[0].pointer).toMatch(new RegExp(`^/query/${name}`));
  });
});
