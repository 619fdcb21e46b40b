import { lookup } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** What one POST came to. `status` is the receiver's; without it the request failed, and `error` is its class. */
export interface PostResult {
  readonly status?: number;
  readonly error?: string;
  readonly retryAfter?: string | undefined;
  readonly durationMs: number;
  readonly address?: string | undefined;
  /** The first 4 KB of the answer, as text. */
  readonly body?: string;
}

/** Whether the receiver took the webhook: a 2xx status line says so, whatever its body does. */
export const isTaken = ({ status }: PostResult): boolean => status !== undefined && status >= 200 && status < 300;

/** One POST, signed and ready. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a webhook. Never throws: whatever happens is a result. */
export type Post = (request: PostRequest) => Promise<PostResult>;

/** Which receivers there may be. */
export interface EgressOptions {
  /** Whether `http://127.0.0.1` and `http://localhost` are receivers too. Set on a developer's machine only. */
  readonly allowLocal: boolean;
}

const READ_BYTES = 64 * 1024;
const KEPT_BYTES = 4 * 1024;

export interface EgressLimits {
  /** Milliseconds until the connection, TLS included, must stand. */
  readonly connectMs?: number;
  /** Milliseconds for all of it. */
  readonly totalMs?: number;
  /** Finds a name's addresses. */
  readonly resolve?: typeof lookup;
}

const LOCAL_HOSTS = new Set(['127.0.0.1', 'localhost']);

/** Why a URL may not be a receiver, judged by its text alone; undefined where it may. */
export function urlRefusal(text: string, { allowLocal }: EgressOptions): string | undefined {
  if (!URL.canParse(text)) return 'Not a URL.';
  const { protocol, hostname, port, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'A URL with user information is not allowed.';
  if (hash !== '') return 'A URL with a fragment is not allowed.';
  if (allowLocal && protocol === 'http:' && LOCAL_HOSTS.has(hostname)) return undefined;
  if (protocol !== 'https:') return 'Only https is allowed.';
  if (port !== '') return 'Only port 443 is allowed.';
  // The URL parser has turned every spelling of an IPv4 address (octal, hex, one number) into four decimals by now.
  if (hostname.startsWith('[') || isIP(hostname) !== 0) return 'A host name is needed, not an address.';
  const name = hostname.replace(/\.$/, '');
  if (!name.includes('.') || name.endsWith('.localhost') || name.endsWith('.internal'))
    return 'A public host name is needed.';
  return undefined;
}

/** Networks that no webhook goes to: not public unicast (IANA special-purpose registries, RFC 6890 and later). */
const REFUSED = {
  ipv4: [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
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

/** Whether an address is public unicast. For IPv6 that is within 2000::/3 alone, so no form that wraps an IPv4 address is. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  const { refused, globalUnicast } = networksOf();
  if (family === 4) return !refused.check(address, 'ipv4');
  return family === 6 && globalUnicast.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}

class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
}

/**
 * Resolves a name once and gives the connection the very address that was checked; one refused address among several
 * refuses all. Node never calls this for an address literal, which is why literals are refused by their text.
 */
const publicLookup =
  (resolve: typeof lookup): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      const [first] = found;
      if (!first || !found.every(({ address }) => isPublicAddress(address))) {
        return callback(new AddressRefused('The name leads to an address that is not public'), '');
      }
      return options.all ? callback(null, [first]) : callback(null, first.address, first.family);
    });
  };

/** The class of a failure for the attempt log: Node's or OpenSSL's own code, or ours. */
const classOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';

type Outcome = Omit<PostResult, 'durationMs' | 'address'>;

/** Gives the function that posts webhooks: redirects not followed, time and memory bounded, bodies never decompressed. */
export function postWebhook(
  options: EgressOptions,
  { connectMs = 5_000, totalMs = 20_000, resolve = lookup }: EgressLimits = {},
): Post {
  return ({ url, headers, body }) => {
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    const refusal = urlRefusal(url, options);
    if (refusal !== undefined) return Promise.resolve({ error: 'URL_REFUSED', durationMs: 0 });
    const target = new URL(url);
    const local = target.protocol === 'http:';
    return new Promise((settle) => {
      let address: string | undefined;
      let answered: (() => Outcome) | undefined;
      const finish = (error: string) => {
        clearTimeout(connecting);
        clearTimeout(total);
        // The status line decides: however the body ends after it changes nothing.
        settle({ ...(answered?.() ?? { error }), durationMs: elapsed(), address });
        outgoing.destroy();
      };
      const send = local ? requestHttp : requestHttps;
      const outgoing: ClientRequest = send(target, {
        method: 'POST',
        agent: false,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        ...(!local && { lookup: publicLookup(resolve), autoSelectFamily: false }),
      });
      const connecting = setTimeout(finish, connectMs, 'CONNECT_TIMEOUT');
      const total = setTimeout(finish, totalMs, 'TIMEOUT');
      outgoing.once('socket', (socket) => {
        socket.once(local ? 'connect' : 'secureConnect', () => {
          clearTimeout(connecting);
          address = socket.remoteAddress;
        });
      });
      outgoing.on('error', (error) => finish(classOf(error)));
      // Node closes without an error when it is answered with 101.
      outgoing.on('close', () => finish('CLOSED'));
      outgoing.once('response', (response) => {
        answered = readAnswer(response, () => finish('CLOSED'));
      });
      outgoing.end(body);
    });
  };
}

/** Reads an answer's body until there is enough of it. Gives what shows the answer as far as it has come. */
function readAnswer(response: IncomingMessage, enough: () => void): () => Outcome {
  const chunks: Buffer[] = [];
  let kept = 0;
  let read = 0;
  response.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (kept < KEPT_BYTES) {
      const part = chunk.subarray(0, KEPT_BYTES - kept);
      chunks.push(part);
      kept += part.length;
    }
    if (read >= READ_BYTES) enough();
  });
  response.on('end', enough);
  response.on('error', enough);
  return () => ({
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    body: Buffer.concat(chunks).toString('utf8'),
  });
}
