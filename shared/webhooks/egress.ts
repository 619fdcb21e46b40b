import { type LookupAddress, lookup } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type FailureClass, failureClass } from './failure-class.ts';
import type { SecretOrigins } from './origins.ts';
import { isPublicAddress } from './public-address.ts';

/** What one POST came to. `status` is the receiver's; without it the request failed, and `error` is its class. */
export interface PostResult {
  readonly status?: number;
  readonly error?: FailureClass;
  readonly retryAfter?: string | undefined;
  readonly durationMs: number;
  readonly address?: string | undefined;
  /** The first 4 KB of the answer, as text. */
  readonly body?: string;
}

/** Whether the receiver took the webhook: a 2xx status line says so, whatever its body does. */
export const isTaken = ({ status }: PostResult): boolean => status !== undefined && status >= 200 && status < 300;

/** What we show a receiver that asks who we are (mTLS), both in PEM. */
export interface ClientCertificate {
  /** The certificate, after it those that lead to its authority. */
  readonly certificate: string;
  readonly key: string;
}

/** How to get an access token for a receiver: OAuth 2.0 client credentials (RFC 6749 §4.4). */
export interface ReceiverOauth {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
}

/** One POST, signed and ready. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Where its access token comes from: `withReceiverTokens` gets it; the guard itself knows no tokens. */
  readonly oauth?: ReceiverOauth | undefined;
  /** The origins that the secrets in it were given for, where it has any; `misdirection` compares them. */
  readonly secretOrigins?: SecretOrigins | undefined;
  /** Milliseconds that are left for it, where that is less than the guard's own limit. */
  readonly withinMs?: number;
  /** Bytes of the answer to keep, where 4 KB are not enough. */
  readonly keepBytes?: number;
}

/** Sends a webhook. Never throws: whatever happens is a result. */
export type Post = (request: PostRequest) => Promise<PostResult>;

/** Which receivers there may be. */
export interface EgressOptions {
  /** Whether `http://127.0.0.1` and `http://localhost` are receivers too. Set on a developer's machine only. */
  readonly allowLocal: boolean;
}

/**
 * What a test puts in the place of the network and the limits. Whoever deploys the guard gives none of it, and nothing
 * of it comes from the environment, a table or a request.
 */
export interface Laboratory {
  /** Milliseconds until the connection, TLS included, must stand: 5 s. */
  readonly connectMs?: number;
  /** Milliseconds for all of it: 20 s. */
  readonly totalMs?: number;
  /** Finds a name's addresses. */
  readonly resolve?: typeof lookup;
  /** Where the connection to a checked address really goes, and whose certificates are trusted there. */
  readonly wiring?: { readonly lead: (address: string) => string; readonly port: number; readonly ca?: string };
}

/** Bytes of an answer's body that are taken in at most. */
export const READ_BYTES = 64 * 1024;
/** What comes out of TLS comes in records of at most so many bytes (RFC 8446 §5.1): with room for one more, reading goes on. */
const CHUNK_BYTES = 16 * 1024;
const KEPT_BYTES = 4 * 1024;
/** Milliseconds that an attempt may take, its access token included. */
export const TOTAL_MS = 20_000;

const LOCAL_HOSTS = new Set(['127.0.0.1', 'localhost']);
/** Names that no public name server knows (RFC 6761, RFC 8375, RFC 9476 and ICANN's `internal`). */
const PRIVATE_NAME = /\.(?:localhost|local|internal|home\.arpa|onion|alt)$/;
/** A host name of two labels or more (RFC 1123 §2.1). */
const HOST_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Why a URL may not be a receiver, judged by its text alone; undefined where it may. */
export function urlRefusal(text: string, { allowLocal }: EgressOptions): string | undefined {
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return 'This must be a URL such as https://example.dk/webhooks.';
  const { protocol, hostname, port, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'The URL must have no user name or password.';
  if (hash !== '') return 'The URL must have no fragment.';
  if (allowLocal && protocol === 'http:' && LOCAL_HOSTS.has(hostname)) return undefined;
  if (protocol !== 'https:') return 'The URL must begin with https.';
  if (port !== '') return 'The URL must use port 443.';
  // The URL parser has turned every spelling of an IPv4 address (octal, hex, one number) into four decimals by now.
  if (hostname.startsWith('[') || isIP(hostname) !== 0) return 'The URL must have a host name, not an address.';
  const name = hostname.replace(/\.$/, '');
  return HOST_NAME.test(name) && !PRIVATE_NAME.test(name) ? undefined : 'The URL must have a public host name.';
}

class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';
}

/**
 * Resolves a name once and gives the connection the very addresses that were checked; one refused address among several
 * refuses all. Node never calls this for an address literal, which is why literals are refused by their text.
 */
const publicLookup =
  ({ resolve = lookup, wiring }: Laboratory): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      if (found.length === 0 || !found.every(({ address }) => isPublicAddress(address))) {
        return callback(new AddressRefused('The name leads to an address that is not public'), '');
      }
      const reached = wiring
        ? found.map(({ address }) => wiring.lead(address)).map((address) => ({ address, family: isIP(address) }))
        : found;
      const [first] = reached as [LookupAddress];
      return options.all ? callback(null, reached) : callback(null, first.address, first.family);
    });
  };

type Outcome = Omit<PostResult, 'durationMs' | 'address'>;

/** Gives the function that posts webhooks: redirects not followed, time and memory bounded, bodies never decompressed. */
export function postWebhook(options: EgressOptions, laboratory: Laboratory = {}): Post {
  const { connectMs = 5_000, totalMs = TOTAL_MS, wiring } = laboratory;
  return ({ url, headers, body, clientCertificate, withinMs = totalMs, keepBytes = KEPT_BYTES }) => {
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    const refusal = urlRefusal(url, options);
    if (refusal !== undefined) return Promise.resolve({ error: 'URL_REFUSED', durationMs: 0 });
    const target = new URL(url);
    const local = target.protocol === 'http:';
    return new Promise((settle) => {
      let address: string | undefined;
      let answered: (() => Outcome) | undefined;
      let outgoing: ClientRequest | undefined;
      const finish = (error: FailureClass) => {
        clearTimeout(connecting);
        clearTimeout(total);
        // The status line decides: however the body ends after it changes nothing.
        settle({ ...(answered?.() ?? { error }), durationMs: elapsed(), address });
        outgoing?.destroy();
      };
      const connecting = setTimeout(finish, connectMs, 'CONNECT_TIMEOUT');
      const total = setTimeout(finish, Math.min(totalMs, withinMs), 'TIMEOUT');
      const send = local ? requestHttp : requestHttps;
      try {
        outgoing = send(target, {
          method: 'POST',
          agent: false,
          // Host decides SNI too, so it is no header that an endpoint may set.
          headers: { ...headers, host: target.host, 'content-length': Buffer.byteLength(body) },
          ...(!local && {
            lookup: publicLookup(laboratory),
            // A name as TLS sends it has no final dot (RFC 6066 §3).
            servername: target.hostname.replace(/\.$/, ''),
            // Said here, because node lets the environment switch it off.
            rejectUnauthorized: true,
            ...(clientCertificate && { cert: clientCertificate.certificate, key: clientCertificate.key }),
            ...(wiring && { port: wiring.port, ca: wiring.ca }),
          }),
        });
      } catch (error) {
        return finish(failureClass(error));
      }
      outgoing.once('socket', (socket) => {
        socket.once(local ? 'connect' : 'secureConnect', () => {
          clearTimeout(connecting);
          address = socket.remoteAddress;
        });
      });
      outgoing.on('error', (error) => finish(failureClass(error)));
      // Node closes without an error when it is answered with 101.
      outgoing.on('close', () => finish('CLOSED'));
      outgoing.once('response', (response) => {
        answered = readAnswer(response, keepBytes, () => finish('CLOSED'));
      });
      outgoing.end(body);
    });
  };
}

/** Reads an answer's body until there is enough of it. Gives what shows the answer as far as it has come. */
function readAnswer(response: IncomingMessage, keepBytes: number, enough: () => void): () => Outcome {
  const chunks: Buffer[] = [];
  let kept = 0;
  let read = 0;
  response.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (kept < keepBytes) {
      const part = chunk.subarray(0, keepBytes - kept);
      chunks.push(part);
      kept += part.length;
    }
    if (read > READ_BYTES - CHUNK_BYTES) enough();
  });
  response.on('end', enough);
  response.on('error', enough);
  return () => ({
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    body: textOf(Buffer.concat(chunks), keepBytes),
  });
}

/** Bytes as text of at most as many bytes: what is no UTF-8 is longer as text than it was, and a character may be cut. */
function textOf(bytes: Buffer, most: number): string {
  const whole = (part: Buffer) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(part, { stream: true });
  return whole(Buffer.from(whole(bytes)).subarray(0, most));
}
