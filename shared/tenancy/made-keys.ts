import type { KeyMaker } from '../crypto/key-maker.ts';
import { madeKeyKey, madeKeysPartition } from '../table/keys.ts';
import type { ScopedTable } from '../table/scoped-table.ts';
import type { Store } from '../table/store.ts';
import { type Instant, instantOf, plusSeconds } from '../time.ts';
import { controlTable } from './control.ts';
import { findMunicipalityRow } from './municipality-row.ts';

/** Seconds after which no request that made a key can still be at work: the operators' function ends after 15. */
const MADE_LONG_AGO_S = 900;

/** Notes that a key was made in KMS, before anything else is done with it, so that it is found whatever becomes of the request. */
export const noteMadeKey = (control: ScopedTable, code: string, keyId: string, now: Instant): Promise<void> =>
  control.write({
    kind: 'put',
    key: madeKeyKey(code, keyId),
    item: { type: 'made-key', view: { code, keyId } },
    index: { list: { pk: madeKeysPartition, sk: [now, keyId] } },
  });

/**
 * Discards the keys that were made in vain, and forgets the notes of those that a municipality uses. A key is made in vain
 * where two requests provisioned a municipality at once, or where the process ended before the key had its alias. Only the
 * lifecycle deletes keys: a function that faces the internet cannot.
 */
export async function discardUnusedKeys(store: Store, keys: KeyMaker, now: Date): Promise<void> {
  const control = controlTable(store);
  const longAgo = plusSeconds(instantOf(now), -MADE_LONG_AGO_S);
  const { rows } = await control.query({ index: 'list', partition: madeKeysPartition, limit: 100 });
  for (const row of rows) {
    const { code, keyId } = row['view'] as { readonly code: string; readonly keyId: string };
    const municipality = await findMunicipalityRow(control, code);
    const isUsed = municipality?.tenant.sealing.keyId === keyId;
    const isOld = String(row['listSk']) < longAgo;
    // The key behind the alias of a municipality that is not there yet is used when it is provisioned again.
    if (isUsed || (isOld && (await keys.discardKey(code, keyId)))) await control.erase([row]);
  }
}
