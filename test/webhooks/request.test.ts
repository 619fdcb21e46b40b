import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { postRequest } from '#shared/webhooks/request.ts';
import { newSecret, signV1 } from '#shared/webhooks/sign.ts';
import { rowsOf } from '#test/support/content.ts';
import { createFamily, subscribe } from '#test/support/endpoints.ts';
import { type Livline, startLivline } from '#test/support/livline.ts';
import { startPipeline } from '#test/support/pipeline.ts';

let livline: Livline;
const logged: string[] = [];
beforeAll(async () => {
  livline = await startLivline();
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => logged.push(String(chunk)) > 0);
});

describe('what is posted', () => {
  it('is the message byte for byte, signed for the second it is sent in', () => {
    const secret = newSecret();
    const message = { id: 'evt_1', body: '{"a":  "å"}' };
    const { url, headers, body } = postRequest(
      { url: 'https://sag.example.dk/', signatures: ['v1'], secret, secretVersion: 1 },
      message,
      '2026-11-20T09:00:00.999Z',
    );
    expect([url, body, headers['webhook-id']]).toEqual(['https://sag.example.dk/', message.body, message.id]);
    const timestamp = Date.parse('2026-11-20T09:00:00.000Z') / 1000;
    expect(headers['webhook-timestamp']).toBe(String(timestamp));
    expect(headers['webhook-signature']).toBe(signV1(secret, { ...message, timestamp }));
  });

  it('to an endpoint from before signatures could be chosen is signed with v1', () => {
    const secret = newSecret();
    const message = { id: 'evt_1', body: '{}' };
    const { headers } = postRequest({ url: 'https://sag.example.dk/', secret }, message, '2026-11-20T09:00:00.000Z');
    expect(headers['webhook-signature']).toMatch(/^v1,\S+$/);
  });
});

describe('secret unreadable', () => {
  it('is our fault: not counted, retried, and delivered once it can be read', async () => {
    const at = await livline.freshMunicipality();
    const endpoint = await subscribe(livline, at);
    await createFamily(at);
    const pipeline = startPipeline(livline, at.code);
    await pipeline.relayFresh();
    const [message] = pipeline.queue.splice(0);
    if (!message) throw new Error('No hint');

    const { client, tableName: TableName } = livline.store;
    const [row] = await rowsOf(livline.store, at.code, 'webhook-endpoints');
    const keep = (sensitive: string) =>
      client.send(
        new UpdateCommand({
          TableName,
          Key: { pk: row?.['pk'], sk: row?.['sk'] },
          UpdateExpression: 'SET #sensitive = :text',
          ExpressionAttributeNames: { '#sensitive': 'sensitive' },
          ExpressionAttributeValues: { ':text': sensitive },
        }),
      );
    const { secret } = JSON.parse(row?.['sensitive']);
    const broken = secret.secret.replace(/.$/, (last: string) => (last === 'A' ? 'Q' : 'A'));
    await keep(JSON.stringify({ secret: { secret: broken } }));
    await pipeline.deliver(message.hint);
    expect(pipeline.received).toEqual([]);
    const [waiting] = await rowsOf(livline.store, at.code, 'delivery');
    expect(waiting?.['view']).toMatchObject({ status: 'pending', attempts: 0 });
    expect(logged.join('')).toContain('SealBroken');

    await keep(row?.['sensitive']);
    await pipeline.untilQuiet();
    expect(pipeline.received).toHaveLength(1);
    expect(pipeline.received[0]?.url).toBe(endpoint.url);
    const [done] = await rowsOf(livline.store, at.code, 'delivery');
    expect(done?.['view']).toMatchObject({ status: 'delivered', attempts: 1 });
    expect(logged.join('')).not.toContain(endpoint.secret);
  });
});
