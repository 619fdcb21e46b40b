import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClientCertificate } from '#shared/webhooks/egress.ts';
import { authority, startChaos } from '#test/support/chaos.ts';
import { contentOf, rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Caller, type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';
import { expectProblem } from '#test/support/problems.ts';

const DAY_MS = 86_400_000;

let livline: Livline;
let at: Caller;
let clientCertificate: ClientCertificate;
let other: ClientCertificate;
beforeAll(async () => {
  livline = await startLivline();
  at = await livline.freshMunicipality();
  const wanted = { name: 'livline', notBefore: daysFromNow(-10), notAfter: daysFromNow(60) };
  [clientCertificate, other] = await Promise.all([
    (await authority()).issue(wanted),
    (await authority()).issue(wanted),
  ]);
});

/** By the clock of the Livline under test. */
const daysFromNow = (days: number): Date => new Date(Math.floor(livline.now().getTime() / 1000) * 1000 + days * DAY_MS);
const input = () => ({ url: 'https://sag.example.dk/', clientCertificate });
const infoOf = ({ certificate }: ClientCertificate) => {
  const { fingerprint256, validToDate } = new X509Certificate(certificate);
  return { notAfter: validToDate.toISOString(), fingerprint: fingerprint256 };
};

describe('the client certificate of an endpoint', () => {
  it('is kept sealed, and nothing of it is shown but when it expires and its fingerprint', async () => {
    const created = await at.post('/webhook-endpoints', input(), { 'idempotency-key': 'certificate-1' });
    expect(created.status).toBe(201);
    expect(created.body).not.toHaveProperty('clientCertificate');
    expect(created.body.clientCertificateInfo).toEqual(infoOf(clientCertificate));
    const path = `/webhook-endpoints/${created.body.id}`;
    const answers = [
      created,
      await at.get(path),
      await at.get('/webhook-endpoints'),
      await at.get(`${path}/history`),
      await at.patch(path, { description: 'Other' }, 1),
      await at.post('/webhook-endpoints', input(), { 'idempotency-key': 'certificate-1' }),
    ];
    const keyText = clientCertificate.key.split('\n')[1] as string;
    for (const { text } of answers) {
      expect(text).not.toContain(keyText);
      expect(text).not.toContain('BEGIN');
    }
    expect(JSON.stringify(await contentOf(livline.store))).not.toContain(keyText);
  });

  it('is renewed, or taken away, by a PATCH', async () => {
    const { body: endpoint } = await at.post('/webhook-endpoints', input());
    const path = `/webhook-endpoints/${endpoint.id}`;
    const renewed = await at.patch(path, { clientCertificate: other }, 1);
    expect(renewed.body.clientCertificateInfo).toEqual(infoOf(other));
    const half = await at.patch(path, { clientCertificate: { certificate: clientCertificate.certificate } }, 2);
    expectProblem(half, 422, 'validation_failed', '/clientCertificate/key');
    const gone = await at.patch(path, { clientCertificate: null }, 2);
    expect(gone.body).not.toHaveProperty('clientCertificateInfo');
  });

  it('is refused where it does not fit its key, has expired, is not valid yet or cannot be read', async () => {
    const trusted = await authority();
    const expired = await trusted.issue({ name: 'livline', notBefore: daysFromNow(-9), notAfter: daysFromNow(0) });
    const early = await trusted.issue({ name: 'livline', notBefore: daysFromNow(1) });
    const refused: [Partial<ClientCertificate>, string][] = [
      [{ ...clientCertificate, key: other.key }, 'key'],
      [expired, 'certificate'],
      [early, 'certificate'],
      [{ ...clientCertificate, certificate: 'none' }, 'certificate'],
      [{ ...clientCertificate, certificate: '-----BEGIN CERTIFICATE-----\nnone' }, 'certificate'],
      [{ ...clientCertificate, key: '-----BEGIN PRIVATE KEY-----\nnone' }, 'key'],
      [{ ...clientCertificate, key: clientCertificate.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY') }, 'key'],
      [{ certificate: clientCertificate.certificate }, 'key'],
    ];
    for (const [given, field] of refused) {
      const reply = await at.post('/webhook-endpoints', { ...input(), clientCertificate: given });
      expectProblem(reply, 422, 'validation_failed', `/clientCertificate/${field}`);
      if (given.key) expect(reply.text).not.toContain(given.key.split('\n')[1]);
    }
  });

  it('that has expired since hinders no other change', async () => {
    const own = await startLivline();
    const there = await own.freshMunicipality();
    const { body: endpoint } = await there.post('/webhook-endpoints', input());
    own.advance(61 * 86_400);
    const path = `/webhook-endpoints/${endpoint.id}`;
    expect(await there.patch(path, { description: 'Other' }, 1)).toMatchObject({ status: 200 });
    expect(await there.patch(path, { clientCertificate: { ...clientCertificate } }, 2)).toMatchObject({ status: 200 });
    expectProblem(
      await there.patch(path, { clientCertificate: other }, 3),
      422,
      'validation_failed',
      '/clientCertificate/certificate',
    );
  });

  it('lets its deliveries and its test in where the receiver asks for it, and nobody without it', async () => {
    const there = await livline.freshMunicipality();
    const chaos = await startChaos({ asksForCertificate: true, now: livline.now });
    const endpoint = await subscribe(livline, there, 'sag', { types: ['family.*'], clientCertificate });
    const bare = await subscribe(livline, there, 'sag', { types: ['family.*'] });
    await createFamily(there);
    const pipeline = startPipeline(livline, there.code);
    pipeline.answer(chaos.post());
    await pipeline.relayFresh();
    await pipeline.drain();
    const { fingerprint } = infoOf(clientCertificate);
    expect(chaos.arrivals).toMatchObject([{ clientFingerprint: fingerprint }]);
    const attempts = (await rowsOf(livline.store, there.code, 'attempt')).map(({ view }) => view);
    expect(attempts).toHaveLength(2);
    expect(attempts).toContainEqual(expect.objectContaining({ status: 204 }));
    expect(attempts).toContainEqual(expect.objectContaining({ error: 'TLS_CLIENT_CERTIFICATE' }));

    livline.receive(chaos.post());
    const ping = async ({ id }: { id: string }) => (await there.post(`/webhook-endpoints/${id}/test`, undefined)).body;
    expect(await ping(endpoint)).toMatchObject({ delivered: true, status: 204 });
    expect(await ping(bare)).toMatchObject({ delivered: false, error: 'TLS_CLIENT_CERTIFICATE' });
    await chaos.stop();
  });
});
