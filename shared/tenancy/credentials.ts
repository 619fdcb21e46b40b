import { Problem } from '../errors.ts';
import { clientKey } from '../table/keys.ts';
import type { ScopedTable } from '../table/scoped-table.ts';
import { PRESENT, type Write } from '../table/write.ts';
import { instantOf } from '../time.ts';
import { lastLive, type StoredClient } from './client-row.ts';
import type { IdentityProvider, SecretInfo } from './identity.ts';

/** Where clients and their credentials are kept: the token issuer, and the rows outside of every municipality. */
export interface Directory {
  readonly control: ScopedTable;
  readonly identity: IdentityProvider;
  /** The time at this moment. */
  readonly clock: () => Date;
  /** Where clients get their tokens. */
  readonly tokenUrl: string;
}

/** Returns a credential as it is listed: never its secret. */
export const credentialView = ({ secretId, createdAt }: SecretInfo, client: StoredClient) => ({
  id: secretId,
  createdAt: instantOf(createdAt),
  ...(!client.inside.includes(secretId) && { seenByOperator: true }),
});

/** Returns the live credentials that an operator has seen. */
export const seenAmong = (secrets: readonly SecretInfo[], { inside }: StoredClient): readonly SecretInfo[] =>
  secrets.filter(({ secretId }) => !inside.includes(secretId));

/** The next whole second: the issuer says in whole seconds when a token was made, and this second's may be either's. */
const nextSecond = (now: Date): number => Math.floor(now.getTime() / 1000) + 1;

export interface Ending {
  readonly client: StoredClient;
  readonly credentialId: string;
  /** Tells the end before it begins, so that a process that dies leaves no end untold. */
  readonly tell: () => Promise<void>;
  /** Attributes of the client's row that go with the credential. */
  readonly remove: readonly string[];
}

/** Returns the client's live credentials. Throws `not_found` where this one neither lives nor is being ended. */
export async function requireCredential(
  { identity }: Directory,
  { details, ending }: StoredClient,
  credentialId: string,
): Promise<readonly SecretInfo[]> {
  const secrets = await identity.listSecrets(details.clientId);
  const lives = secrets.some(({ secretId }) => secretId === credentialId);
  if (!lives && ending !== credentialId) throw new Problem('not_found', 'The client has no such credential.');
  if (lives && secrets.length === 1) throw lastLive();
  return secrets;
}

/**
 * Ends one of a client's two credentials. A token does not say by which secret it was got, so all that were issued until
 * then are refused, within a minute: who has the other credential gets a new one. First it is told, then the row refuses
 * the tokens that there are and says what is being ended, then the secret goes, then the row refuses what was got in
 * between. A request that died on the way is made good by asking again, also once the secret is gone.
 */
export async function endSecret(
  { control, identity, clock }: Directory,
  { client, credentialId, tell, remove }: Ending,
  secrets: readonly SecretInfo[],
): Promise<void> {
  const { clientId } = client.details;
  const row = { kind: 'update', key: clientKey(clientId), condition: PRESENT } as const;
  await tell();
  await control.write({ ...row, set: { tokensSince: nextSecond(clock()), ending: credentialId } });
  if (secrets.some(({ secretId }) => secretId === credentialId)) await identity.deleteSecret(clientId, credentialId);
  await control.write({
    ...row,
    set: { tokensSince: nextSecond(clock()) },
    remove: ['ending', ...remove],
  } satisfies Write);
}

/**
 * Returns what the row of a client loses with a credential: once every other one was made inside, it is let in as any
 * client, and without an end.
 */
export function losesWith(client: StoredClient, credentialId: string, secrets: readonly SecretInfo[]): string[] {
  const others = seenAmong(secrets, client).filter(({ secretId }) => secretId !== credentialId);
  return others.length === 0 && secrets.length > 0 ? ['seenByOperator', 'endsAt'] : [];
}
