import type { Context } from '../auth/context.ts';
import { isPersonal } from '../crypto/key-names.ts';
import { keyNameOf } from '../crypto/seal.ts';
import { recordsOf } from '../record/all.ts';
import { hasOwnKey } from '../record/owner-key.ts';
import type { Resource } from '../record/resource.ts';
import { rewriteRow } from '../record/rewrite.ts';
import { schemasOf } from '../record/schemas.ts';
import { opened, sealedOf } from '../record/sealing.ts';
import type { Stored } from '../record/stored.ts';
import { WriteRefused } from '../table/write.ts';
import { rewrapKeys } from './person-keys.ts';

/** Records sealed anew at a time. */
const AT_ONCE = 10;

/** The names of the keys that a record's values are sealed with. */
const keysOf = ({ sealed }: Stored): string[] =>
  Object.values(sealed).flatMap((part) => Object.values(part ?? {}).map(keyNameOf));

/** Whether some value is sealed with an older key of the municipality. What is under a person's key stays so. */
const isOld = ({ keys: { newest } }: Context, stored: Stored): boolean =>
  keysOf(stored).some((name) => !isPersonal(name) && name !== newest.fields && name !== newest.secrets);

/**
 * Seals a record's fields in place with the keys that they are sealed with now. What it says is the same, so it keeps its
 * version; its event `record.resealed` stands in the chain and is posted to nobody. A change at the same time seals the
 * record too. With `municipalKey` the record goes over to the municipality's key for good. Returns false where somebody
 * else was quicker.
 */
async function reseal(ctx: Context, resource: Resource, stored: Stored, municipalKey = false): Promise<boolean> {
  const standing = await opened(ctx, stored);
  const before = municipalKey ? { ...standing, municipalKey } : standing;
  const { sensitive, key } = await sealedOf(ctx, resource, before, before.whole);
  const { view, writtenBy, lastEvent, erased } = before;
  const row = {
    view,
    sensitive,
    writtenBy,
    ...(erased && { erased }),
    ...(before.municipalKey && { municipalKey: true as const }),
  };
  try {
    await rewriteRow(ctx, resource, {
      name: 'record.resealed',
      row,
      record: view,
      lastEvent,
      replaces: 'sealed-part',
      beside: key?.write && [key.write],
    });
    return true;
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
    return false;
  }
}

/**
 * Lets a record outlast the key of a person who is erased, because another person in it is held: what is sealed with that
 * key is sealed with the municipality's. Done again it changes nothing. Returns false where somebody else was quicker.
 */
export async function keepReadable(ctx: Context, resource: Resource, stored: Stored): Promise<boolean> {
  if (stored.municipalKey || !keysOf(stored).some(isPersonal)) return true;
  return reseal(ctx, resource, stored, true);
}

/**
 * Seals everything in the lists of a municipality that is under its own key with its current data key, and wraps the keys
 * of persons with that one, so that what those seal needs no touch. A record that is sealed so is only read, so a round
 * that dies or has no time left is made good by the next one. Returns whether it came to the end. What was deleted, what is
 * archived, and what of a long message lies beside it, keeps the key it has, which is therefore kept too.
 */
export async function resealAll(
  ctx: Context,
  resources: readonly Resource[],
  hasTime: () => boolean,
): Promise<boolean> {
  for (const resource of resources) {
    if (Object.keys(schemasOf(resource).sensitivity).length === 0) continue;
    for await (const records of recordsOf(ctx, resources, resource)) {
      if (!hasTime()) return false;
      if (hasOwnKey(resource))
        await rewrapKeys(
          ctx,
          records.map(({ view }) => view.id),
        );
      const old = records.filter((stored) => isOld(ctx, stored));
      for (let start = 0; start < old.length; start += AT_ONCE) {
        if (!hasTime()) return false;
        await Promise.all(old.slice(start, start + AT_ONCE).map((stored) => reseal(ctx, resource, stored)));
      }
    }
  }
  return true;
}
