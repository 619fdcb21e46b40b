import { createSecretKey, type KeyObject, type webcrypto } from 'node:crypto';
import { memory } from '../memory.ts';
import type { Instant } from '../time.ts';
import type { KeyBinding, KeyOpener } from './key-opener.ts';
import type { KeyPurpose } from './purposes.ts';

/** What a municipality's row holds of its keys. None of it opens anything without the municipality's key in KMS. */
export interface Sealing {
  /** The ARN of the municipality's key. */
  readonly keyId: string;
  /** The version that new values are sealed with. */
  readonly current: number;
  /** The version that they are sealed with from an instant on: late enough for everybody to have heard of it. */
  readonly next?: { readonly version: number; readonly from: Instant };
  /** The wrapped data keys by version, in base64. A version that some value may still be sealed with stays here. */
  readonly wrapped: Readonly<Record<string, string>>;
  /** The wrapped keys of secrets by version, in base64: each version has one of both. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The wrapped key of the lookup hashes, in base64. It has one version, since a hash cannot be sealed anew. */
  readonly lookup: string;
  /** The wrapped key of the codes that prove rows unaltered, in base64. It has one version too. */
  readonly integrity: string;
}

/** A key as the header of what is sealed with it names it: `3` is version 3 of the municipality's key, `s3` that of its secrets. */
export type KeyName = string;

/** Whether a text has the form of a key's name. */
export const isKeyName = (text: string): boolean => /^s?[1-9]\d{0,8}$/.test(text);

/** The keys of one municipality in clear. They cannot be read out of the objects that hold them. */
export interface Keyring {
  /** The version that new values are sealed with. */
  readonly current: number;
  /** Names of the keys that new values are sealed with: `fields` those of the record, `secrets` those of its principals. */
  readonly newest: { readonly fields: KeyName; readonly secrets: KeyName };
  /** The AES-256-GCM key by its name; `undefined` where the municipality has none of this name. */
  key(name: KeyName): Promise<webcrypto.CryptoKey> | undefined;
  /** The key of the hashes by which telephone and CPR numbers are looked up. */
  lookupKey(): Promise<KeyObject>;
  /** The key of the codes that prove rows unaltered. */
  integrityKey(): Promise<KeyObject>;
}

/** Gives the keyring of a municipality. It costs nothing until a key is asked for. */
export type Keyrings = (code: string, sealing: Sealing) => Keyring;

/** How long a key is kept in clear, in milliseconds: one that is disabled in KMS opens nothing after this time. */
const TRUST_MS = 5 * 60_000;
/** A few keys for each of the 98 municipalities; one instance meets far fewer in five minutes. */
const REMEMBERED = 300;

/**
 * Keyrings whose keys are unwrapped when they are first needed and then remembered in this process for a while. Those who
 * need a key at the same time share one call to KMS, and a failure is not remembered. A key goes by its wrapped text, so
 * that one which was made anew is never taken for the old one.
 */
export function keyrings(opener: KeyOpener, now: () => Date = () => new Date()): Keyrings {
  const kept = { most: REMEMBERED, now, until: (_key: unknown, askedAt: number) => askedAt + TRUST_MS };
  const dataKeys = memory<webcrypto.CryptoKey>(kept);
  const digestKeys = memory<KeyObject>(kept);

  async function unwrapped<Key>(
    [keyId, wrapped, binding]: Parameters<KeyOpener['unwrap']>,
    imported: (bytes: Uint8Array) => Key,
  ): Promise<Awaited<Key>> {
    const bytes = await opener.unwrap(keyId, wrapped, binding);
    try {
      return await imported(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  return (code, { keyId, current, next, wrapped, secrets, lookup, integrity }) => {
    const bound = (purpose: KeyPurpose): KeyBinding => ({ municipality: code, purpose });
    const nameOf = (text: string) => JSON.stringify([code, keyId, text]);
    const digestKey = (text: string, purpose: 'lookup' | 'integrity') =>
      digestKeys.get(nameOf(text), () => unwrapped([keyId, text, bound(purpose)], createSecretKey));
    const version = next && Date.parse(next.from) <= now().getTime() ? next.version : current;
    return {
      current: version,
      newest: { fields: String(version), secrets: `s${version}` },
      key(name) {
        const ofSecrets = name.startsWith('s');
        const text = ofSecrets ? secrets[name.slice(1)] : wrapped[name];
        if (text === undefined) return undefined;
        const purpose = ofSecrets ? 'secrets' : 'fields';
        return dataKeys.get(nameOf(text), () => unwrapped([keyId, text, bound(purpose)], aesKey));
      },
      lookupKey: () => digestKey(lookup, 'lookup'),
      integrityKey: () => digestKey(integrity, 'integrity'),
    };
  };
}

const aesKey = (bytes: Uint8Array): Promise<webcrypto.CryptoKey> =>
  crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
