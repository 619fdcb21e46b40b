import { beforeAll, describe, expect, it } from 'vitest';
import { findMunicipality } from '#shared/register/register.ts';
import { type AnyRow, rowsOf } from '#test/support/content.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { writesIn } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const family = { alias: 'Familien ved åen', kind: 'almen', careForms: ['doegn'], capacity: 2 };

/** What a municipality committed so far, as its feed shows it. */
async function eventsOf(at: Caller): Promise<AnyRow[]> {
  await livline.relay();
  return (await at.get('/events', { limit: '200' })).body.items;
}

const namesOf = async (at: Caller): Promise<string[]> =>
  (await eventsOf(at)).map(({ type }) => String(type).replace('dk.livline.', ''));

describe('a CloudEvent', () => {
  it('says what happened to which object, by whom and where to read it, with names of fields and no value', async () => {
    const at = await livline.freshMunicipality();
    const caseRefs = [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }];
    const { body: created } = await at.post('/families', { ...family, caseRefs });
    livline.advance(60);
    await at.patch(`/families/${created.id}`, { capacity: 3, pressure: 'high' }, 1);

    const [, creation, change] = await eventsOf(at);
    const common = {
      specversion: '1.0',
      source: `urn:oio:cvr-nr:${findMunicipality(at.code)?.cvr}`,
      subject: created.id,
      datacontenttype: 'application/json',
    };
    const data = {
      objectType: 'family',
      objectId: created.id,
      actor: { kind: 'client', id: at.clientId },
      caseRefs,
      href: `v1/municipalities/${at.code}/families/${created.id}`,
    };
    expect(creation).toEqual({
      ...common,
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      type: 'dk.livline.family.created',
      time: created.createdAt,
      sequence: '000000000002',
      data: { ...data, action: 'created', registeredAt: created.createdAt, changed: [] },
    });
    const later = livline.now().toISOString();
    expect(change).toEqual({
      ...common,
      id: expect.not.stringContaining(creation?.['id']),
      type: 'dk.livline.family.updated',
      time: later,
      sequence: '000000000003',
      data: { ...data, action: 'updated', registeredAt: later, changed: ['capacity', 'pressure'] },
    });
  });

  it('holds no name, CPR number, telephone, secret or free text of the record', async () => {
    const at = await livline.freshMunicipality();
    livline.advance(1);
    const { body: endpoint } = await at.post('/webhook-endpoints', {
      url: 'https://sag.planted-url.dk/',
      description: 'Planted description',
    });
    const { body: one } = await at.post('/families', {
      ...family,
      alias: 'Planted alias',
      skills: ['Planted skill'],
      outsideWork: 'Planted work',
      adults: [{ name: 'Planted Name', cpr: '610203-4567', phone: '+45 12 34 56 78', email: 'planted@example.dk' }],
    });
    const { body: line } = await at.post('/helplines', {
      name: 'Planted line',
      phone: '70 10 20 30',
      openFrom: '2019-11-01',
      promisedHours: '24/7',
    });
    await at.post(
      '/calls',
      {
        helplineId: line.id,
        receivedAt: '2026-11-19T22:14:00Z',
        callerKind: 'foster_family',
        topic: 'conflict',
        severity: 2,
        outcome: 'Planted outcome',
        note: 'Planted note',
        callerPhone: '12345678',
      },
      { 'idempotency-key': 'planted-key' },
    );
    await at.post('/supervision-sessions', {
      form: 'individual',
      familyId: one.id,
      at: '2026-11-19T09:00:00Z',
      minutes: 60,
      summary: 'Planted summary',
      reflection: 'Planted reflection',
    });
    await at.status(`/families/${one.id}`, 1, { status: 'closed', reason: 'Planted reason' });

    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    await pipeline.drain();
    expect(pipeline.received).toHaveLength(6);
    const sent = pipeline.received.map(({ headers, body }) => JSON.stringify(headers) + body).join('\n');
    expect(sent).toContain(`"${one.id}"`);
    expect(sent).not.toMatch(/planted|6102034567|610203-4567|1234 ?5678|12 34 56 78|70 ?10 ?20 ?30/i);
    expect(sent).not.toContain(endpoint.secret.slice('whsec_'.length));
  });

  it('is below 20 KB however much there is to tell', async () => {
    const at = await livline.freshMunicipality();
    const reference = { system: '字'.repeat(50), caseId: '字'.repeat(100), caseNumber: '字'.repeat(100) };
    let most = 100;
    const send = () => at.post('/families', { ...family, caseRefs: Array(most).fill(reference) });
    let reply = await send();
    while (reply.status === 422 && most > 0) {
      most -= 1;
      reply = await send();
    }
    expect(reply.status).toBe(201);
    await at.patch(
      `/families/${reply.body.id}`,
      {
        ...{ alias: 'Other', kind: 'forstaerket', careForms: ['stoetteophold'], fosteringSince: '2020-01-01' },
        ...{
          residence: '0101',
          capacity: 1,
          skills: ['x'],
          pressure: 'high',
          socialtilsyn: 'syd',
          tilbudsportalId: '1',
        },
        ...{ outsideWork: 'x', adults: [{ name: 'x' }], externalId: 'x' },
      },
      1,
    );
    const [, , change] = await eventsOf(at);
    expect(change?.['data'].changed.length).toBeGreaterThan(12);
    expect(Buffer.byteLength(JSON.stringify(change))).toBeLessThan(20_000);
  });

  it('is the same bytes in the feed, at two endpoints and in two attempts', async () => {
    const at = await livline.freshMunicipality();
    for (const name of ['a', 'b']) {
      await at.post('/webhook-endpoints', { url: `https://${name}.example.dk/`, types: ['family.*'] });
    }
    await at.post('/families', { ...family, caseRefs: [{ system: 'D"UBU\u2028', caseId: '\\' }] });
    const pipeline = startPipeline(livline, at.code);
    const seen = new Set<string>();
    pipeline.answer(({ url }) => ({ status: seen.size < seen.add(url).size ? 500 : 204, durationMs: 1 }));
    await pipeline.relayFresh();
    await pipeline.untilQuiet();

    expect(pipeline.received.map(({ url }) => new URL(url).hostname).sort()).toEqual(
      ['a', 'a', 'b', 'b'].map((name) => `${name}.example.dk`),
    );
    const [body, ...others] = new Set(pipeline.received.map((post) => post.body));
    expect(others).toEqual([]);
    expect((await at.get('/events')).text).toContain(body);
  });
});

describe('a commit', () => {
  it('writes the record, what agrees with it and its event in one transaction, and nothing else', async () => {
    const at = await livline.freshMunicipality();
    const requests = await livline.requestsOf(() => at.post('/families', family));
    const writes = writesIn(requests);
    expect(writes.map(({ command }) => command)).toEqual(['TransactWriteItems']);
    const items = writes[0]?.input.TransactItems.map(({ Put }: AnyRow) => Put.Item.type);
    expect(items.sort()).toEqual(['event', 'families', 'family-overviews', 'person-key']);
  });

  it('leaves an event for each kind of change, by the name that the domain gives it', async () => {
    const at = await livline.freshMunicipality();
    const { id } = (await at.post('/families', family)).body;
    await at.patch(`/families/${id}`, { capacity: 3 }, 1);
    let version = 2;
    for (const status of ['in_training', 'approved', 'active', 'paused', 'suspended', 'closed']) {
      await at.status(`/families/${id}`, version, { status, reason: 'Because' });
      version += 1;
    }
    const { body: line } = await at.post('/helplines', {
      name: 'Akuttelefonen',
      phone: '70102030',
      openFrom: '2019-11-01',
      promisedHours: '24/7',
    });
    const { body: staff } = await at.post('/consultants', { name: 'K', kind: 'familiekonsulent', employer: 'E' });
    const { body: shift } = await at.post('/shifts', {
      helplineId: line.id,
      staffId: staff.id,
      startsAt: '2026-11-23T07:00:00Z',
      endsAt: '2026-11-23T15:00:00Z',
    });
    await at.remove(`/shifts/${shift.id}`, 1);
    await at.put('/families/external/municipal/F-1', family);
    await at.put('/families/external/municipal/F-1', { ...family, capacity: 1 });

    expect(await namesOf(at)).toEqual([
      'municipality.provisioned',
      ...['created', 'updated', 'updated', 'approved', 'activated', 'paused', 'suspended', 'closed'].map(
        (name) => `family.${name}`,
      ),
      'helpline.created',
      'consultant.created',
      'shift.created',
      'shift.deleted',
      'family.created',
      'family.updated',
    ]);
    const actions = (await eventsOf(at)).map(({ data }) => data.action);
    expect(actions.filter((action) => action === 'ended')).toHaveLength(1);
    expect(actions.filter((action) => action === 'deleted')).toHaveLength(1);
  });

  it('that is refused, or changes nothing, or is asked for twice leaves no event', async () => {
    const at = await livline.freshMunicipality();
    const key = { 'idempotency-key': 'once' };
    const { id } = (await at.post('/families', family, key)).body;
    const before = await rowsOf(livline.store, at.code, 'event');
    const answers = [
      await at.post('/families', family, key),
      await at.patch(`/families/${id}`, { capacity: 2 }, 1),
      await at.patch(`/families/${id}`, { capacity: 99 }, 1),
      await at.patch(`/families/${id}`, { capacity: 1 }, 7),
      await at.status(`/families/${id}`, 1, { status: 'active' }),
      await at.post('/calls', { helplineId: id, receivedAt: '2026-11-19T22:14:00Z', callerKind: 'child' }),
      await at.withScopes('families:read').post('/families', family),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 422, 412, 409, 422, 403]);
    expect(await rowsOf(livline.store, at.code, 'event')).toEqual(before);
  });
});
