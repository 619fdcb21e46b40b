import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { handle } from 'hono/aws-lambda';
import { schemasOf } from './schemas.ts';

/**
 * The usual way to a validated API with a contract: hono with @hono/zod-openapi, a route with its schemas for each of
 * five operations on ten resources, registered as the module loads.
 */
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const TableName = process.env['TABLE_NAME'];
const app = new OpenAPIHono();

const json = <Schema extends z.ZodType>(schema: Schema) => ({ content: { 'application/json': { schema } } });
const collectionParams = z.object({ code: z.string().regex(/^\d{4}$/) });
const recordParams = collectionParams.extend({ id: z.uuid() });
const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(2_000).optional(),
});
const problem = z.object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() });
const missing = { description: 'There is no such record.', ...json(problem) };
const notFound = { type: '/problems/not_found', title: 'Not found', status: 404, detail: 'No such record.' };

const keyOf = (code: string, id: string) => ({ pk: `T#${code}#R#${id}`, sk: 'A' });

for (const [name, schemas] of Object.entries(schemasOf(z as never))) {
  const { create, change, view, page } = schemas as unknown as Record<keyof typeof schemas, z.ZodObject>;
  const path = `/v1/municipalities/{code}/${name}`;
  const found = { description: 'The record.', ...json(view) };

  const read = async (code: string, id: string) => {
    const { Item } = await client.send(new GetCommand({ TableName, Key: keyOf(code, id), ConsistentRead: true }));
    return Item?.['type'] === name ? { ...Item['view'], ...Item['sensitive'] } : undefined;
  };
  const store = (code: string, record: Record<string, unknown>) =>
    client.send(
      new PutCommand({ TableName, Item: { ...keyOf(code, String(record['id'])), type: name, view: record } }),
    );

  app.openapi(
    createRoute({
      method: 'post',
      path,
      request: { params: collectionParams, body: { required: true, ...json(create) } },
      responses: { 201: found },
    }),
    async (call) => {
      const { code } = call.req.valid('param');
      const record = { ...call.req.valid('json'), id: crypto.randomUUID(), municipality: code, version: 1 };
      await store(code, record);
      return call.json(record, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path,
      request: { params: collectionParams, query: pageQuery },
      responses: { 200: { description: 'A page.', ...json(page) } },
    }),
    async (call) => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName,
          IndexName: 'list',
          KeyConditionExpression: 'listPk = :pk',
          ExpressionAttributeValues: { ':pk': `T#${call.req.valid('param').code}#L#${name}` },
          Limit: call.req.valid('query').limit,
        }),
      );
      return call.json({ items: Items.map((item) => item['view']) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: `${path}/{id}`,
      request: { params: recordParams },
      responses: { 200: found, 404: missing },
    }),
    async (call) => {
      const { code, id } = call.req.valid('param');
      const record = await read(code, id);
      return record ? call.json(record, 200, { etag: `"${record.version}"` }) : call.json(notFound, 404);
    },
  );
  app.openapi(
    createRoute({
      method: 'patch',
      path: `${path}/{id}`,
      request: { params: recordParams, body: { required: true, ...json(change) } },
      responses: { 200: found, 404: missing },
    }),
    async (call) => {
      const { code, id } = call.req.valid('param');
      const before = await read(code, id);
      if (!before) return call.json(notFound, 404);
      const record = { ...before, ...call.req.valid('json'), version: before.version + 1 };
      await store(code, record);
      return call.json(record, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: `${path}/external/{source}/{externalId}`,
      request: {
        params: collectionParams.extend({ source: z.string(), externalId: z.string() }),
        body: { required: true, ...json(create) },
      },
      responses: { 200: found },
    }),
    async (call) => {
      const { code, externalId } = call.req.valid('param');
      const record = { ...call.req.valid('json'), externalId, id: crypto.randomUUID(), municipality: code, version: 1 };
      await store(code, record);
      return call.json(record, 200);
    },
  );
}

export const handler = handle(app);
