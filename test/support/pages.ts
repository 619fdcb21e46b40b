import { expect } from 'vitest';
import type { Caller, Reply } from './livline.ts';

/** All items of a list, page by page, each page followed by its cursor. */
export async function pages(
  by: Caller,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Reply['body'][][]> {
  const all: Reply['body'][][] = [];
  let cursor: string | undefined;
  do {
    const { status, body } = await by.get(path, { ...query, ...(cursor !== undefined && { cursor }) });
    expect(status).toBe(200);
    all.push(body.items);
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  return all;
}
