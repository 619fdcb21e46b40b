import { beforeAll, describe, expect, it } from 'vitest';
import { urlRefusal } from '#shared/webhooks/egress.ts';
import { isPublicAddress } from '#shared/webhooks/public-address.ts';
import { type Caller, startLivline } from '#test/support/livline.ts';
import { REFUSED_URLS } from '#test/support/refused-urls.ts';

let at: Caller;
beforeAll(async () => {
  const livline = await startLivline();
  at = await livline.freshMunicipality();
});

describe('the URL of an endpoint', () => {
  it.each(REFUSED_URLS)('is refused with a pointer to it: %s', async (_, url) => {
    const { status, body } = await at.post('/webhook-endpoints', { url });
    expect(status).toBe(422);
    expect(body.errors).toHaveLength(1);
    expect(body.errors[0].pointer).toBe('/url');
    // A refusal does not repeat what was sent.
    expect(JSON.stringify(body)).not.toContain(url || 'null');
  });

  it('is refused on a change as on a creation, and when it is longer than 2,000 characters', async () => {
    const { body: endpoint } = await at.post('/webhook-endpoints', { url: 'https://sag.example.dk/' });
    for (const url of ['https://127.0.0.1/', `https://sag.example.dk/${'x'.repeat(2_000)}`]) {
      const { status, body } = await at.patch(`/webhook-endpoints/${endpoint.id}`, { url }, 1);
      expect([status, body.errors[0].pointer]).toEqual([422, '/url']);
    }
  });

  it.each([
    'https://sag.example.dk',
    'https://sag.example.dk:443/a/b?c=d&e=f',
    'https://SAG.Example.DK/',
    'https://sag.example.dk./',
    'https://xn--sgsmdning-i3ar.dk/',
    'https://localhost.example.dk/',
    'https://127.0.0.1.example.dk/',
  ])('may be %s', (url) => {
    expect(urlRefusal(url, { allowLocal: false })).toBeUndefined();
  });

  it('may lead to this machine in the clear where that is allowed, and to no other', () => {
    const local = { allowLocal: true };
    for (const url of ['http://127.0.0.1:4000/', 'http://localhost/hook'])
      expect(urlRefusal(url, local)).toBeUndefined();
    for (const url of [
      'http://10.0.0.1/',
      'http://127.0.0.2/',
      'https://127.0.0.1/',
      'http://[::1]/',
      'http://a@localhost/',
    ]) {
      expect(urlRefusal(url, local)).toBeDefined();
    }
  });
});

describe('an address', () => {
  it.each([
    ['this network', '0.0.0.0', '0.255.255.255'],
    ['private', '10.0.0.0', '10.255.255.255'],
    ['shared by carriers', '100.64.0.0', '100.127.255.255'],
    ['loopback', '127.0.0.0', '127.255.255.255'],
    ['link-local, with the metadata service', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
    ['private', '172.16.0.0', '172.31.255.255'],
    ['of protocols', '192.0.0.0', '192.0.0.255'],
    ['for documentation', '192.0.2.0', '192.0.2.255', '198.51.100.7', '203.0.113.255'],
    ['relays to 6to4', '192.88.99.0', '192.88.99.255'],
    ['private', '192.168.0.0', '192.168.255.255'],
    ['for benchmarks', '198.18.0.0', '198.19.255.255'],
    ['multicast', '224.0.0.0', '239.255.255.255'],
    ['reserved, and broadcast', '240.0.0.0', '255.255.255.255'],
    ['IPv6 unspecified and loopback', '::', '::1'],
    ['IPv4 in IPv6', '::ffff:8.8.8.8', '::ffff:7f00:1', '::8.8.8.8'],
    ['NAT64', '64:ff9b::808:808', '64:ff9b:1::808:808'],
    ['to be discarded', '100::1'],
    ['of protocols, with Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:1ff:ffff::1'],
    ['for benchmarks', '2001:2::1'],
    ['for documentation', '2001:db8::1', '3fff::1', '3fff:fff:ffff::1'],
    ['6to4', '2002:808:808::1', '2002:ffff:ffff::1'],
    ['of segment routing', '5f00::1'],
    ['unique local, with the metadata service', 'fc00::1', 'fd00:ec2::254'],
    ['link-local', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1', 'ff0e::1'],
    ['none', '', 'localhost', '1.2.3', '256.1.1.1', '0x7f000001', '2130706433', '127.1'],
  ])('is not public: %s', (_, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });

  it('is public: what lies between', () => {
    const addresses = [
      '1.1.1.1',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.0',
    ];
    addresses.push(
      '169.253.255.255',
      '169.255.0.0',
      '172.15.255.255',
      '172.32.0.0',
      '192.0.1.0',
      '192.0.3.0',
      '192.167.255.255',
    );
    addresses.push(
      '192.169.0.0',
      '198.17.255.255',
      '198.20.0.0',
      '223.255.255.255',
      '2606:4700::1111',
      '2001:200::1',
      '2a00::1',
    );
    addresses.push('2001:db7::1', '2001:db9::1', '2003::1', '3ffe::1', '3fff:1000::1');
    expect(addresses.filter((address) => !isPublicAddress(address))).toEqual([]);
  });
});
