import type { Context } from '../auth/context.ts';
import { type KeyName, nameOfArchive, nameOfPerson } from '../crypto/key-names.ts';
import { newPersonKey, type PersonKeyRow, rewrapped, rowOfKey } from '../crypto/person-key.ts';
import { ABSENT, type Condition, WriteRefused } from '../table/write.ts';

/** Stores a person's key on a condition. Returns whether the condition held. */
async function store(ctx: Context, name: KeyName, row: PersonKeyRow, condition: Condition): Promise<boolean> {
  try {
    await ctx.table.write({ kind: 'put', key: rowOfKey(name), item: { ...row }, condition });
    return true;
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    return false;
  }
}

/**
 * Drops a person's key for good: what it seals can be read no more, in the record, in archives and in backups. Its row says
 * when, so that no key by this name comes again. Who has used it remembers it for at most five minutes (keyring.ts). Done
 * again it changes nothing.
 */
export const dropKey = async (ctx: Context, name: KeyName): Promise<void> =>
  void (await store(
    ctx,
    name,
    { type: 'person-key', droppedAt: ctx.now },
    { expression: 'attribute_not_exists(#droppedAt)' },
  ));

/** Makes the key of a person's archive unless it is there. Throws where it was dropped. */
export async function requireArchiveKey(ctx: Context, personId: string): Promise<KeyName> {
  const name = nameOfArchive(personId);
  const state = await ctx.keys.stateOf(name);
  if (state === 'dropped') throw new Error('The archive of this person was deleted');
  if (state === 'live') return name;
  const { row, key } = await newPersonKey(ctx.keys, ctx.tenant.code, name);
  // Where another round was quicker, its key is read when the first value is sealed.
  if (await store(ctx, name, row, ABSENT)) ctx.keys.remember(name, key);
  return name;
}

/** Wraps the keys of persons with the municipality's current data key. What they seal stays as it is. */
export async function rewrapKeys(ctx: Context, ids: readonly string[]): Promise<void> {
  const rows = await ctx.table.getMany(ids.map((id) => rowOfKey(nameOfPerson(id))));
  const each = rows.map(async (row) => {
    const { wrapped } = row as unknown as PersonKeyRow;
    const name = nameOfPerson(String(row['pk']).split('#').at(-1) ?? '');
    const fresh = wrapped && (await rewrapped(ctx.keys, ctx.tenant.code, name, wrapped));
    const unchanged = { expression: '#wrapped = :wrapped', values: { wrapped } };
    if (fresh) await store(ctx, name, { type: 'person-key', wrapped: fresh }, unchanged);
  });
  await Promise.all(each);
}
