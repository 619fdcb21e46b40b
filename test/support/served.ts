import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Service } from '#infra/local/aws-json.ts';

/** AWS services of the local product on a port of their own, each at its path. */
export interface Served {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

export async function served(services: Readonly<Record<string, Service>>): Promise<Served> {
  const server = createServer((request, response) => {
    const service = services[(request.url ?? '').replace(/\/$/, '')];
    if (service) void service(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
