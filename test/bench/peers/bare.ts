import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import * as z from 'zod';
import { schemasOf } from './schemas.ts';

/**
 * A handler without any framework: the document client, its forty schemas built as it loads, one read. It knows neither
 * clients nor grants, so it makes one round trip where ours makes two.
 */
const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const schemas = schemasOf(z);

const PATH = /^\/v1\/municipalities\/(\d{4})\/([\w-]+)\/([\w-]+)$/;

export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  const [, code = '', collection = '', id = ''] = PATH.exec(event.path) ?? [];
  const scope = event.requestContext.authorizer?.['claims']?.scope ?? '';
  if (!scope.includes(`livline/${collection}:read`)) return { statusCode: 403, body: '' };
  const { Item } = await client.send(
    new GetCommand({
      TableName: process.env['TABLE_NAME'],
      Key: { pk: `T#${code}#R#${id}`, sk: 'A' },
      ConsistentRead: true,
    }),
  );
  if (!Object.hasOwn(schemas, collection) || Item?.['type'] !== collection) return { statusCode: 404, body: '' };
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json', etag: `"${Item['view'].version}"` },
    body: JSON.stringify({ ...Item['view'], ...Item['sensitive'] }),
  };
}
