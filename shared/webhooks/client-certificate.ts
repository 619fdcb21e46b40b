import { createPrivateKey, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { Context } from '../auth/context.ts';
import { invalid } from '../errors.ts';
import { group, instant, secret } from '../record/fields.ts';
import { type Instant, instantOf, plusSeconds } from '../time.ts';
import type { ClientCertificate } from './egress.ts';

/** What is shown of it: nothing of whose it is, and nothing of the key. */
export interface ClientCertificateInfo {
  readonly notAfter: Instant;
  readonly fingerprint: string;
}

/** Days before a certificate expires on which somebody is warned. */
const WARNED_DAYS = [60, 30, 7] as const;

/** The next warning after an instant: when it is due, and how many days are left then. */
export function nextWarning(
  info: ClientCertificateInfo | undefined,
  after: Instant,
): { readonly at: Instant; readonly daysLeft: number } | undefined {
  if (!info) return undefined;
  return WARNED_DAYS.map((daysLeft) => ({ at: plusSeconds(info.notAfter, -daysLeft * 86_400), daysLeft })).find(
    ({ at }) => at > after,
  );
}

const pem = (description: string, label: RegExp) =>
  z.string().max(20_000).regex(label, 'This must be PEM without a passphrase.').describe(description);

/** An endpoint's field for {@link ClientCertificate}, shown nowhere. */
export const clientCertificate = () =>
  secret(
    group(
      'Client certificate for a receiver that asks for one (klientcertifikat, mTLS). Shown as `clientCertificateInfo`.',
      {
        certificate: pem(
          'The certificate in PEM (certifikat), after it those that lead to its authority, if the receiver needs them.',
          /^\s*-----BEGIN CERTIFICATE-----/,
        ),
        key: pem('Its private key in PEM (privat nøgle), unencrypted.', /^\s*-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/),
      },
    ),
  );

/** What is shown of it. */
export const clientCertificateInfo = () =>
  group('The client certificate (klientcertifikat).', {
    notAfter: instant('When it expires (udløber), UTC.'),
    fingerprint: z.string().describe('SHA-256 of the certificate (fingeraftryk), in pairs of hexadecimal digits.'),
  });

function read<Value>(field: keyof ClientCertificate, of: () => Value): Value {
  try {
    return of();
  } catch {
    throw invalid(`/clientCertificate/${field}`, 'It cannot be read.', 'invalid_format');
  }
}

/**
 * What may be shown of an endpoint's client certificate. Throws 422 where the certificate does not fit its key, is
 * expired or not valid yet; one that was accepted before and has expired since hinders no other change.
 */
export function certificateInfoOf(
  ctx: Context,
  before: ClientCertificate | undefined,
  after: ClientCertificate | undefined,
): ClientCertificateInfo | undefined {
  if (!after) return undefined;
  const certificate = read('certificate', () => new X509Certificate(after.certificate));
  const info = { notAfter: instantOf(certificate.validToDate), fingerprint: certificate.fingerprint256 };
  if (before?.certificate === after.certificate && before.key === after.key) return info;
  const key = read('key', () => createPrivateKey(after.key));
  if (!certificate.checkPrivateKey(key))
    throw invalid('/clientCertificate/key', 'It is not the key of this certificate.');
  if (info.notAfter <= ctx.now) throw invalid('/clientCertificate/certificate', 'It has expired.');
  if (instantOf(certificate.validFromDate) > ctx.now)
    throw invalid('/clientCertificate/certificate', 'It is not valid yet.');
  return info;
}
