import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { postWebhook } from '#shared/webhooks/egress.ts';
import { type Chaos, HOST, startChaos } from '#test/support/chaos.ts';
import * as answers from '#test/support/chaos-answers.ts';
import { MEGABYTE, status } from '#test/support/chaos-answers.ts';

let chaos: Chaos;
let target: Chaos;
beforeAll(async () => {
  [chaos, target] = await Promise.all([startChaos(), startChaos()]);
  return () => Promise.all([chaos.stop(), target.stop()]);
});
afterEach(() => {
  chaos.answer(status(204));
  chaos.arrivals.length = 0;
});

const request = (over: object = {}) => ({
  url: chaos.url,
  headers: { 'webhook-id': 'evt_1' },
  body: '{"text":"Åen"}',
  ...over,
});

/** Long enough for a head to come on a busy machine. */
const HASTY = { totalMs: 1_000 };
/** What only the limit ends: without one, a test would run into its own. */
const ENDLESS = new Set([answers.hang, answers.drippedHead, answers.drippedBody, answers.endlessEarlyHints]);

/** Runs, and counts meanwhile what the guard reads of an answer: bytes of the body, and bytes off the wire. */
async function counting<Result>(run: () => Promise<Result>) {
  const sockets: Socket[] = [];
  let bodyBytes = 0;
  const opened = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  const answered = (message: unknown) => {
    const { response } = message as { response: IncomingMessage };
    response.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length;
    });
  };
  subscribe('net.client.socket', opened);
  subscribe('http.client.response.finish', answered);
  try {
    const result = await run();
    return { result, bodyBytes, wireBytes: Math.max(...sockets.map(({ bytesRead }) => bytesRead)) };
  } finally {
    unsubscribe('net.client.socket', opened);
    unsubscribe('http.client.response.finish', answered);
  }
}

describe('a POST', () => {
  it('brings the very bytes and headers over TLS, with SNI and Host kept, and tells what was answered and from where', async () => {
    chaos.answer(status(202, { 'retry-after': '120' }, 'Taken'));
    const result = await chaos.post()(request({ headers: { 'webhook-id': 'evt_1', Host: 'other.example.dk' } }));
    const durationMs = expect.any(Number);
    expect(result).toEqual({ status: 202, body: 'Taken', retryAfter: '120', address: '127.0.0.1', durationMs });
    expect(chaos.arrivals).toMatchObject([
      {
        method: 'POST',
        path: '/hook?a=b',
        servername: HOST,
        body: request().body,
        headers: { host: HOST, 'webhook-id': 'evt_1', 'content-length': '15' },
      },
    ]);
  });

  it('to a name with a final dot asks TLS for the name without it', async () => {
    expect(await chaos.post()(request({ url: `https://${HOST}./` }))).toMatchObject({ status: 204 });
    expect(chaos.arrivals).toMatchObject([{ servername: HOST }]);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect: the target of a %i is never visited', async (code) => {
    chaos.answer(status(code, { location: target.url }));
    expect(await chaos.post()(request())).toMatchObject({ status: code });
    expect(chaos.arrivals).toHaveLength(1);
    expect(target.counts.connections).toBe(0);
  });

  it('goes to this machine in the clear where a developer allows it', async () => {
    const server = createServer((incoming, response) => void incoming.pipe(response));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await postWebhook({ allowLocal: true })(request({ url }))).toMatchObject({ body: request().body });
    expect(await postWebhook({ allowLocal: false })(request({ url }))).toEqual({ error: 'URL_REFUSED', durationMs: 0 });
    await new Promise((closed) => server.close(closed));
    expect(await postWebhook({ allowLocal: true })(request({ url }))).toMatchObject({ error: 'CONNECT_REFUSED' });
  });

  it('that cannot even be made is a result too', async () => {
    expect(await chaos.post()(request({ headers: { 'x-one': 'a\r\nb' } }))).toMatchObject({ error: 'UNKNOWN' });
    const clientCertificate = { certificate: 'none', key: 'none' };
    expect(await chaos.post()(request({ clientCertificate }))).toMatchObject({ error: 'UNKNOWN' });
    expect(chaos.arrivals).toEqual([]);
  });
});

describe('of an answer', () => {
  it('of 1 GiB at most 64 KB are read and 4 KB kept, in little memory', async () => {
    chaos.answer(answers.gigabyte);
    const before = process.memoryUsage().arrayBuffers;
    const { result, bodyBytes, wireBytes } = await counting(() => chaos.post()(request()));
    expect(result).toMatchObject({ status: 200, body: 'x'.repeat(4 * 1024) });
    expect(bodyBytes).toBeGreaterThan(32 * 1024);
    expect(bodyBytes).toBeLessThanOrEqual(64 * 1024);
    // Node takes 64 KB off the wire at a time.
    expect(wireBytes).toBeLessThan(3 * 64 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MEGABYTE);
  });

  it('that is a gzip bomb nothing is decompressed', async () => {
    chaos.answer(answers.gzipBomb);
    const { result, bodyBytes } = await counting(() => chaos.post()(request()));
    expect(result.status).toBe(200);
    // The magic number of gzip, its second byte no UTF-8.
    expect(result.body?.startsWith('\u001f\ufffd\b')).toBe(true);
    expect(bodyBytes).toBeLessThanOrEqual(64 * 1024);
  });

  it.each([
    ['what is no text', Buffer.alloc(8_000, 0xff).toString('latin1'), /^\u{fffd}+$/u],
    ['a letter that is cut in two', `x${'å'.repeat(4_000)}`, /^xå+$/],
  ])('at most 4 KB are kept, as text: %s', async (_, body, expected) => {
    chaos.answer(({ response }) => void response.writeHead(200).end(body, body.startsWith('x') ? 'utf8' : 'latin1'));
    const { body: kept = '' } = await chaos.post()(request());
    expect(kept).toMatch(expected);
    expect(Buffer.byteLength(kept)).toBeGreaterThan(4_000);
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(4 * 1024);
  });
});

describe('a receiver that', () => {
  it.each([
    ['hangs', answers.hang, { error: 'TIMEOUT' }],
    ['drips its head', answers.drippedHead, { error: 'TIMEOUT' }],
    ['sends nothing but 103', answers.endlessEarlyHints, { error: 'TIMEOUT' }],
    [
      'drips its body after 200, which is a success',
      answers.drippedBody,
      { status: 200, body: expect.stringMatching(/^\.+$/) },
    ],
    ['resets before its head', answers.resetBeforeHead, { error: 'RESET' }],
    ['resets after 200, which is a success', answers.resetAfterHead, { status: 200 }],
    ['closes without a word', answers.closed, { error: 'RESET' }],
    ['speaks no HTTP', answers.raw('SSH-2.0-OpenSSH_9.6\r\n'), { error: 'NOT_HTTP' }],
    ['sends a head without end', answers.raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`), { error: 'NOT_HTTP' }],
    ['switches protocols (101)', answers.switching, { error: 'CLOSED' }],
  ])('%s is done with in time', async (_, behaviour, expected) => {
    chaos.answer(behaviour);
    const result = await chaos.post(ENDLESS.has(behaviour) ? HASTY : {})(request());
    expect(result).toMatchObject(expected);
    expect(result.status === undefined || result.error === undefined).toBe(true);
  });

  it('hangs is given up after what is left of the attempt, where that is less than the limit', async () => {
    chaos.answer(answers.hang);
    expect(await chaos.post()(request({ withinMs: 50 }))).toMatchObject({ error: 'TIMEOUT' });
  });

  it('hangs holds up no other', async () => {
    chaos.answerEach((_, nth) => (nth === 1 ? answers.hang : status(204)));
    const hanging = chaos.post()(request());
    await expect.poll(() => chaos.arrivals.length).toBe(1);
    expect(await chaos.post()(request())).toMatchObject({ status: 204 });
    const { connections } = chaos.counts;
    expect(connections).toBeGreaterThan(1);
    chaos.cutOff();
    expect(await hanging).toMatchObject({ error: 'RESET' });
  });
});
