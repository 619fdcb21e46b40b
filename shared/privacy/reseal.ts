import type { Context } from '../auth/context.ts';
import { keyNameOf } from '../crypto/seal.ts';
import { recordsOf } from '../record/all.ts';
import type { Sensitivity } from '../record/fields.ts';
import type { Resource } from '../record/resource.ts';
import { rewriteRow } from '../record/rewrite.ts';
import { schemasOf } from '../record/schemas.ts';
import { newestKey, opened, sealedOf } from '../record/sealing.ts';
import type { Stored } from '../record/stored.ts';
import { WriteRefused } from '../table/write.ts';

/** Records sealed anew at a time. */
const AT_ONCE = 10;

const isOld = (ctx: Context, { sealed }: Stored): boolean =>
  (Object.entries(sealed) as [Sensitivity, Readonly<Record<string, string>>][]).some(([sensitivity, part]) =>
    Object.values(part).some((text) => keyNameOf(text) !== newestKey(ctx, sensitivity)),
  );

/**
 * Seals a record's fields with the current data key, in place. What it says is the same, so it keeps its version; its
 * event `record.resealed` stands in the chain and is posted to nobody. A change at the same time seals the record too.
 */
async function reseal(ctx: Context, resource: Resource, stored: Stored): Promise<void> {
  const before = await opened(ctx, stored);
  const sensitive = await sealedOf(ctx, resource, before, before.whole);
  const { view, writtenBy, lastEvent, erased } = stored;
  const row = { view, sensitive, writtenBy, ...(erased && { erased }) };
  try {
    await rewriteRow(ctx, resource, {
      name: 'record.resealed',
      row,
      record: view,
      lastEvent,
      replaces: 'sealed-part',
    });
  } catch (error) {
    if (!(error instanceof WriteRefused)) throw error;
  }
}

/**
 * Seals everything in the lists of a municipality with its current data key. A record that is sealed so is only read, so a
 * round that dies or has no time left is made good by the next one. Tells whether it came to the end. What was deleted, and
 * what of a long message lies beside it, keeps the key it has, which is therefore kept too.
 */
export async function resealAll(
  ctx: Context,
  resources: readonly Resource[],
  hasTime: () => boolean,
): Promise<boolean> {
  for (const resource of resources) {
    if (Object.keys(schemasOf(resource).sensitivity).length === 0) continue;
    for await (const records of recordsOf(ctx, resources, resource)) {
      const old = records.filter((stored) => isOld(ctx, stored));
      for (let start = 0; start < old.length; start += AT_ONCE) {
        if (!hasTime()) return false;
        await Promise.all(old.slice(start, start + AT_ONCE).map((stored) => reseal(ctx, resource, stored)));
      }
    }
  }
  return true;
}
