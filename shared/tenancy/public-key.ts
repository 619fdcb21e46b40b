import * as z from 'zod';

/** Base64url of at least so many bytes. */
const member = (bytes: number, description: string) =>
  z
    .string()
    .max(1_400)
    .regex(/^[\w-]+$/, 'This must be base64url without padding.')
    .refine((text) => Buffer.from(text, 'base64url').length >= bytes, 'This key is too short.')
    .describe(description);

const common = () => ({
  kid: z.string().min(1).max(100).describe('Name of the key (nøglenavn).').optional(),
  use: z.literal('enc').describe('What the key is for (anvendelse).').optional(),
});

/**
 * A public key to encrypt to, as a JWK (RFC 7517): RSA of at least 2048 bits (RSA-OAEP-256) or a curve for ECDH-ES. A
 * private member is refused as unknown, so nobody hands over a private key.
 */
export const publicKey = () =>
  z
    .union([
      z.strictObject({
        kty: z.literal('RSA').describe('RSA (nøgletype).'),
        n: member(256, 'Modulus (modulus), base64url, at least 2048 bits.'),
        e: member(1, 'Exponent (eksponent), base64url.'),
        alg: z.literal('RSA-OAEP-256').describe('Algorithm (algoritme).').optional(),
        ...common(),
      }),
      z.strictObject({
        kty: z.literal('EC').describe('An elliptic curve (nøgletype).'),
        crv: z.enum(['P-256', 'P-384', 'P-521']).describe('The curve (kurve).'),
        x: member(32, 'x coordinate (x-koordinat), base64url.'),
        y: member(32, 'y coordinate (y-koordinat), base64url.'),
        alg: z.enum(['ECDH-ES', 'ECDH-ES+A256KW']).describe('Algorithm (algoritme).').optional(),
        ...common(),
      }),
      z.strictObject({
        kty: z.literal('OKP').describe('A Montgomery curve (nøgletype, RFC 8037).'),
        crv: z.literal('X25519').describe('The curve (kurve).'),
        x: member(32, 'The public key (offentlig nøgle), base64url.'),
        alg: z.enum(['ECDH-ES', 'ECDH-ES+A256KW']).describe('Algorithm (algoritme).').optional(),
        ...common(),
      }),
    ])
    .describe(
      'The public key to which the record is encrypted when the municipality leaves (udleveringsnøgle), a JWK.',
    );
