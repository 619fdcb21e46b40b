import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { Hono } from 'hono';
import { handle } from 'hono/aws-lambda';
import * as z from 'zod';
import { schemasOf } from './schemas.ts';

/**
 * Hono, zod and the document client, nothing else: validates the body, stores one item, answers with the record. It
 * checks no grant, writes no event and keeps nothing for a repeated request.
 */
export function honoZod(client: DynamoDBDocumentClient, tableName: string) {
  const { create } = schemasOf(z).families;
  const app = new Hono();
  app.post('/v1/municipalities/:code/families', async (call) => {
    const parsed = create.safeParse(await call.req.json());
    if (!parsed.success) return call.json({ status: 422, errors: parsed.error.issues }, 422);
    const code = call.req.param('code');
    const id = crypto.randomUUID();
    const now = new Date().toISOString();
    const { outsideWork, adults, ...fields } = parsed.data as z.output<typeof create> & Record<string, unknown>;
    const view = {
      id,
      municipality: code,
      version: 1,
      ...fields,
      source: 'municipal',
      createdAt: now,
      createdBy: 'client',
      updatedAt: now,
      updatedBy: 'client',
    };
    await client.send(
      new PutCommand({
        TableName: tableName,
        Item: { pk: `T#${code}#R#${id}`, sk: 'A', type: 'families', view, sensitive: { outsideWork, adults } },
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    );
    return call.json(view, 201, {
      etag: '"1"',
      location: `/v1/municipalities/${code}/families/${id}`,
      'cache-control': 'no-store',
    });
  });
  return handle(app);
}
