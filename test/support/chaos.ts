import type { lookup } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type EgressOptions, type Laboratory, type Post, postWebhook } from '#shared/webhooks/egress.ts';
import { type Behaviour, status } from './chaos-answers.ts';
import { makeAuthority, selfSigned } from './chaos-certificates.ts';

/** The name under which a chaos receiver is known. */
export const HOST = 'sag.example.dk';
/** Public, and never connected to: the guard's connection is led to the receiver once the address is approved. */
export const PUBLIC_ADDRESS = '93.184.216.34';

/** One request as it arrived. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** When, in milliseconds since 1970 by the receiver's clock. */
  readonly at: number;
  readonly remoteAddress: string | undefined;
  /** The name that TLS asked for (SNI). */
  readonly servername: string | false | null;
  /** SHA-256 of the client certificate, if one came. */
  readonly clientFingerprint: string | undefined;
}

/** What a receiver shows of itself. */
export type Identity = 'valid' | 'expired' | 'not valid yet' | 'wrong host' | 'self-signed' | 'of an unknown authority';

export interface ChaosOptions {
  readonly identity?: Identity;
  /** Whether it lets nobody in without a client certificate of its authority. */
  readonly asksForCertificate?: boolean;
  readonly now?: () => Date;
}

const DAY_MS = 86_400_000;
const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

let made: ReturnType<typeof makeAuthority> | undefined;
/** The authority that the guard is told to trust, made once in a test file. */
export const authority = () => {
  made ??= makeAuthority();
  return made;
};

async function identify(identity: Identity) {
  const trusted = await authority();
  switch (identity) {
    case 'expired':
      return trusted.issue({ name: HOST, notBefore: daysFromNow(-30), notAfter: daysFromNow(-1) });
    case 'not valid yet':
      return trusted.issue({ name: HOST, notBefore: daysFromNow(1) });
    case 'wrong host':
      return trusted.issue({ name: 'other.example.dk' });
    case 'self-signed':
      return selfSigned({ name: HOST });
    case 'of an unknown authority':
      return (await makeAuthority()).issue({ name: HOST });
    default:
      return trusted.issue({ name: HOST });
  }
}

/** A name server that answers each question in turn, the last answer again and again; `undefined` is no answer at all. */
export function resolver(...answers: readonly (readonly string[] | Error | undefined)[]) {
  const asked: string[] = [];
  const resolve = ((
    hostname: string,
    _: object,
    callback: (error: Error | null, found: { address: string; family: number }[]) => void,
  ) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(hostname);
    if (answer instanceof Error) callback(answer, []);
    else if (answer)
      callback(
        null,
        answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  }) as unknown as typeof lookup;
  return { asked, resolve };
}

/**
 * A case system that does what it likes, behind real TLS with certificates made at run time. `answer` says how; what
 * arrives is kept in `arrivals`, and `connections` counts those too that never came to a request.
 */
export async function startChaos({ identity = 'valid', asksForCertificate = false, now }: ChaosOptions = {}) {
  const [{ certificate, key }, trusted] = await Promise.all([identify(identity), authority()]);
  const arrivals: Arrival[] = [];
  const open = new Map<number | undefined, Socket>();
  const counts = { connections: 0, bytesWritten: 0 };
  let choose: (arrival: Arrival, nth: number) => Behaviour = () => status(204);

  const server = createServer({
    cert: certificate,
    key,
    ca: trusted.certificate,
    requestCert: asksForCertificate,
    rejectUnauthorized: asksForCertificate,
  });
  server.on('connection', (connection: Socket) => {
    counts.connections += 1;
    const { remotePort } = connection;
    open.set(remotePort, connection);
    connection.on('error', () => undefined);
    connection.on('close', () => {
      counts.bytesWritten += connection.bytesWritten;
      open.delete(remotePort);
    });
  });
  server.on('tlsClientError', () => undefined);
  server.on('request', async (request, response) => {
    const socket = request.socket as TLSSocket;
    socket.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const arrival: Arrival = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      at: (now?.() ?? new Date()).getTime(),
      remoteAddress: socket.remoteAddress,
      servername: socket.servername,
      clientFingerprint: socket.getPeerX509Certificate()?.fingerprint256,
    };
    arrivals.push(arrival);
    const connection = open.get(socket.remotePort);
    if (connection) choose(arrival, arrivals.length)({ response, socket, connection });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;

  /** Breaks off whatever is connected. */
  function cutOff() {
    for (const connection of open.values()) connection.destroy();
  }

  /** What leads the guard's connections here. */
  const laboratory = {
    resolve: resolver([PUBLIC_ADDRESS]).resolve,
    wiring: { lead: () => '127.0.0.1', port, ca: trusted.certificate },
  };
  return {
    url: `https://${HOST}/hook?a=b`,
    arrivals,
    counts,
    laboratory,
    /** The real guard, whose connections are led here. */
    post: (over: Laboratory = {}, options: EgressOptions = { allowLocal: false }): Post =>
      postWebhook(options, { ...laboratory, ...over }),
    /** Answers whatever arrives from now on. */
    answer(behaviour: Behaviour) {
      choose = () => behaviour;
    },
    /** Chooses an answer for each; `nth` counts what has arrived, from 1. */
    answerEach(chooser: typeof choose) {
      choose = chooser;
    },
    cutOff,
    async stop(): Promise<void> {
      cutOff();
      await new Promise((closed) => server.close(closed));
    },
  };
}

export type Chaos = Awaited<ReturnType<typeof startChaos>>;
