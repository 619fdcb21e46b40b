import type { Fields, LedgerEntry } from '../record/resource.ts';
import { type Instant, plusSeconds } from '../time.ts';
import { newPrivateKey, newSecret, publicKeyOf, type Signature, type SigningKey } from './sign.ts';

/** What an endpoint has of keys. All but the number and the instant is key material, which no answer shows but the one that made it. */
export interface EndpointKeys {
  readonly secret: string;
  readonly privateKey?: string | undefined;
  /** Counts the rotations, from 1: tells which secret an answer was about. */
  readonly secretVersion: number;
  /** The key before, which signs too until `overlapUntil`. */
  readonly oldSecret?: string | undefined;
  readonly oldPrivateKey?: string | undefined;
  readonly overlapUntil?: Instant | undefined;
}

/** Whether an instant up to which something holds is still to come. */
const isAhead = (until: Instant | undefined, at: Instant): boolean => until !== undefined && until > at;

/** Whether the key before still signs at an instant. */
export const overlaps = ({ overlapUntil }: EndpointKeys, at: Instant): boolean => isAhead(overlapUntil, at);

/** The keys that sign at an instant, the newest first: one, or two while a rotation overlaps. */
export function signingKeys(keys: EndpointKeys, at: Instant): SigningKey[] {
  const { secret, privateKey, oldSecret, oldPrivateKey } = keys;
  const old = overlaps(keys, at) && oldSecret !== undefined;
  return [{ secret, privateKey }, ...(old ? [{ secret: oldSecret, privateKey: oldPrivateKey }] : [])];
}

/** The keys in a record. */
export const keysOf = (whole: Fields): EndpointKeys => whole as unknown as EndpointKeys;

/** The keys of a new endpoint. */
export const firstKeys = (): EndpointKeys => ({ secret: newSecret(), secretVersion: 1 });

/** What the wanted signatures ask of the keys: an Ed25519 pair with `v1a`, none without. */
export function pairsFor({
  signatures,
  privateKey,
  oldPrivateKey,
}: Partial<EndpointKeys> & { readonly signatures: readonly Signature[] }): Pick<
  EndpointKeys,
  'privateKey' | 'oldPrivateKey'
> {
  const wanted = signatures.includes('v1a');
  return {
    privateKey: wanted ? (privateKey ?? newPrivateKey()) : undefined,
    oldPrivateKey: wanted ? oldPrivateKey : undefined,
  };
}

/** The keys after a rotation: new ones sign, those before go on for so many hours, and any before them are gone. */
export function rotatedKeys(keys: EndpointKeys, now: Instant, overlapHours: number): EndpointKeys {
  const old = overlapHours > 0 ? keys : undefined;
  return {
    secret: newSecret(),
    privateKey: keys.privateKey && newPrivateKey(),
    secretVersion: keys.secretVersion + 1,
    oldSecret: old?.secret,
    oldPrivateKey: old?.privateKey,
    overlapUntil: old && plusSeconds(now, overlapHours * 3_600),
  };
}

/** The secret with this number, undefined once it has been replaced and its overlap been overwritten. */
export function secretOfVersion(keys: EndpointKeys, version: number): string | undefined {
  if (version === keys.secretVersion) return keys.secret;
  return version === keys.secretVersion - 1 ? keys.oldSecret : undefined;
}

/** Name of the ledger with a municipality's public keys: what receivers ask for is one row. */
export const PUBLIC_KEYS_LEDGER = ['webhook-keys'];

/** A public key as the ledger has it. */
interface PublishedKey {
  /** `whpk_…`. */
  readonly key: string;
  /** Until when it signs, where it is being replaced. */
  readonly until?: Instant | undefined;
}

/** What an endpoint publishes; nothing where it has no Ed25519 key. */
export function publicKeyEntries({ privateKey, oldPrivateKey, overlapUntil }: EndpointKeys): LedgerEntry[] {
  if (privateKey === undefined) return [];
  const keys: PublishedKey[] = [
    { key: publicKeyOf(privateKey) },
    ...(oldPrivateKey === undefined ? [] : [{ key: publicKeyOf(oldPrivateKey), until: overlapUntil }]),
  ];
  return [{ name: PUBLIC_KEYS_LEDGER, entry: { keys } }];
}

/** A public key as it is shown: a JSON Web Key (RFC 8037 §2), and as Standard Webhooks writes it. */
export interface WebhookKey {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
  /** Id of the endpoint. */
  readonly kid: string;
  readonly whpk: string;
  readonly until?: Instant | undefined;
}

/** The public keys in the ledger's entries that sign at an instant, by endpoint, the newest of each first. */
export const webhookKeys = (entries: Readonly<Record<string, unknown>>, at: Instant): WebhookKey[] =>
  Object.entries(entries)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([kid, entry]) =>
      (entry as { keys: readonly PublishedKey[] }).keys
        .filter(({ until }) => until === undefined || isAhead(until, at))
        .map(({ key, until }) => ({
          kty: 'OKP' as const,
          crv: 'Ed25519' as const,
          x: Buffer.from(key.slice('whpk_'.length), 'base64').toString('base64url'),
          alg: 'EdDSA' as const,
          use: 'sig' as const,
          kid,
          whpk: key,
          until,
        })),
    );
