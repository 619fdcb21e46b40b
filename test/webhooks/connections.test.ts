import { beforeAll, describe, expect, it } from 'vitest';
import { sendSigned } from '#test/support/case-system.ts';
import { contentOf } from '#test/support/content.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { expectProblem } from '#test/support/problems.ts';
import { expectSealed } from '#test/support/sealed.ts';

let livline: Livline;
let at: Caller;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
});

const INPUT = { name: 'DUBU i drift', system: 'DUBU', kinds: ['case.linked'] };

describe('/connections', () => {
  it('creates, gets, lists, changes and deletes a connection', async () => {
    const created = await at.post('/connections', INPUT);
    expect(created.status).toBe(201);
    const { secret: _, ...view } = created.body;
    expect(view).toMatchObject({ ...INPUT, active: true, version: 1, municipality: at.code });
    const path = `/connections/${view.id}`;
    expect((await at.get(path)).body).toEqual(view);
    expect((await at.get('/connections')).body.items).toEqual([view]);
    expect((await at.patch(path, { active: false }, 1)).body).toMatchObject({ active: false, version: 2 });
    expect((await at.remove(path, 2)).status).toBe(204);
    expect((await at.get(path)).status).toBe(404);
  });

  it('shows a secret of 32 bytes in the answer that made it, and nowhere else, not even to the same Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'connection-1' };
    const { body: created } = await at.post('/connections', INPUT, key);
    const { id, secret } = created;
    expect(Buffer.from(/^whsec_(.*)$/.exec(secret)?.[1] ?? '', 'base64')).toHaveLength(32);
    const { secret: _, ...view } = created;
    expect((await at.post('/connections', INPUT, key)).body).toEqual(view);
    await livline.relay();
    const answers = [
      await at.get(`/connections/${id}`),
      await at.get('/connections'),
      await at.patch(`/connections/${id}`, { name: 'DUBU i test' }, 1),
      await at.get('/events'),
    ];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      expect(text).not.toContain(secret.slice('whsec_'.length));
    }
    const rows = await contentOf(livline.store);
    expect(JSON.stringify(rows)).not.toContain(secret.slice('whsec_'.length));
    const own = rows.find((row) => row['pk'].endsWith(`#R#${id}`) && row['sk'] === 'A');
    expectSealed(own?.['sensitive'], ['secret']);
    expect((await sendSigned(at, created, { type: 'a' })).status, 'the secret stays when it is changed').toBe(202);
  });

  it('takes no secret from the caller, and needs the scopes of webhooks', async () => {
    const own = { ...INPUT, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
    expectProblem(await at.post('/connections', own), 422, 'validation_failed', '/secret');
    expectProblem(await at.withScopes('webhooks:read').post('/connections', INPUT), 403, 'forbidden');
    expectProblem(await at.withScopes('families:read').get('/connections'), 403, 'forbidden');
  });
});
