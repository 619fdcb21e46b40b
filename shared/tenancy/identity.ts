import {
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  DeleteUserPoolClientCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { RESOURCE_SERVER, type Scope } from './scopes.ts';

/** Credentials of a new client. The secret exists here and at the client, and is shown once. */
export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Where clients are known and get their tokens. */
export interface IdentityProvider {
  /** Makes a client for OAuth 2.0 client credentials (RFC 6749 §4.4) that may ask for these scopes. */
  createClient(name: string, scopes: readonly Scope[]): Promise<Credentials>;
  /** Removes a client. Of one that is gone there is nothing to do. */
  deleteClient(clientId: string): Promise<void>;
}

/** Clients in a Cognito user pool. */
export function cognitoIdentity(userPoolId: string): IdentityProvider {
  const cognito = new CognitoIdentityProviderClient({});
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
      try {
        await cognito.send(new DeleteUserPoolClientCommand({ UserPoolId: userPoolId, ClientId: clientId }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    },
  };
}
