import type { Sealing } from '#shared/crypto/keyring.ts';
import type { StandInKeys } from '#test/support/stand-in-keys.ts';

/** Makes a key for a municipality and wraps what a request of its record needs with it. */
export async function newSealing(keys: StandInKeys, municipality: string): Promise<Sealing> {
  const keyId = await keys.createKey(municipality, async () => undefined);
  const wrap = (purpose: 'fields' | 'lookup' | 'integrity') => keys.newDataKey(keyId, { municipality, purpose });
  const [fields, lookup, integrity] = await Promise.all([wrap('fields'), wrap('lookup'), wrap('integrity')]);
  return { keyId, current: 1, wrapped: { '1': fields }, secrets: {}, lookup, integrity };
}
