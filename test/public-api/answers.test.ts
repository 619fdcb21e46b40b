import { beforeAll, describe, expect, test } from 'vitest';
import { documentedOperations as served } from '#infra/openapi/operations.ts';
import { RESOURCES } from '#shared/resources/registry.ts';
import { setStatus } from '#test/support/endpoints.ts';
import { MAKERS, makeCall, makeFamily, makeInboxMessage, PROGRAMME } from '#test/support/examples.ts';
import { type Caller, type Livline, type Reply, startLivline } from '#test/support/livline.ts';
import { documentedOperations } from '#test/support/openapi.ts';
import { collectionAt, pathOf } from '#test/support/records.ts';

/** What the functions really answer is what the document says. */
let livline: Livline;
let caller: Caller;
beforeAll(async () => {
  livline = await startLivline();
  caller = await livline.freshMunicipality();
});

/** Headers that come only in some answers of the documented status. */
const SOMETIMES = new Set(['Idempotency-Replayed', 'Link']);

/** Expects the status, the body and the headers that the document promises for the operation. */
function expectDocumented(id: string, reply: Reply): void {
  const operation = served().find((each) => each.id === id);
  if (!operation) throw new Error(`There is no operation ${id}`);
  expect(reply.status).toBe(operation.success.status);
  expect(operation.success.body?.().safeParse(reply.body).error?.issues ?? []).toEqual([]);
  const [, documented] = documentedOperations.find(([, { operationId }]) => operationId === id) ?? [];
  const headers = Object.keys(documented?.responses[reply.status]?.headers ?? {});
  expect(Object.keys(reply.headers)).toEqual(
    expect.arrayContaining(headers.filter((name) => !SOMETIMES.has(name)).map((name) => name.toLowerCase())),
  );
}

describe('the record', () => {
  test.each(RESOURCES.map((resource) => [resource.path, resource] as const))('%s', async (path, resource) => {
    const { name, machine, deletable } = resource;
    const made = await MAKERS[path]?.(caller);
    const collection = collectionAt(resource, made);
    const one = pathOf(resource, made);
    const external = `${collection}/external/municipal/${path}-1`;
    const input = Object.keys(resource.fields()).filter((field) => field in made);

    expectDocumented(`get-${name}`, await caller.get(one));
    expectDocumented(`list-${path}`, await caller.get(collection));
    expectDocumented(`update-${name}`, await caller.patch(one, { externalId: `${path}-1` }, made.version));
    expectDocumented(`get-${name}-by-external-id`, await caller.get(external));
    const replacement = Object.fromEntries(input.map((field) => [field, made[field]]));
    expectDocumented(`upsert-${name}`, await caller.put(external, replacement));
    const { version } = (await caller.get(one)).body;
    const [status] = machine?.steps[made.status] ?? [];
    const reason = machine?.reasonFor?.includes(String(status)) && { reason: 'Som aftalt' };
    // Another client than the one that set a hold lifts it.
    const by = path === 'legal-holds' ? (await livline.freshPartner('afgoer', [caller.code]))(caller.code) : caller;
    if (status) expectDocumented(`change-${name}-status`, await by.status(one, version, { status, ...reason }));
    if (deletable) expectDocumented(`delete-${name}`, await caller.remove(one, version));
  });

  test('with sensitive fields', async () => {
    const adults = [{ name: 'Voksen A', cpr: '610180-1234', phone: '20 30 40 50', email: 'a@example.dk' }];
    const approval = {
      authority: 'Socialtilsyn Midt',
      from: '2020-01-01',
      places: 1,
      ageMin: 0,
      ageMax: 17,
      careForms: [],
    };
    const created = await caller.post('/families', {
      alias: 'Familien ved skoven',
      kind: 'forstaerket',
      residence: '630',
      approval,
      adults,
      outsideWork: 'Lærer',
      statusReason: 'Flyttet hertil',
      caseRefs: [{ system: 'DUBU', caseNumber: '27.03.00-G01-12-26' }],
    });
    expectDocumented('create-family', created);
    const read = await caller.get(`/families/${created.body.id}`);
    expect(read.body.adults).toHaveLength(1);
    expectDocumented('get-family', read);
    const log = await caller.get('/access-log', { subject: created.body.id });
    expect(log.body.items).toHaveLength(1);
    expectDocumented('list-access-log', log);
  });

  test('the timeline', async () => {
    const { id } = await makeFamily(caller);
    await makeCall(caller, { familyId: id });
    const timeline = await caller.get(`/families/${id}/timeline`);
    expect(timeline.body.items).toHaveLength(1);
    expectDocumented('get-family-timeline', timeline);
  });
});

test('webhooks and events', async () => {
  const own = await livline.freshMunicipality();
  const created = await own.post('/webhook-endpoints', { url: 'https://sag.example.dk/livline', types: ['family.*'] });
  expectDocumented('create-webhook-endpoint', created);
  const one = `/webhook-endpoints/${created.body.id}`;
  expectDocumented('get-webhook-endpoint', await own.get(one));
  expectDocumented('list-webhook-endpoints', await own.get('/webhook-endpoints'));
  expectDocumented('test-webhook-endpoint', await own.send('POST', `${one}/test`));
  const rotation = { body: { overlapHours: 48 }, headers: { 'if-match': '"1"' } };
  expectDocumented('rotate-webhook-endpoint-secret', await own.send('POST', `${one}/rotate-secret`, rotation));
  expectDocumented('update-webhook-endpoint', await own.patch(one, { disabled: true, signatures: ['v1a'] }, 2));
  expectDocumented('list-webhook-keys', await own.get('/webhook-keys'));
  expectDocumented('delete-webhook-endpoint', await own.remove(one, 3));
  await livline.relay();
  const events = await own.get('/events');
  expect(events.body.items.length).toBeGreaterThan(2);
  expectDocumented('list-events', events);
  expectDocumented('get-audit-verification', await own.get('/audit/verify'));
});

test('connections and the inbox', async () => {
  const own = await livline.freshMunicipality();
  const created = await own.post('/connections', { name: 'DUBU i drift', system: 'DUBU', kinds: ['case.linked'] });
  expectDocumented('create-connection', created);
  expectDocumented('list-connections', await own.get('/connections'));
  const { id, version } = await makeInboxMessage(own);
  const one = `/inbox/${id}`;
  expectDocumented('list-inbox', await own.get('/inbox'));
  expectDocumented('get-inbox-message', await own.get(one));
  const decided = await own.status(one, version, { status: 'dismissed', reason: 'Sendt ved en fejl' });
  expectDocumented('change-inbox-message-status', decided);
  await livline.relay();
  expectDocumented('get-inbox-message-history', await own.get(`${one}/history`));
});

test('what operators do', async () => {
  const { operator } = livline;
  const code = livline.nextCode();
  expectDocumented('provision-municipality', await operator('POST', '/municipalities', { body: { code } }));
  expectDocumented('list-municipalities', await operator('GET', '/municipalities'));
  expectDocumented('get-municipality', await operator('GET', `/municipalities/${code}`));
  const client = { name: 'DUBU' };
  expectDocumented(
    'create-partner',
    await operator('POST', '/partners', { body: { id: 'carelink', name: 'Carelink' } }),
  );
  expectDocumented('list-partners', await operator('GET', '/partners'));
  expectDocumented('get-partner', await operator('GET', '/partners/carelink'));
  const made = await operator('POST', '/partners/carelink/clients', { body: client });
  expectDocumented('create-partner-client', made);
  const one = `/clients/${made.body.client.clientId}`;
  const added = await operator('POST', `${one}/credentials`);
  expectDocumented('add-credential', added);
  expectDocumented('get-client', await operator('GET', one));
  expectDocumented('end-credential', await operator('DELETE', `${one}/credentials/${added.body.credential.id}`));
  expectDocumented('revoke-client', await operator('DELETE', one));
  expectDocumented('get-client', await operator('GET', one));
});

test('who has access, on both sides', async () => {
  const own = await livline.freshMunicipality();
  const carelink = (await livline.freshPartner('partner', [own.code]))(own.code);
  await carelink.get('/families');
  const one = `/grants/${carelink.clientId}`;
  expectDocumented('grant-access', await own.put(one, { preset: 'partner' }));
  expectDocumented('get-access', await own.get(one));
  expectDocumented('list-grants', await own.get('/grants'));
  expectDocumented('revoke-access', await own.send('DELETE', one));
  await own.put(one, { preset: 'partner' });
  await own.operator('POST', `/clients/${carelink.clientId}/credentials`);
  expectDocumented('get-access', await own.get(one));
  expectDocumented('confirm-access', await own.post(`${one}/confirm`, { operatorCredentials: 1 }));
  expectDocumented('delete-grant', await own.operator('DELETE', `/clients/${carelink.clientId}/grants/${own.code}`));
  const made = await own.post('/clients', { name: 'DUBU', preset: 'integration' });
  expectDocumented('create-own-client', made);
  const client = `/clients/${made.body.client.clientId}`;
  expectDocumented('list-own-clients', await own.get('/clients'));
  const added = await own.send('POST', `${client}/credentials`);
  expectDocumented('add-own-credential', added);
  expectDocumented('get-own-client', await own.get(client));
  const credential = `${client}/credentials/${added.body.credential.id}`;
  expectDocumented('end-own-credential', await own.send('DELETE', credential));
  expectDocumented('revoke-own-client', await own.send('DELETE', client));
});

test('settings and recovery', async () => {
  const own = await livline.freshMunicipality();
  expectDocumented('get-settings', await own.get('/settings'));
  expectDocumented('update-settings', await own.patch('/settings', { requirePurpose: true }, 1));
  await setStatus(livline, own.code, 'live');
  const admin = `/municipalities/${own.code}/recovery`;
  const ask = () => own.operator('POST', admin, { body: { reason: 'credentials_lost' } });
  expectDocumented('request-recovery', await ask());
  expectDocumented('get-recovery', await own.get('/recovery'));
  expectDocumented('cancel-recovery', await own.send('DELETE', '/recovery'));
  await ask();
  livline.advance(72 * 3_600);
  expectDocumented('use-recovery', await own.operator('POST', `${admin}/credentials`));
});

test('operators', async () => {
  const { operator } = livline;
  const made = await operator('POST', '/operators', { body: { name: 'Vagthavende' } });
  expectDocumented('create-operator', made);
  const one = `/operators/${made.body.client.clientId}`;
  expectDocumented('list-operators', await operator('GET', '/operators'));
  const added = await operator('POST', `${one}/credentials`);
  expectDocumented('add-operator-credential', added);
  expectDocumented('get-operator', await operator('GET', one));
  expectDocumented(
    'end-operator-credential',
    await operator('DELETE', `${one}/credentials/${added.body.credential.id}`),
  );
  expectDocumented('remove-operator', await operator('DELETE', one));
});

test('programmes, on both sides', async () => {
  const own = await livline.freshMunicipality();
  const body = { ...PROGRAMME, municipalities: [{ code: own.code, allocationOere: 1 }] };
  const created = await own.operator('POST', '/programmes', { body });
  expectDocumented('create-programme', created);
  const one = `/programmes/${created.body.id}`;
  expectDocumented('get-programme', await own.operator('GET', one));
  expectDocumented('list-programmes', await own.operator('GET', '/programmes'));
  const change = { body: { to: '2029-06-30' }, headers: { 'if-match': '"1"' } };
  expectDocumented('update-programme', await own.operator('PATCH', one, change));
  expectDocumented('list-municipal-programmes', await own.get('/programmes'));
  expectDocumented('get-municipal-programme', await own.get(one));
});
