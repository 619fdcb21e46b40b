import { beforeEach, describe, expect, it } from 'vitest';
import { createFamily, setStatus, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, RECOVERY_DELAY_S, startLivline } from '#test/support/livline.ts';
import { type Pipeline, startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
let at: Caller;
let pipeline: Pipeline;
beforeEach(async () => {
  livline ??= await startLivline();
  at = await livline.freshMunicipality();
  await setStatus(livline, at.code, 'live');
  livline.advance(61);
  await livline.lifecycle();
  livline.takeStream();
  pipeline = startPipeline(livline, at.code);
});

const recovery = () => `/municipalities/${at.code}/recovery`;
const request = () => livline.operator('POST', recovery(), { body: { reason: 'credentials_lost' } });
/** Has the lifecycle tell what operators did, relays and delivers, and gives the names of the events that were posted. */
async function posted(): Promise<string[]> {
  pipeline.received.length = 0;
  await livline.lifecycle();
  await pipeline.relayFresh();
  await pipeline.drain();
  return pipeline.received.map(({ body }) => JSON.parse(body).type.replace('dk.livline.', ''));
}
const held = async (id: string) => (await at.get(`/webhook-endpoints/${id}/deliveries`, { status: 'held' })).body.items;

describe('a recovery', () => {
  it('is told to every endpoint at once, whatever its types, its scopes and its rows', async () => {
    const scopes = ['families:read', 'events:read', 'webhooks:read', 'webhooks:write'];
    const partner = (await livline.freshPartner(`p${at.code}`, [at.code], scopes))(at.code);
    await subscribe(livline, partner, 'partner', { types: ['child.*'] });
    await subscribe(livline, at.withScopes('webhooks:write', 'events:read'), 'narrow', { types: ['family.created'] });
    await request();
    expect(await posted()).toEqual(['access.recovery_requested', 'access.recovery_requested']);
    await at.send('DELETE', '/recovery');
    expect(await posted()).toEqual(['access.recovery_cancelled', 'access.recovery_cancelled']);
  });

  it('is held for an endpoint whose owner has no live grant', async () => {
    const scopes = ['families:read', 'events:read', 'webhooks:read', 'webhooks:write'];
    const partner = (await livline.freshPartner(`q${at.code}`, [at.code], scopes))(at.code);
    const endpoint = await subscribe(livline, partner, 'partner', { types: ['child.*'] });
    await at.send('DELETE', `/grants/${partner.clientId}`);
    livline.advance(61);
    await request();
    expect(await posted()).toEqual([]);
    expect(await held(endpoint.id)).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  it('is posted nothing more for a client that a recovery gave and that was not replaced in time', async () => {
    await request();
    livline.advance(RECOVERY_DELAY_S);
    const { body } = await livline.operator('POST', `${recovery()}/credentials`);
    const recovered = livline.caller(at.code, body.client.clientId);
    await subscribe(livline, recovered, 'recovered', { types: ['family.*'] });
    await createFamily(at);
    expect(await posted()).toContain('family.created');
    livline.advance(86_400);
    await createFamily(at);
    expect(await posted()).toEqual([]);
  });
});
