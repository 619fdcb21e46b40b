import { BlockList, isIP } from 'node:net';

/** Networks that no webhook goes to: not public unicast (IANA special-purpose registries, RFC 6890 and later). */
const REFUSED = {
  ipv4: [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    // Public by its number, but a cloud's own metadata service.
    ['168.63.129.16', 32],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ],
  ipv6: [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ],
} as const;

interface Networks {
  readonly refused: BlockList;
  /** All of IPv6 that is public. */
  readonly globalUnicast: BlockList;
}

let networks: Networks | undefined;

/** The networks as node can look an address up in them, made for the first webhook: the API starts without. */
function networksOf(): Networks {
  if (networks) return networks;
  networks = { refused: new BlockList(), globalUnicast: new BlockList() };
  for (const [network, prefix] of REFUSED.ipv4) networks.refused.addSubnet(network, prefix, 'ipv4');
  for (const [network, prefix] of REFUSED.ipv6) networks.refused.addSubnet(network, prefix, 'ipv6');
  networks.globalUnicast.addSubnet('2000::', 3, 'ipv6');
  return networks;
}

/**
 * Whether an address is public unicast. For IPv6 that is within 2000::/3 alone and never with a zone, so no form that
 * wraps an IPv4 address is.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  const { refused, globalUnicast } = networksOf();
  if (family === 4) return !refused.check(address, 'ipv4');
  if (family !== 6 || address.includes('%')) return false;
  return globalUnicast.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}
