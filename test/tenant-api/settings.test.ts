import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
});
beforeEach(async () => {
  at = await livline.freshMunicipality();
});

const settings = async (by: Caller = at) => (await by.get('/settings')).body;
/** The events that tell of changed settings. */
async function told() {
  await livline.relay();
  return (await at.get('/events', { types: 'access.settings_changed' })).body.items;
}

const EC_KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};

describe('the settings of a municipality', () => {
  it('are the usual ones before the first change, at version 1', async () => {
    const { status, body, headers } = await at.get('/settings');
    expect([status, headers['etag']]).toEqual([200, '"1"']);
    expect(body).toEqual({ version: 1, requirePurpose: false, requirePerson: false, cprLikeCaseNumbers: false });
  });

  it.each([
    ['kle', '27.24.00'],
    ['accessLogMonths', 24],
    ['retentionMonths', 60],
    ['purposes', ['casework', 'supervision']],
    ['requirePurpose', true],
    ['requirePerson', true],
    ['cprLikeCaseNumbers', true],
    ['handoverKey', EC_KEY],
  ])('take %s, show it, and tell the change by the name of the setting and no value', async (name, value) => {
    const { status, body, headers } = await at.patch('/settings', { [name]: value }, 1);
    expect([status, headers['etag']], JSON.stringify(body)).toEqual([200, '"2"']);
    expect(body).toMatchObject({ version: 2, [name]: value, changedBy: at.clientId });
    expect(await settings()).toEqual(body);
    const [event, ...others] = await told();
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: 'dk.livline.access.settings_changed',
      subject: at.code,
      data: { changed: [name], actor: { id: at.clientId } },
    });
    // What is told of a setting is its name: the value stands nowhere else in the event.
    const { changed: _, ...data } = event.data;
    for (const member of [name, 'f83OJ3D2', '27.24.00', 'casework']) expect(JSON.stringify(data)).not.toContain(member);
  });

  it.each(['kle', 'accessLogMonths', 'retentionMonths', 'purposes', 'handoverKey'])('lose %s by null', async (name) => {
    const values = {
      accessLogMonths: 24,
      handoverKey: EC_KEY,
      kle: '27.24.00',
      purposes: ['casework'],
      retentionMonths: 60,
    };
    await at.patch('/settings', values, 1);
    const { body } = await at.patch('/settings', { [name]: null }, 2);
    expect(body).not.toHaveProperty(name);
    expect(Object.keys(values).filter((other) => other in body)).toEqual(
      Object.keys(values).filter((other) => other !== name),
    );
  });

  it.each([
    ['/kle', { kle: '27.24' }],
    ['/accessLogMonths', { accessLogMonths: 5 }],
    ['/retentionMonths', { retentionMonths: 11 }],
    ['/purposes', { purposes: [] }],
    ['/purposes/0', { purposes: ['curiosity'] }],
    ['/requirePurpose', { requirePurpose: null }],
    ['/handoverKey/crv', { handoverKey: { ...EC_KEY, crv: 'P-257' } }],
    ['/quotaPerMinute', { quotaPerMinute: 100 }],
  ])('refuse at %s what is none', async (pointer, patch) => {
    expectProblem(await at.patch('/settings', patch, 1), 422, 'validation_failed', pointer);
    expect((await settings()).version).toBe(1);
  });

  it('refuse a private key, and keep nothing of it', async () => {
    const secret = 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI';
    const reply = await at.patch('/settings', { handoverKey: { ...EC_KEY, d: secret } }, 1);
    expect([reply.status, JSON.stringify(reply.body).includes(secret)]).toEqual([422, false]);
    expect(await settings()).not.toHaveProperty('handoverKey');
  });

  it('replace a key as a whole: no member of another kind of key stays in it', async () => {
    await at.patch('/settings', { handoverKey: EC_KEY }, 1);
    const other = { kty: 'OKP', crv: 'X25519', x: '3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08' };
    expect((await at.patch('/settings', { handoverKey: other }, 2)).body.handoverKey).toEqual(other);
  });

  it('are changed under If-Match alone, and a version that has gone by changes nothing', async () => {
    expectProblem(await at.send('PATCH', '/settings', { body: { kle: '27.24.00' } }), 428, 'precondition_required');
    await at.patch('/settings', { kle: '27.24.00' }, 1);
    expectProblem(await at.patch('/settings', { kle: '27.24.01' }, 1), 412, 'precondition_failed');
    expect(await settings()).toMatchObject({ version: 2, kle: '27.24.00' });
  });

  it('that a patch leaves as they were are not written and not told', async () => {
    await at.patch('/settings', { requirePurpose: true }, 1);
    expect((await at.patch('/settings', { requirePurpose: true }, 2)).body.version).toBe(2);
    expect(await told()).toHaveLength(1);
  });

  it('changed by several at the same instant are changed by one of them', async () => {
    const replies = await Promise.all(
      [24, 36, 48].map((accessLogMonths) => at.patch('/settings', { accessLogMonths }, 1)),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses[0]).toBe(200);
    for (const status of statuses.slice(1)) expect([409, 412]).toContain(status);
    expect((await settings()).version).toBe(2);
    expect(await told()).toHaveLength(1);
  });

  it('are shown with grants:read, changed with grants:write, and no partner’s', async () => {
    const reader = at.withScopes('grants:read');
    expect((await reader.get('/settings')).status).toBe(200);
    expectProblem(await reader.patch('/settings', { kle: null }, 1), 403, 'forbidden');
    expectProblem(await at.withScopes('families:read').get('/settings'), 403, 'forbidden');
    const partner = (await livline.freshPartner(`s${at.code}`, [at.code], ['families:read']))(at.code);
    expectProblem(await partner.get('/settings'), 403, 'forbidden');
  });

  it.each([
    ['/kle', { kle: '27.24.00' }],
    ['/retentionMonths', { retentionMonths: 60 }],
    ['/accessLogMonths', { accessLogMonths: 24 }],
    ['/purposes', { purposes: ['casework'] }],
  ])('are no business of an operator, whose patch is refused at %s', async (pointer, body) => {
    const reply = await livline.operator('PATCH', `/municipalities/${at.code}`, { body });
    expectProblem(reply, 422, 'validation_failed', pointer);
  });
});
