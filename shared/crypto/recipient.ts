import { CompactEncrypt, calculateJwkThumbprint, importJWK, type JWK } from 'jose';

/** What encrypts for the holder of one private key. */
export interface Recipient {
  /** Says in a manifest how it was encrypted: `kid` is the key's own, or its thumbprint (RFC 7638). */
  readonly encryption: { readonly alg: string; readonly enc: string; readonly kid: string };
  /** The bytes as a JWE in compact form (RFC 7516 §7.1). */
  encrypt(bytes: Uint8Array): Promise<string>;
}

/** Key agreement for elliptic curves, key encryption for RSA (RFC 7518 §4). */
const algOf = ({ kty }: JWK): string => (kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW');

/**
 * Returns the recipient for a public key: a JSON Web Key of the kind RSA, EC or OKP (X25519). Throws for any other kind.
 */
export async function recipientOf(jwk: JWK): Promise<Recipient> {
  const alg = algOf(jwk);
  const key = await importJWK(jwk, alg);
  const encryption = { alg, enc: 'A256GCM', kid: jwk.kid ?? (await calculateJwkThumbprint(jwk)) };
  return {
    encryption,
    encrypt: (bytes) => new CompactEncrypt(bytes).setProtectedHeader(encryption).encrypt(key),
  };
}
