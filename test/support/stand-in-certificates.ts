import { CompactSign, exportJWK, generateKeyPair } from 'jose';
import type { CertificateKey, CertificateSigner } from '#shared/tenancy/certificates.ts';

/** The signing key of certificates in memory. */
export function standInCertificates(): CertificateSigner & CertificateKey {
  const pair = generateKeyPair('ES256', { extractable: true });
  return {
    sign: async (claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'ES256', kid: 'test' })
        .sign((await pair).privateKey),
    publicKey: async () => ({ ...(await exportJWK((await pair).publicKey)), kid: 'test', use: 'sig', alg: 'ES256' }),
  };
}
