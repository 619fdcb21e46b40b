import * as z from 'zod';
import { Problem } from '../errors.ts';
import { type Operation, param } from '../operation.ts';
import type { OperatorContext } from './control.ts';
import { loadMunicipality } from './municipality-row.ts';

const CERTIFICATE_EXAMPLE =
  'eyJhbGciOiJFUzI1NiIsImtpZCI6ImxpdmxpbmUvcHJvZC9jZXJ0aWZpY2F0ZXMifQ.eyJtdW5pY2lwYWxpdHkiOiIwNzY2In0.c2lnbmF0dXJl';

const Certificate = () =>
  z
    .strictObject({
      certificate: z
        .string()
        .describe(
          'The certificate (sletteattest), a JWS in compact form: what was handed over, how many rows of each kind were erased, which key was destroyed, and when.',
        ),
    })
    .meta({
      description: 'Sletteattest. That a municipality was erased.',
      examples: [{ certificate: CERTIFICATE_EXAMPLE }],
    });

const CertificateKeyView = () =>
  z
    .strictObject({
      kty: z.literal('EC').describe('Kind of the key (nøgletype).'),
      crv: z.literal('P-256').describe('Its curve (kurve).'),
      x: z.string().describe('Its point, first coordinate (x-koordinat), base64url.'),
      y: z.string().describe('Its point, second coordinate (y-koordinat), base64url.'),
      kid: z.string().describe('Its name, as the certificates have it (nøgle-id).'),
      use: z.literal('sig').describe('What it is for (anvendelse).'),
      alg: z.literal('ES256').describe('The algorithm (algoritme).'),
    })
    .meta({
      description: 'Attestnøgle. The public key that certificates are verified by, a JSON Web Key (RFC 7517).',
      examples: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
          y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
          kid: 'livline/prod/certificates',
          use: 'sig',
          alg: 'ES256',
        },
      ],
    });

/** The certificates of erasure, and what they are verified by. */
export const certificateOperations = (): Operation<OperatorContext>[] => [
  {
    id: 'get-erasure-certificate',
    method: 'GET',
    path: '/v1/admin/municipalities/{code}/certificate',
    scope: 'admin:read',
    tag: 'municipalities',
    summary: "Get the certificate of a municipality's erasure",
    description: 'It is there once the municipality is `deleted`, and for good.',
    manner: 'read',
    success: { status: 200, description: 'The certificate.', body: Certificate },
    problems: [],
    run: async (ctx, request) => {
      const { certificate } = await loadMunicipality(ctx.control, param(request, 'code'));
      if (certificate === undefined) throw new Problem('not_found', 'The municipality is not erased.');
      return { status: 200, body: { certificate } };
    },
  },
  {
    id: 'get-certificate-key',
    method: 'GET',
    path: '/v1/admin/certificate-key',
    scope: 'admin:read',
    tag: 'municipalities',
    summary: 'Get the public key that certificates are verified by',
    description:
      'Hand it over with a certificate: given both, anybody can verify it, with any library for JWS (ES256).',
    manner: 'read',
    success: { status: 200, description: 'The key.', body: CertificateKeyView },
    problems: [],
    run: async (ctx) => ({ status: 200, body: await ctx.certificates.publicKey() }),
  },
];
