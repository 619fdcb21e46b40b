import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { verifyWebhook, WebhookRefused } from '#shared/webhooks/verify.ts';

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

/** Whether the library of Standard Webhooks accepts a message: a second opinion, which is not ours. */
export function libraryAccepts(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

/** What a receiver does with a request: nothing, unless it is proven to be from Livline. */
function isGenuine(secret: string | undefined, headers: IncomingHttpHeaders, body: Buffer): boolean {
  if (secret === undefined) return false;
  try {
    verifyWebhook(secret, headers, body);
    return true;
  } catch (error) {
    if (error instanceof WebhookRefused) return false;
    throw error;
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
      const bytes = Buffer.concat(chunks);
      const headers = request.headers as Record<string, string>;
      const genuine = isGenuine(secret, headers, bytes);
      const body = bytes.toString('utf8');
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
