import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';

/** Signs certificates of erasure. */
export interface CertificateSigner {
  /** The claims as a JWS in compact form (RFC 7515 §7.1), signed with ES256. */
  sign(claims: object): Promise<string>;
}

/** What certificates are verified by. */
export interface CertificateKey {
  /** The public key as a JSON Web Key (RFC 7517). */
  publicKey(): Promise<JsonWebKey>;
}

/** KMS signs a message of at most this many bytes (`Sign`, MessageType RAW). */
const MOST_BYTES = 4_096;
const BYTES_OF_NUMBER = 32;

/** The two numbers of an ECDSA signature in DER (RFC 3279 §2.2.3) side by side, as a JWS has them (RFC 7518 §3.4). */
export function joinedSignature(der: Uint8Array): Buffer {
  const numbers: Buffer[] = [];
  for (let at = 2; at < der.length; ) {
    const length = der[at + 1] as number;
    const digits = Buffer.from(der.subarray(at + 2, at + 2 + length)).subarray(-BYTES_OF_NUMBER);
    numbers.push(Buffer.concat([Buffer.alloc(BYTES_OF_NUMBER - digits.length), digits]));
    at += 2 + length;
  }
  return Buffer.concat(numbers);
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Certificates signed by a key in KMS that never leaves it: P-256, under the alias `alias/livline/<stage>/certificates`. */
export function kmsCertificates(client: KMSClient, stage: string): CertificateSigner & CertificateKey {
  const kid = `livline/${stage}/certificates`;
  const KeyId = `alias/${kid}`;
  return {
    async sign(claims) {
      const message = `${encoded({ alg: 'ES256', kid })}.${encoded(claims)}`;
      if (message.length > MOST_BYTES) throw new RangeError(`A certificate has at most ${MOST_BYTES} bytes`);
      const { Signature } = await client.send(
        new SignCommand({
          KeyId,
          Message: Buffer.from(message),
          MessageType: 'RAW',
          SigningAlgorithm: 'ECDSA_SHA_256',
        }),
      );
      if (!Signature) throw new Error('KMS gave no signature');
      return `${message}.${joinedSignature(Signature).toString('base64url')}`;
    },

    async publicKey() {
      const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
      if (!PublicKey) throw new Error('KMS gave no public key');
      const key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
      return { ...key.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' };
    },
  };
}
