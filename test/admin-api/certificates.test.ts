import { randomUUID } from 'node:crypto';
import { KMSClient } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { compactVerify, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callersOf } from '#infra/local/callers.ts';
import { openKeyService } from '#infra/local/key-service.ts';
import {
  type CertificateKey,
  type CertificateSigner,
  joinedSignature,
  kmsCertificates,
} from '#shared/tenancy/certificates.ts';
import { type Served, served } from '../support/served.ts';

const accessKeyId = randomUUID();
let server: Served;
let certificates: CertificateSigner & CertificateKey;

beforeAll(async () => {
  const options = { callers: callersOf(accessKeyId), signingAlias: 'alias/livline/test/certificates' };
  server = await served({ '/kms': openKeyService(options) });
  const credentials = { accessKeyId, secretAccessKey: 'any' };
  const client = new KMSClient({ endpoint: `${server.url}/kms`, region: 'eu-central-1', credentials });
  certificates = kmsCertificates(client, 'test');
});
afterAll(() => server.stop());

const verified = async (certificate: string) =>
  compactVerify(certificate, await importJWK({ ...(await certificates.publicKey()) } as never));

describe('a certificate', () => {
  it('is verified with its public key and a library that is not ours, and says what was certified', async () => {
    const claims = { municipality: '0766', erased: { families: 3 }, name: 'Hedensted' };
    const { payload, protectedHeader } = await verified(await certificates.sign(claims));
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(claims);
    const { kid } = await certificates.publicKey();
    expect(protectedHeader).toEqual({ alg: 'ES256', kid });
  });

  it('that was altered is not', async () => {
    const certificate = await certificates.sign({ erased: { families: 3 } });
    const [header, , signature] = certificate.split('.');
    const other = Buffer.from(JSON.stringify({ erased: { families: 0 } })).toString('base64url');
    await expect(verified(`${header}.${other}.${signature}`)).rejects.toThrow('signature verification failed');
  });

  it('is refused where it is longer than what KMS signs', async () => {
    await expect(certificates.sign({ name: 'x'.repeat(4_096) })).rejects.toThrow(RangeError);
  });
});

describe('a signature of KMS', () => {
  /** A number in DER: without needless zeros before, and with one where its first bit is set. */
  const numberIn = (number: bigint): Buffer => {
    const hex = number.toString(16);
    const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
    const signed = (digits[0] as number) > 127 ? Buffer.concat([Buffer.alloc(1), digits]) : digits;
    return Buffer.concat([Buffer.from([2, signed.length]), signed]);
  };
  const joined = (number: bigint) => number.toString(16).padStart(64, '0');

  it('becomes that of a JWS, however long its numbers are', () => {
    const number = fc.oneof(
      fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }),
      fc.bigInt({ min: 1n, max: 2n ** 240n }),
      fc.constantFrom(1n, 127n, 128n, 2n ** 255n),
    );
    fc.assert(
      fc.property(number, number, (r, s) => {
        const numbers = Buffer.concat([numberIn(r), numberIn(s)]);
        const der = Buffer.concat([Buffer.from([48, numbers.length]), numbers]);
        expect(joinedSignature(der).toString('hex')).toBe(joined(r) + joined(s));
      }),
    );
  });
});
