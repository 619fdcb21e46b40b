// The certificate library's own dependency asks for it, first.
import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { ClientCertificate } from '#shared/webhooks/egress.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** What a certificate is to say. */
export interface Wanted {
  readonly name: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const period = ({ notBefore, notAfter }: Partial<Wanted>) => ({
  notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
  notAfter: notAfter ?? new Date(Date.now() + 3_650 * DAY_MS),
});

const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

async function inPem(
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): Promise<ClientCertificate> {
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
  return { certificate: certificate.toString('pem'), key };
}

const extensionsFor = (name: string) => [
  new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
];

/** A certificate that nobody but itself vouches for. */
export async function selfSigned(wanted: Wanted): Promise<ClientCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${wanted.name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...period(wanted),
    extensions: extensionsFor(wanted.name),
  });
  return inPem(certificate, keys);
}

/** A certificate authority of its own, made at run time, and what it issues. */
export async function makeAuthority() {
  const keys = await newKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Chaos Authority',
    keys,
    signingAlgorithm: ALGORITHM,
    ...period({}),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    certificate: root.toString('pem'),
    async issue(wanted: Wanted): Promise<ClientCertificate> {
      const own = await newKeys();
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${wanted.name}`,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...period(wanted),
        extensions: extensionsFor(wanted.name),
      });
      return inPem(certificate, own);
    },
  };
}
