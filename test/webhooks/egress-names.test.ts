import { lookup } from 'node:dns';
import { glob, readFile } from 'node:fs/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Chaos, HOST, PUBLIC_ADDRESS, resolver, startChaos } from '#test/support/chaos.ts';
import { REFUSED_URLS } from '#test/support/refused-urls.ts';

let chaos: Chaos;
beforeAll(async () => {
  chaos = await startChaos();
  return chaos.stop;
});
afterEach(() => {
  chaos.arrivals.length = 0;
  chaos.counts.connections = 0;
});

const request = (url = chaos.url) => ({ url, headers: { 'webhook-id': 'evt_1' }, body: '{}' });
const refused = { error: 'ADDRESS_REFUSED', durationMs: expect.any(Number), address: undefined };
/** Whatever address is approved, the connection leads to this machine: an address that is not refused gets bytes. */
const expectNoByte = () => expect([chaos.counts.connections, chaos.arrivals]).toEqual([0, []]);

describe('a name', () => {
  it.each([
    ['loopback', '127.0.0.1'],
    ['loopback in IPv6', '::1'],
    ['the unspecified address', '0.0.0.0'],
    ['a private address', '10.0.0.1'],
    ['a private address', '172.31.255.255'],
    ['a private address', '192.168.1.1'],
    ['the metadata service', '169.254.169.254'],
    ['the metadata service in IPv6', 'fd00:ec2::254'],
    ['an address shared by carriers', '100.64.0.1'],
    ['a documentation range', '203.0.113.7'],
    ['a documentation range in IPv6', '2001:db8::1'],
    ['multicast', '224.0.0.1'],
    ['an IPv4 address in IPv6', '::ffff:10.0.0.1'],
    ['a public IPv4 address in IPv6', `::ffff:${PUBLIC_ADDRESS}`],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64 of a network', '64:ff9b:1::a00:1'],
    ['6to4', '2002:7f00:1::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['a public address with a zone', '2606:4700::1111%eth0'],
    ['what lies outside 2000::/3', '4000::1'],
    ['no address at all'],
  ])('that leads to %s (%s) gets no byte', async (_, ...addresses) => {
    const { asked, resolve } = resolver(addresses);
    expect(await chaos.post({ resolve })(request())).toEqual(refused);
    expect(asked).toEqual([HOST]);
    expectNoByte();
  });

  it.each([
    [[PUBLIC_ADDRESS, '10.0.0.1']],
    [['10.0.0.1', PUBLIC_ADDRESS]],
    [['2606:4700::1111', PUBLIC_ADDRESS, '::1']],
  ])('with mixed answers (%j) is refused as a whole', async (addresses) => {
    expect(await chaos.post({ resolve: resolver(addresses).resolve })(request())).toEqual(refused);
    expectNoByte();
  });

  it.each([[[PUBLIC_ADDRESS]], [['2606:4700::1111']], [[PUBLIC_ADDRESS, '2606:4700::1111']]])(
    'that leads to public unicast alone (%j) is connected to',
    async (addresses) => {
      expect(await chaos.post({ resolve: resolver(addresses).resolve })(request())).toMatchObject({ status: 204 });
    },
  );

  it('is resolved once for each POST: a rebinding resolver changes nothing for the first and gets no byte of the second', async () => {
    const { asked, resolve } = resolver([PUBLIC_ADDRESS], ['127.0.0.1']);
    const post = chaos.post({ resolve });
    expect(await post(request())).toMatchObject({ status: 204 });
    expect(asked).toEqual([HOST]);
    chaos.counts.connections = 0;
    chaos.arrivals.length = 0;
    expect(await post(request())).toEqual(refused);
    expect(asked).toEqual([HOST, HOST]);
    expectNoByte();
  });

  it('is connected to at the very addresses that were checked, the next one where one does not answer', async () => {
    const connected: string[] = [];
    const addresses = [PUBLIC_ADDRESS, '1.1.1.1'];
    const wiring = {
      ...chaos.laboratory.wiring,
      lead: (address: string) => {
        connected.push(address);
        return address === PUBLIC_ADDRESS ? '127.7.7.7' : '127.0.0.1';
      },
    };
    const { asked, resolve } = resolver(addresses);
    expect(await chaos.post({ resolve, wiring })(request())).toMatchObject({ status: 204, address: '127.0.0.1' });
    expect([asked, connected]).toEqual([[HOST], addresses]);
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA', 'ESERVFAIL'])(
    'that is not resolved (%s) has failed as DNS',
    async (code) => {
      const { resolve } = resolver(Object.assign(new Error('getaddrinfo of db.internal failed'), { code }));
      expect(await chaos.post({ resolve })(request())).toEqual({ ...refused, error: 'DNS' });
    },
  );

  it('that does not exist (NXDOMAIN) has failed as DNS with the resolver of the machine too', async () => {
    const url = `https://${'x'.repeat(20)}.invalid/`;
    expect(await chaos.post({ resolve: lookup })(request(url))).toMatchObject({ error: 'DNS' });
  });

  it('that nobody resolves has failed when the connection should stand', async () => {
    const { resolve } = resolver(undefined);
    expect(await chaos.post({ resolve, connectMs: 50 })(request())).toEqual({ ...refused, error: 'CONNECT_TIMEOUT' });
  });
});

describe('the guard as it is deployed', () => {
  it('has its own limits and the network as it is: what tests put in their place stands in no other file', async () => {
    const uses: string[] = [];
    for await (const file of glob('{functions,infra,shared}/**/*.ts')) {
      const text = await readFile(file, 'utf8');
      if (file !== 'shared/webhooks/egress.ts' && /Laboratory|wiring|connectMs|totalMs/.test(text)) uses.push(file);
      for (const [call] of text.matchAll(/(?<!function )postWebhook\(.*/g)) {
        expect(call, file).toMatch(/^postWebhook\((?:egress|\{ allowLocal(?:: \w+)? \})\)/);
      }
    }
    expect(uses).toEqual([]);
  });
});

describe('a URL whose text is refused', () => {
  it.each(REFUSED_URLS)('is not even looked up, and gets no byte: %s', async (_, url) => {
    const { asked, resolve } = resolver([PUBLIC_ADDRESS]);
    expect(await chaos.post({ resolve })(request(url))).toEqual({ error: 'URL_REFUSED', durationMs: 0 });
    expect(asked).toEqual([]);
    expectNoByte();
  });
});
