import { type AddressInfo, createServer } from 'node:net';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { authority, type Chaos, type ChaosOptions, HOST, startChaos } from '#test/support/chaos.ts';
import { makeAuthority } from '#test/support/chaos-certificates.ts';

const running: Chaos[] = [];
afterAll(() => Promise.all(running.map(({ stop }) => stop())));

async function chaosWith(options: ChaosOptions): Promise<Chaos> {
  const chaos = await startChaos(options);
  running.push(chaos);
  return chaos;
}

const request = (chaos: Chaos, over: object = {}) => ({
  url: chaos.url,
  headers: { 'webhook-id': 'evt_1' },
  body: '{}',
  ...over,
});
const failed = (error: string) => ({ error, durationMs: expect.any(Number), address: undefined });

describe('a receiver whose certificate', () => {
  it.each([
    ['expired', 'TLS_EXPIRED'],
    ['not valid yet', 'TLS_EXPIRED'],
    ['wrong host', 'TLS_WRONG_HOST'],
    ['self-signed', 'TLS_UNTRUSTED'],
    ['of an unknown authority', 'TLS_UNTRUSTED'],
  ] as const)('is %s gets no request, and %s is recorded without detail', async (identity, error) => {
    const chaos = await chaosWith({ identity });
    expect(await chaos.post()(request(chaos))).toEqual(failed(error));
    expect(chaos.arrivals).toEqual([]);
  });

  it('is expired gets no request either where the environment of the process says to look away', async () => {
    const chaos = await chaosWith({ identity: 'expired' });
    // Node warns of it, rightly.
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await chaos.post()(request(chaos))).toEqual(failed('TLS_EXPIRED'));
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      warned.mockRestore();
    }
    expect(chaos.arrivals).toEqual([]);
  });

  it('is signed by the test authority is refused by the guard as it is deployed, which trusts public authorities alone', async () => {
    const chaos = await chaosWith({});
    const { wiring, ...rest } = chaos.laboratory;
    const { ca: _, ...untrusting } = wiring;
    expect(await chaos.post({ ...rest, wiring: untrusting })(request(chaos))).toEqual(failed('TLS_UNTRUSTED'));
  });
});

describe('a receiver without TLS', () => {
  it.each([
    ['answers in the clear has failed as TLS', 'HTTP/1.1 200 OK\r\n\r\n', 'TLS'],
    ['says nothing has failed when the connection should stand', '', 'CONNECT_TIMEOUT'],
  ])('that %s', async (_, text, error) => {
    const server = createServer((socket) => {
      socket.resume().on('error', () => undefined);
      socket.write(text);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const chaos = await chaosWith({});
    const { port } = server.address() as AddressInfo;
    const post = chaos.post({ ...(text === '' && { connectMs: 200 }), wiring: { ...chaos.laboratory.wiring, port } });
    expect(await post(request(chaos))).toEqual(failed(error));
    await new Promise((closed) => server.close(closed));
  });
});

describe('a receiver that asks for a client certificate', () => {
  it('takes the POST with the one it trusts', async () => {
    const chaos = await chaosWith({ asksForCertificate: true });
    const clientCertificate = await (await authority()).issue({ name: 'livline' });
    expect(await chaos.post()(request(chaos, { clientCertificate }))).toMatchObject({ status: 204 });
    expect(chaos.arrivals).toMatchObject([
      { servername: HOST, clientFingerprint: expect.stringMatching(/^[0-9A-F:]{95}$/) },
    ]);
  });

  it('and gets none takes nothing, and the class is recorded', async () => {
    const chaos = await chaosWith({ asksForCertificate: true });
    expect(await chaos.post()(request(chaos))).toMatchObject({ error: 'TLS_CLIENT_CERTIFICATE' });
    expect(chaos.arrivals).toEqual([]);
  });

  it('and gets one of another authority takes nothing', async () => {
    const chaos = await chaosWith({ asksForCertificate: true });
    const clientCertificate = await (await makeAuthority()).issue({ name: 'livline' });
    const { error } = await chaos.post()(request(chaos, { clientCertificate }));
    // Node's server closes without an alert; others send one.
    expect(['TLS_CLIENT_CERTIFICATE', 'RESET']).toContain(error);
    expect(chaos.arrivals).toEqual([]);
  });
});
