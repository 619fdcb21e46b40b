import {
  AddUserPoolClientSecretCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  DeleteUserPoolClientCommand,
  DeleteUserPoolClientSecretCommand,
  InvalidParameterException,
  LimitExceededException,
  ListUserPoolClientSecretsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { RESOURCE_SERVER, type Scope } from '../auth/scopes.ts';
import type { Problem } from '../errors.ts';
import { lastLive, noClient, twoLive } from './client-row.ts';

/** Credentials of a new client. The secret exists here and at the client, and is shown once. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A live secret of a client, without itself. */
export interface SecretInfo {
  readonly secretId: string;
  readonly createdAt: Date;
}

/** Where clients are known and get their tokens. */
export interface IdentityProvider {
  /** Makes a client for OAuth 2.0 client credentials (RFC 6749 §4.4) that may ask for these scopes. */
  createClient(name: string, scopes: readonly Scope[]): Promise<Credentials>;
  /** Removes a client with its secrets; one that is gone stays so. Tokens that it has are not ended by this. */
  deleteClient(clientId: string): Promise<void>;
  /** Gives a client a second secret beside its first. Throws `conflict` where two are live, `not_found` without the client. */
  addSecret(clientId: string): Promise<SecretInfo & Pick<Credentials, 'clientSecret'>>;
  /** The live secrets of a client, one or two; none where there is no such client. */
  listSecrets(clientId: string): Promise<readonly SecretInfo[]>;
  /** Ends a secret; one that is gone stays so. Throws `conflict` for a client's last. */
  deleteSecret(clientId: string, secretId: string): Promise<void>;
}

/** Runs, and answers a refusal of this kind otherwise. */
async function unless<Result, Other>(
  kind: new (...args: never[]) => Error,
  run: Promise<Result>,
  otherwise: () => Other,
): Promise<Result | Other> {
  try {
    return await run;
  } catch (error) {
    if (error instanceof kind) return otherwise();
    throw error;
  }
}

const raise = (problem: () => Problem) => (): never => {
  throw problem();
};

/** Clients in a Cognito user pool. */
export function cognitoIdentity(userPoolId: string): IdentityProvider {
  const cognito = new CognitoIdentityProviderClient({});
  const gone = () => undefined;
  return {
    async createClient(name, scopes) {
      const { UserPoolClient } = await cognito.send(
        new CreateUserPoolClientCommand({
          UserPoolId: userPoolId,
          ClientName: name,
          GenerateSecret: true,
          AllowedOAuthFlows: ['client_credentials'],
          AllowedOAuthFlowsUserPoolClient: true,
          AllowedOAuthScopes: scopes.map((scope) => `${RESOURCE_SERVER}/${scope}`),
          EnableTokenRevocation: true,
          AccessTokenValidity: 60,
          TokenValidityUnits: { AccessToken: 'minutes' },
        }),
      );
      const { ClientId, ClientSecret } = UserPoolClient ?? {};
      if (ClientId === undefined || ClientSecret === undefined) throw new Error('The user pool made no client');
      return { clientId: ClientId, clientSecret: ClientSecret };
    },
    async deleteClient(clientId) {
      const command = new DeleteUserPoolClientCommand({ UserPoolId: userPoolId, ClientId: clientId });
      await unless(ResourceNotFoundException, cognito.send(command), gone);
    },
    async addSecret(clientId) {
      const command = new AddUserPoolClientSecretCommand({ UserPoolId: userPoolId, ClientId: clientId });
      const added = unless(LimitExceededException, cognito.send(command), raise(twoLive));
      const { ClientSecretDescriptor } = await unless(ResourceNotFoundException, added, raise(noClient));
      const { ClientSecretId, ClientSecretValue, ClientSecretCreateDate } = ClientSecretDescriptor ?? {};
      if (!ClientSecretId || !ClientSecretValue || !ClientSecretCreateDate) throw new Error('No secret was made');
      return { secretId: ClientSecretId, clientSecret: ClientSecretValue, createdAt: ClientSecretCreateDate };
    },
    async listSecrets(clientId) {
      const command = new ListUserPoolClientSecretsCommand({ UserPoolId: userPoolId, ClientId: clientId });
      const listed = await unless(ResourceNotFoundException, cognito.send(command), gone);
      return (listed?.ClientSecrets ?? []).flatMap(({ ClientSecretId: secretId, ClientSecretCreateDate: createdAt }) =>
        secretId !== undefined && createdAt ? [{ secretId, createdAt }] : [],
      );
    },
    async deleteSecret(clientId, secretId) {
      const which = { UserPoolId: userPoolId, ClientId: clientId, ClientSecretId: secretId };
      const ended = cognito.send(new DeleteUserPoolClientSecretCommand(which));
      await unless(ResourceNotFoundException, unless(InvalidParameterException, ended, raise(lastLive)), gone);
    },
  };
}
