import { expect } from 'vitest';

/** A JWE in compact form that encrypts with the key itself: header, no encrypted key, nonce, ciphertext, tag. */
const JWE = /^eyJ[\w-]+\.\.[\w-]{16}\.[\w-]+\.[\w-]{22}$/;

/** A row's sensitive part holds these fields and no others, each sealed. */
export function expectSealed(sensitive: string, fields: readonly string[]): void {
  const parts = Object.values(JSON.parse(sensitive)) as Record<string, string>[];
  const sealed = Object.assign({}, ...parts) as Record<string, string>;
  expect(Object.keys(sealed).sort()).toEqual([...fields].sort());
  for (const text of Object.values(sealed)) expect(text).toMatch(JWE);
}
