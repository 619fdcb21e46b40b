import { createSecretKey, type KeyObject } from 'node:crypto';
import { memory } from '../memory.ts';
import type { Instant } from '../time.ts';
import { isPersonal, type KeyName } from './key-names.ts';
import type { KeyBinding, KeyOpener } from './key-opener.ts';
import { type ReadPersonKey, unwrapPersonKey } from './person-key.ts';
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

/** The keys of one municipality in clear. Neither text nor JSON of these objects shows a key. */
export interface Keyring {
  /** The version that new values are sealed with. */
  readonly current: number;
  /** Names of the keys that new values are sealed with: `fields` those of the record, `secrets` those of its principals. */
  readonly newest: { readonly fields: KeyName; readonly secrets: KeyName };
  /** The AES-256-GCM key by its name; `undefined` where the municipality has none of this name. */
  key(name: KeyName): Promise<KeyObject | undefined> | undefined;
  /** Whether a person's key is there, was dropped, or never was: one read, unless it is remembered. */
  stateOf(name: KeyName): Promise<'live' | 'dropped' | undefined>;
  /** The same keyring with a person's key that is not stored yet. */
  with(name: KeyName, key: KeyObject): Keyring;
  /** Remembers a person's key that was stored. */
  remember(name: KeyName, key: KeyObject): void;
  /** The key of the hashes by which telephone and CPR numbers are looked up. */
  lookupKey(): Promise<KeyObject>;
  /** The key of the codes that prove rows unaltered. */
  integrityKey(): Promise<KeyObject>;
}

/** Gives the keyring of a municipality. It costs nothing until a key is asked for. Without a reader it has no person's key. */
export type Keyrings = (code: string, sealing: Sealing, readPersonKey?: ReadPersonKey) => Keyring;

/** How long a key is kept in clear, in milliseconds: one that is disabled in KMS opens nothing after this time. */
const TRUST_MS = 5 * 60_000;
/** A few keys for each of the 98 municipalities; one instance meets far fewer in five minutes. */
const REMEMBERED = 300;
/** The persons whom one instance meets in five minutes, some hundred bytes each. */
const REMEMBERED_PERSONS = 5_000;

/** What is remembered of a person's key. */
interface PersonalKey {
  readonly state: 'live' | 'dropped';
  /** Absent once it was dropped. */
  readonly key?: KeyObject;
}

/**
 * Keyrings whose keys are unwrapped when they are first needed and then remembered in this process for a while. Those who
 * need a key at the same time share one call to KMS, and a failure is not remembered. A key goes by its wrapped text, so
 * that one which was made anew is never taken for the old one.
 */
export function keyrings(opener: KeyOpener, now: () => Date = () => new Date()): Keyrings {
  const kept = { most: REMEMBERED, now, until: (_key: unknown, askedAt: number) => askedAt + TRUST_MS };
  const municipalKeys = memory<KeyObject>(kept);
  const personalKeys = memory<PersonalKey | undefined>({
    most: REMEMBERED_PERSONS,
    now,
    // One that is not there may be made at any moment.
    until: (found, askedAt) => (found ? askedAt + TRUST_MS : askedAt),
  });

  async function unwrapped(keyId: string, wrapped: string, binding: KeyBinding): Promise<KeyObject> {
    const bytes = await opener.unwrap(keyId, wrapped, binding);
    try {
      return createSecretKey(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  return (code, { keyId, current, next, wrapped, secrets, lookup, integrity }, readPersonKey) => {
    const bound = (purpose: KeyPurpose): KeyBinding => ({ municipality: code, purpose });
    const nameOf = (text: string) => JSON.stringify([code, keyId, text]);
    const municipalKey = (text: string, purpose: KeyPurpose) =>
      municipalKeys.get(nameOf(text), () => unwrapped(keyId, text, bound(purpose)));
    const version = next && Date.parse(next.from) <= now().getTime() ? next.version : current;
    const personal = (name: KeyName): Promise<PersonalKey | undefined> =>
      personalKeys.get(nameOf(name), async () => {
        const row = await readPersonKey?.(name);
        if (!row) return undefined;
        if (row.wrapped === undefined) return { state: 'dropped' };
        return { state: 'live', key: await unwrapPersonKey(keyring, code, name, row.wrapped) };
      });
    const keyring: Keyring = {
      current: version,
      newest: { fields: String(version), secrets: `s${version}` },
      key(name) {
        if (isPersonal(name)) return personal(name).then((found) => found?.key);
        const ofSecrets = name.startsWith('s');
        const text = ofSecrets ? secrets[name.slice(1)] : wrapped[name];
        if (text === undefined) return undefined;
        return municipalKey(text, ofSecrets ? 'secrets' : 'fields');
      },
      stateOf: async (name) => (await personal(name))?.state,
      with: (own, key) => ({ ...keyring, key: (name) => (name === own ? Promise.resolve(key) : keyring.key(name)) }),
      remember: (name, key) => void personalKeys.get(nameOf(name), async () => ({ state: 'live', key })),
      lookupKey: () => municipalKey(lookup, 'lookup'),
      integrityKey: () => municipalKey(integrity, 'integrity'),
    };
    return keyring;
  };
}
