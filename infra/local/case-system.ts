import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** A webhook that arrived and whose signature was good. */
export interface Arrival {
  readonly id: string;
  readonly event: { readonly type: string; readonly subject: string; readonly sequence: string };
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A municipal case system as the demo needs one: it takes webhooks, checks each signature and keeps what was good. */
export interface CaseSystem {
  readonly url: string;
  readonly arrivals: readonly Arrival[];
  readonly refused: number;
  /** The secret comes with the endpoint's registration; before that nothing is accepted. */
  trust(secret: string): void;
  stop(): Promise<void>;
}

/** Whether the receiver's own library accepts a message. */
export function isGenuine(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

/** Sends a message as a case system does, signed with its connection's secret by its own library. Gives the status. */
export async function sendSigned(url: string, secret: string, message: object): Promise<number> {
  const [id, at, body] = [`msg_${randomUUID()}`, new Date(), JSON.stringify(message)];
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

export async function startCaseSystem(): Promise<CaseSystem> {
  const arrivals: Arrival[] = [];
  let refused = 0;
  let secret: string | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const headers = request.headers as Record<string, string>;
      const genuine = secret !== undefined && isGenuine(secret, body, headers);
      if (genuine)
        arrivals.push({
          id: String(headers['webhook-id']),
          event: JSON.parse(body) as Arrival['event'],
          headers,
          body,
        });
      else refused += 1;
      response.writeHead(genuine ? 204 : 401).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/livline`,
    arrivals,
    get refused() {
      return refused;
    },
    trust: (given) => {
      secret = given;
    },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}
