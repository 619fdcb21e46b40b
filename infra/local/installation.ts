import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { StartupProblem } from './startup-problem.ts';

/** An OAuth client as the issuer knows it. */
export interface Client {
  readonly clientId: string;
  /** The live ones, the oldest first: one, or two during a rotation. */
  readonly secrets: readonly Secret[];
  readonly name: string;
  /** Full names, such as `livline/families:read`. */
  readonly scopes: readonly string[];
  /** Epoch seconds. */
  readonly createdAt: number;
}

/** A secret of a client. */
export interface Secret {
  readonly id: string;
  readonly value: string;
  /** Epoch seconds. */
  readonly createdAt: number;
}

/** What makes this installation itself and survives a restart: its clients, and the keys nobody else has. */
export interface Installation {
  /** The AWS access key id that opens this installation's database, queues and user pool, and nobody else's. */
  readonly accessKeyId: string;
  /** The private keys that access tokens are signed with, the newest first. */
  readonly signingKeys: readonly JWK[];
  readonly operator: Client;
  readonly find: (clientId: string) => Client | undefined;
  /** Makes a client with an id and a secret of its own, stored before this returns. */
  readonly add: (client: Pick<Client, 'name' | 'scopes'>) => Client;
  /** Gives a client another secret. */
  readonly addSecret: (client: Client) => Secret;
  readonly removeSecret: (client: Client, secretId: string) => void;
  /** Tells whether there was such a client. */
  readonly remove: (clientId: string) => boolean;
}

interface Stored {
  readonly accessKeyId: string;
  readonly signingKeys: readonly JWK[];
  readonly operatorId: string;
  readonly clients: readonly Client[];
}

/**
 * Opens the installation of a folder, or makes it; without a folder it lives in memory alone.
 * @param operatorScopes what the operator's own client may do
 * @throws StartupProblem if what the folder holds cannot be read
 */
export async function openInstallation(
  operatorScopes: readonly string[],
  folder?: string | undefined,
): Promise<Installation> {
  const path = folder === undefined ? undefined : join(folder, 'installation.json');
  const kept = path === undefined ? undefined : (readJsonFile(path) as Stored | undefined);
  const stored = kept ?? (await newInstallation(operatorScopes));
  const clients = new Map((stored.clients ?? []).map((client) => [client.clientId, client]));
  const operator = clients.get(stored.operatorId);
  if (operator?.secrets?.[0] === undefined) {
    throw new StartupProblem(
      `${path} has no operator with a secret: \`npm start -- --fresh\` empties its folder and begins anew.`,
    );
  }
  const save = () => {
    if (path !== undefined) writeJsonFile(path, { ...stored, clients: [...clients.values()] } satisfies Stored);
  };
  if (kept === undefined) save();
  const change = (client: Client, secrets: readonly Secret[]) => {
    clients.set(client.clientId, { ...client, secrets });
    save();
  };

  return {
    accessKeyId: stored.accessKeyId,
    signingKeys: stored.signingKeys,
    operator,
    find: (clientId) => clients.get(clientId),
    add: (client) => {
      const added = newClient(client);
      clients.set(added.clientId, added);
      save();
      return added;
    },
    addSecret: (client) => {
      const added = newSecret(client.clientId);
      change(client, [...client.secrets, added]);
      return added;
    },
    removeSecret: (client, secretId) =>
      change(
        client,
        client.secrets.filter(({ id }) => id !== secretId),
      ),
    remove: (clientId) => {
      const removed = clients.delete(clientId);
      if (removed) save();
      return removed;
    },
  };
}

async function newInstallation(operatorScopes: readonly string[]): Promise<Stored> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const signingKey = {
    ...(await exportJWK(privateKey)),
    kid: randomBytes(12).toString('base64url'),
    alg: 'RS256',
    use: 'sig',
  };
  const operator = newClient({ name: 'operator', scopes: operatorScopes });
  return { accessKeyId: randomText(20), signingKeys: [signingKey], operatorId: operator.clientId, clients: [operator] };
}

function newClient({ name, scopes }: Pick<Client, 'name' | 'scopes'>): Client {
  // The form of Cognito's: 26 lower-case letters and digits.
  const clientId = randomText(26);
  const secret = newSecret(clientId);
  return { clientId, secrets: [secret], name, scopes: [...scopes], createdAt: secret.createdAt };
}

/** A secret under an id like Cognito's, but of chance where that has a time: two of one instant are two. */
function newSecret(clientId: string): Secret {
  const value = randomBytes(32).toString('base64url');
  return { id: `${clientId}--${randomText(13)}`, value, createdAt: Math.floor(Date.now() / 1000) };
}

/** Letters and digits, 5.2 bits each. */
function randomText(length: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
