import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setInterval as every } from 'node:timers';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';

/** What a receiver has in hand once a request has arrived: HTTP, the bytes inside TLS, and the connection below it. */
export interface Exchange {
  readonly response: ServerResponse;
  readonly socket: TLSSocket;
  readonly connection: Socket;
}

/** How a receiver answers one request. */
export type Behaviour = (exchange: Exchange) => void;

export const MEGABYTE = 1024 * 1024;
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, body = ''): Behaviour =>
  ({ response }) =>
    void response.writeHead(code, headers).end(body);

/** An answer in JSON. */
export const json = (body: unknown, code = 200): Behaviour =>
  status(code, { 'content-type': 'application/json' }, JSON.stringify(body));

/** Writes these bytes as they are, and says no more. */
export const raw =
  (text: string): Behaviour =>
  ({ socket }) =>
    void socket.write(text);

const dripped =
  (start: string, drop: string): Behaviour =>
  ({ socket }) => {
    socket.write(start);
    const dripping = every(() => socket.write(drop), 10);
    socket.on('close', () => clearInterval(dripping));
  };

export const drippedHead = dripped('HTTP/1.1 200 OK\r\n', 'x: y\r\n');
export const drippedBody = dripped(`${HEAD}\r\n`, '.');
export const endlessEarlyHints = dripped('', 'HTTP/1.1 103 Early Hints\r\n\r\n');

/** A body of 1 GiB, as fast as it is taken. */
export const gigabyte: Behaviour = ({ socket }) => {
  const chunk = Buffer.alloc(MEGABYTE, 'x');
  let left = 1024;
  socket.write(`${HEAD}content-length: ${left * MEGABYTE}\r\n\r\n`);
  const pour = () => {
    while (!socket.destroyed && left > 0) {
      left -= 1;
      if (!socket.write(chunk)) return void socket.once('drain', pour);
    }
  };
  pour();
};

/** 64 MiB in some 64 KB. */
export const gzipBomb: Behaviour = ({ response }) =>
  void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * MEGABYTE)));

export const hang: Behaviour = () => undefined;
export const closed: Behaviour = ({ socket }) => void socket.end();
export const switching = raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');

export const resetBeforeHead: Behaviour = ({ connection }) => void connection.resetAndDestroy();

/** Promises a longer body than it sends before it breaks off. */
export const resetAfterHead: Behaviour = ({ socket, connection }) =>
  void socket.write(`${HEAD}content-length: 100\r\n\r\npartly`, () => setImmediate(() => connection.resetAndDestroy()));
