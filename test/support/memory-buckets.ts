import { type Buckets, type ObjectBody, objectKey } from '#shared/archive/bucket.ts';

/** What an object is made of, all of it. */
export async function wholeOf(body: ObjectBody): Promise<Buffer> {
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** A bucket in memory, and the objects in it by their whole keys. */
export function memoryBuckets() {
  const objects = new Map<string, Buffer>();
  const buckets: Buckets = (code, shelf) => ({
    async put(name, body) {
      objects.set(objectKey(code, shelf, name), await wholeOf(body));
    },
    get: async (name) => objects.get(objectKey(code, shelf, name)),
    delete: async (name) => void objects.delete(objectKey(code, shelf, name)),
  });
  return { buckets, objects: objects as ReadonlyMap<string, Buffer> };
}
