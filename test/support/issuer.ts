import { randomUUID } from 'node:crypto';
import { lastLive, noClient, twoLive } from '#shared/tenancy/client-row.ts';
import type { IdentityProvider, SecretInfo } from '#shared/tenancy/identity.ts';

/** What a token issuer that makes clients does no more of. */
export const noSecrets: Pick<IdentityProvider, 'addSecret' | 'listSecrets' | 'deleteSecret'> = {
  addSecret: () => Promise.reject(new Error('Not here')),
  listSecrets: async () => [],
  deleteSecret: () => Promise.reject(new Error('Not here')),
};

/**
 * A token issuer in memory, which refuses what Cognito refuses. Its clients are `client-1`, `client-2` and so on.
 * @param requireLife throws once the process that asks has ended
 */
export function issuerInMemory(now: () => Date, requireLife: () => void) {
  const scopesOf = new Map<string, readonly string[]>();
  const secretsOf = new Map<string, readonly SecretInfo[]>();
  let made = 0;
  let removed = 0;
  const newSecret = (clientId: string): SecretInfo => {
    made += 1;
    return { secretId: `${clientId}--${made}`, createdAt: now() };
  };
  const identity: IdentityProvider = {
    async createClient(_name, scopes) {
      requireLife();
      const clientId = `client-${scopesOf.size + removed + 1}`;
      scopesOf.set(clientId, scopes);
      secretsOf.set(clientId, [newSecret(clientId)]);
      return { clientId, clientSecret: randomUUID() };
    },
    async deleteClient(clientId) {
      requireLife();
      if (scopesOf.delete(clientId)) removed += 1;
      secretsOf.delete(clientId);
    },
    async addSecret(clientId) {
      requireLife();
      const secrets = secretsOf.get(clientId);
      if (!secrets) throw noClient();
      if (secrets.length === 2) throw twoLive();
      const secret = newSecret(clientId);
      secretsOf.set(clientId, [...secrets, secret]);
      return { ...secret, clientSecret: randomUUID() };
    },
    async listSecrets(clientId) {
      requireLife();
      return secretsOf.get(clientId) ?? [];
    },
    async deleteSecret(clientId, secretId) {
      requireLife();
      const left = (secretsOf.get(clientId) ?? []).filter((secret) => secret.secretId !== secretId);
      if (left.length === 0) throw lastLive();
      secretsOf.set(clientId, left);
    },
  };
  return { identity, scopesOf: scopesOf as ReadonlyMap<string, readonly string[]> };
}
