import type { lookup } from 'node:dns';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';
import { setInterval as every } from 'node:timers';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { postWebhook } from '#shared/webhooks/egress.ts';

const running: Server[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of running.splice(0)) server.close();
});

async function listen(server: Server): Promise<string> {
  running.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=b`;
}

/** A receiver that answers with HTTP. */
const receiver = (answer: (request: IncomingMessage, response: ServerResponse) => void) => listen(createServer(answer));

/** A receiver that does with the socket what it likes once the request has begun to arrive. */
const rawReceiver = (answer: (socket: Socket) => void) =>
  listen(createSocketServer((socket) => socket.once('data', () => answer(socket))));

const LIMIT_MS = 250;
/** Above what a bounded POST takes on a busy machine, far below what the unbounded ones would take. */
const SOON_MS = 5_000;
const post = postWebhook({ allowLocal: true }, { connectMs: LIMIT_MS, totalMs: LIMIT_MS });
/** For answers that are not meant to run into a limit. */
const patient = postWebhook({ allowLocal: true });
const request = (url: string) => ({ url, headers: { 'webhook-id': 'evt_1' }, body: '{"text":"Åen"}' });

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n';

/** Writes a little every few milliseconds, as long as the socket lives. */
function drip(socket: Socket, text: string): void {
  const dripping = every(() => socket.write(text), 10);
  socket.on('close', () => clearInterval(dripping));
}

describe('a POST', () => {
  it('brings the very bytes and headers, and tells what was answered and from where', async () => {
    const got: object[] = [];
    const url = await receiver(({ method, url: path, headers }, response) => {
      got.push({ method, path, headers });
      response.writeHead(202, { 'retry-after': '120' }).end('Taken');
    });
    const durationMs = expect.any(Number);
    const result = await patient(request(url));
    expect(result).toEqual({ status: 202, body: 'Taken', retryAfter: '120', address: '127.0.0.1', durationMs });
    const headers = { 'webhook-id': 'evt_1', 'content-length': '15' };
    expect(got).toMatchObject([{ method: 'POST', path: '/hook?a=b', headers }]);
  });

  it('brings the very bytes of the body', async () => {
    const url = await receiver((incoming, response) => void incoming.pipe(response));
    const sent = request(url);
    expect((await patient(sent)).body).toBe(sent.body);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    let visited = 0;
    const target = await receiver((_, response) => {
      visited += 1;
      response.end();
    });
    const url = await receiver((_, response) => response.writeHead(status, { location: target }).end());
    expect(await patient(request(url))).toMatchObject({ status });
    expect(visited).toBe(0);
  });

  it('keeps 4 KB of an endless body, and reads little more', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const url = await rawReceiver((socket) => {
      socket.write(HEAD);
      const pour = () => {
        while (!socket.destroyed) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', pour);
        }
      };
      pour();
    });
    const before = process.memoryUsage().rss;
    const result = await patient(request(url));
    expect(result).toMatchObject({ status: 200, body: 'x'.repeat(4 * 1024) });
    // What the sockets of both sides hold is sent too.
    expect(sent).toBeLessThan(20 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('decompresses nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
    const url = await receiver((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const { status, body } = await patient(request(url));
    expect(status).toBe(200);
    expect(body).toBe(bomb.subarray(0, 4 * 1024).toString());
  });

  it.each([
    ['hangs', () => undefined, { error: 'TIMEOUT' }],
    ['drips its head', (socket: Socket) => drip(socket, 'H'), { error: 'HPE_INVALID_CONSTANT' }],
    [
      'drips its headers',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        drip(socket, 'x: y\r\n');
      },
      { error: 'TIMEOUT' },
    ],
    [
      'sends nothing but 103',
      (socket: Socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
      { error: 'TIMEOUT' },
    ],
    [
      'drips its body after 200, which is a success',
      (socket: Socket) => {
        socket.write(HEAD);
        drip(socket, '.');
      },
      { status: 200, body: expect.stringMatching(/^\.+$/) },
    ],
    ['resets', (socket: Socket) => void socket.resetAndDestroy(), { error: 'ECONNRESET' }],
    ['closes without a word', (socket: Socket) => void socket.end(), { error: 'ECONNRESET' }],
    [
      'resets after 200, which is a success',
      (socket: Socket) => void socket.write(`${HEAD}partly`, () => setImmediate(() => socket.resetAndDestroy())),
      { status: 200 },
    ],
    [
      'speaks no HTTP',
      (socket: Socket) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
      { error: 'HPE_INVALID_CONSTANT' },
    ],
    [
      'sends a head without end',
      (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`),
      { error: 'HPE_HEADER_OVERFLOW' },
    ],
    [
      'switches protocols',
      (socket: Socket) =>
        void socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      { error: 'CLOSED' },
    ],
  ])('to a receiver that %s is over in time', async (_, answer, expected) => {
    const url = await rawReceiver(answer);
    const started = performance.now();
    expect(await post(request(url))).toMatchObject(expected);
    expect(performance.now() - started).toBeLessThan(SOON_MS);
  });

  it('is not held up by another one that hangs', async () => {
    const hanging = patient(request(await rawReceiver(() => undefined)));
    const url = await receiver((_, response) => response.writeHead(204).end());
    expect(await post(request(url))).toMatchObject({ status: 204 });
    for (const socket of sockets) socket.destroy();
    expect(await hanging).toMatchObject({ error: 'ECONNRESET' });
  });

  it('to nobody has failed', async () => {
    const url = await receiver(() => undefined);
    await new Promise((closed) => running.splice(0)[0]?.close(closed));
    expect(await patient(request(url))).toMatchObject({ error: 'ECONNREFUSED' });
  });
});

describe('a name', () => {
  type Found = { address: string; family: number }[];
  const resolving = (answer: (callback: (error: NodeJS.ErrnoException | null, found: Found) => void) => void) => {
    const asked: string[] = [];
    const resolve = ((
      hostname: string,
      _: object,
      callback: (error: NodeJS.ErrnoException | null, found: Found) => void,
    ) => {
      asked.push(hostname);
      answer(callback);
    }) as unknown as typeof lookup;
    return { asked, send: postWebhook({ allowLocal: false }, { connectMs: LIMIT_MS, totalMs: LIMIT_MS, resolve }) };
  };
  const url = 'https://sag.example.dk/';

  it.each([
    ['loopback', ['127.0.0.1']],
    ['loopback in IPv6', ['::1']],
    ['the metadata service', ['169.254.169.254']],
    ['a private address among public ones', ['93.184.216.34', '10.0.0.1']],
    ['an IPv4 address in IPv6', ['::ffff:10.0.0.1']],
    ['no address', []],
  ])('that leads to %s gets no connection', async (_, addresses) => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const { asked, send } = resolving((callback) => callback(null, found));
    const result = await send(request(url));
    expect(result).toEqual({ error: 'ADDRESS_REFUSED', durationMs: expect.any(Number), address: undefined });
    expect(asked).toEqual(['sag.example.dk']);
  });

  it('that does not exist has failed, and so has one that nobody resolves in time', async () => {
    const missing = resolving((callback) =>
      callback(Object.assign(new Error('No such name'), { code: 'ENOTFOUND' }), []),
    );
    expect(await missing.send(request(url))).toMatchObject({ error: 'ENOTFOUND' });
    const silent = resolving(() => undefined);
    expect(await silent.send(request(url))).toMatchObject({ error: 'CONNECT_TIMEOUT' });
  });

  it('is not even looked up where the text of its URL is refused', async () => {
    const { asked, send } = resolving((callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]));
    for (const refused of ['https://localhost/', 'http://sag.example.dk/', 'https://127.1/', 'http://127.0.0.1:1/']) {
      expect(await send(request(refused))).toEqual({ error: 'URL_REFUSED', durationMs: 0 });
    }
    expect(asked).toEqual([]);
  });
});
