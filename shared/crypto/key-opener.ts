import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import type { TenantSessions } from '../table/tenant-session.ts';
import type { KeyPurpose } from './purposes.ts';

/** What a data key is bound to: wrapped for one municipality and purpose, it is unwrapped for no other. */
export interface KeyBinding {
  readonly municipality: string;
  /**
   * `fields` seals field values; `secrets` seals what proves a caller or a receiver (webhook and connection secrets, custom
   * headers, OAuth secrets, private keys); `lookup` keys the digests of what callers send (telephone and CPR numbers that
   * are looked up, request fingerprints); `integrity` keys the codes that prove rows unaltered.
   */
  readonly purpose: KeyPurpose;
}

/** Unwraps data keys, for whoever works inside the municipality. */
export interface KeyOpener {
  /** The 32 bytes of a data key, which belong to the caller alone. */
  unwrap(keyId: string, wrapped: string, binding: KeyBinding): Promise<Uint8Array>;
}

/** Clients of KMS that work in these sessions, one for each municipality. */
export function kmsClients(sessions: TenantSessions): (code: string) => KMSClient {
  const clients = new Map<string, KMSClient>();
  return (code) => {
    const client = clients.get(code) ?? new KMSClient({ credentials: sessions(code) });
    clients.set(code, client);
    return client;
  };
}

/**
 * Unwrapping by AWS KMS.
 * @param tenantClient the client that works under the tenant role, in a session for this municipality
 */
export function kmsKeyOpener(tenantClient: (code: string) => KMSClient): KeyOpener {
  return {
    async unwrap(keyId, wrapped, { municipality, purpose }) {
      const { Plaintext } = await tenantClient(municipality).send(
        new DecryptCommand({
          KeyId: keyId,
          CiphertextBlob: Buffer.from(wrapped, 'base64'),
          EncryptionContext: { municipality, purpose },
        }),
      );
      if (Plaintext?.length !== 32) throw new Error('KMS gave no key of 256 bits');
      return Plaintext;
    },
  };
}
