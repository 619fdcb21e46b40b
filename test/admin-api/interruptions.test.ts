import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILY } from '#test/support/examples.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
beforeAll(async () => {
  livline = await startLivline();
});

const TRANSACTION = 'TransactWriteItems';
const provision = (code: string) => livline.operator('POST', '/municipalities', { body: { code } });
const clientIds = () => [...livline.issuedClients.keys()];

describe('provisioning that is cut short', () => {
  it('by the database takes its client back, and can be done again', async () => {
    const code = livline.nextCode();
    const before = clientIds();
    expectProblem(await livline.cutOff('sending', TRANSACTION, () => provision(code)), 500, 'internal_error');
    expect(clientIds()).toEqual(before);
    expect((await livline.operator('GET', `/municipalities/${code}`)).body.status).toBe('provisioning');
    const { status, body } = await provision(code);
    expect(status).toBe(201);
    expect((await livline.caller(code, body.client.clientId).get('/families')).status).toBe(200);
  });

  it('by the end of the process leaves a client that can do nothing, and can be done again', async () => {
    const code = livline.nextCode();
    const before = clientIds();
    await livline.killedAt('sending', TRANSACTION, () => provision(code));
    const [orphan = '', ...others] = clientIds().filter((id) => !before.includes(id));
    expect(others).toEqual([]);
    expectProblem(await livline.caller(code, orphan).get('/families'), 404, 'not_found');
    expect((await provision(code)).status).toBe(201);
    expectProblem(await livline.caller(code, orphan).get('/families'), 404, 'not_found');
  });

  it('after it was done, before its answer arrived, keeps the client that its rows name', async () => {
    const code = livline.nextCode();
    const before = clientIds();
    expectProblem(await livline.cutOff('answer', TRANSACTION, () => provision(code)), 500, 'internal_error');
    const [administrator = ''] = clientIds().filter((id) => !before.includes(id));
    expect((await livline.caller(code, administrator).post('/families', FAMILY)).status).toBe(201);
    expectProblem(await provision(code), 409, 'already_exists');
    // The secret went with the answer, so the operator gives the client another one: the municipality is in test.
    expect((await livline.operator('POST', `/clients/${administrator}/credentials`)).status).toBe(201);
  });

  it('is announced once, however often it was tried', async () => {
    livline.takeStream();
    const code = livline.nextCode();
    await livline.cutOff('sending', TRANSACTION, () => provision(code));
    await livline.killedAt('sending', TRANSACTION, () => provision(code));
    const { body } = await provision(code);
    await provision(code);
    await livline.lifecycle();
    await livline.lifecycle();
    await livline.relay();
    const { items } = (await livline.caller(code, body.client.clientId).get('/events')).body;
    expect(items.map(({ type }: { type: string }) => type)).toEqual(['dk.livline.municipality.provisioned']);
  });
});

describe('making a client that is cut short', () => {
  it('by the database takes the client back', async () => {
    await livline.operator('POST', '/partners', { body: { id: 'carelink', name: 'Carelink' } });
    const before = clientIds();
    const make = () => livline.operator('POST', '/partners/carelink/clients', { body: { name: 'platform' } });
    expectProblem(await livline.cutOff('sending', 'PutItem', make), 500, 'internal_error');
    expect(clientIds()).toEqual(before);
  });

  it('by the end of the process inside leaves one that holds nothing and is listed', async () => {
    const own = await livline.freshMunicipality();
    await own.get('/clients');
    const before = clientIds();
    await livline.killedAt('sending', TRANSACTION, () => own.post('/clients', { name: 'DUBU', preset: 'integration' }));
    const [orphan = ''] = clientIds().filter((id) => !before.includes(id));
    expectProblem(await livline.caller(own.code, orphan).get('/events'), 404, 'not_found');
    const { items } = (await own.get('/clients')).body;
    expect(items.map(({ clientId }: { clientId: string }) => clientId)).toContain(orphan);
    expect((await own.get(`/clients/${orphan}`)).body).not.toHaveProperty('grant');
  });
});
