import { type Buckets, objectKey } from '#shared/archive/bucket.ts';

/** A bucket in memory, and the objects in it by their whole keys. */
export function memoryBuckets() {
  const objects = new Map<string, Buffer>();
  const buckets: Buckets = (code, shelf) => ({
    async put(name, body) {
      const pieces: Buffer[] = [];
      if (typeof body === 'string' || body instanceof Uint8Array) pieces.push(Buffer.from(body));
      else for await (const piece of body) pieces.push(Buffer.from(piece));
      objects.set(objectKey(code, shelf, name), Buffer.concat(pieces));
    },
    get: async (name) => objects.get(objectKey(code, shelf, name)),
  });
  return { buckets, objects: objects as ReadonlyMap<string, Buffer> };
}
