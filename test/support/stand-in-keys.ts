import { createHash, randomBytes } from 'node:crypto';
import type { KeyMaker } from '#shared/crypto/key-maker.ts';
import type { KeyBinding, KeyOpener } from '#shared/crypto/key-opener.ts';

/** The key service in memory: what is wrapped opens under the binding it was wrapped with, while its key is there. */
export interface StandInKeys extends KeyMaker, KeyOpener {
  /** The keys that are there, by municipality. */
  readonly keys: ReadonlyMap<string, string>;
  /** The keys that were made and are no municipality's. */
  readonly inVain: ReadonlySet<string>;
  /** The municipality that a key was made for, as its tag says; nobody's where there is no such key. */
  ownerOf(keyId: string): string;
}

const ARN = 'arn:aws:kms:eu-central-1:000000000000:key/';

export function standInKeys(): StandInKeys {
  const keys = new Map<string, string>();
  const inVain = new Set<string>();
  const alive = (keyId: string) => [...keys.values()].includes(keyId);
  const wrap = (secret: Uint8Array, keyId: string, { municipality, purpose }: KeyBinding) =>
    createHash('sha256')
      .update(JSON.stringify([keyId, municipality, purpose]))
      .update(secret)
      .digest();
  return {
    keys,
    inVain,
    ownerOf: (keyId) => [...keys].find(([, key]) => key === keyId)?.[0] ?? 'nobody',
    async createKey(code, note) {
      if (keys.has(code)) return keys.get(code) as string;
      const made = `${ARN}${randomBytes(16).toString('hex')}`;
      inVain.add(made);
      await note(made);
      const known = keys.get(code) ?? made;
      inVain.delete(known);
      keys.set(code, known);
      return known;
    },
    async discardKey(code, keyId) {
      if (keys.get(code) === keyId) return false;
      inVain.delete(keyId);
      return true;
    },
    async newDataKey(keyId, binding) {
      if (!alive(keyId)) throw new Error('There is no such key');
      const secret = randomBytes(32);
      return Buffer.concat([secret, wrap(secret, keyId, binding)]).toString('base64');
    },
    async unwrap(keyId, wrapped, binding) {
      const bytes = Buffer.from(wrapped, 'base64');
      const secret = bytes.subarray(0, 32);
      if (!alive(keyId) || !bytes.subarray(32).equals(wrap(secret, keyId, binding)))
        throw new Error('It does not open');
      return Uint8Array.from(secret);
    },
    async destroyKey(code, keyId) {
      if (keys.get(code) === keyId) keys.delete(code);
    },
  };
}
