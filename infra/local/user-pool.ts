import { type Answer, type AwsOperation, awsJsonService, refuse, type Service } from './aws-json.ts';
import { isOurs } from './callers.ts';
import type { Client, Installation } from './installation.ts';

/** The id that the user pool of this machine has in Cognito's API. */
export const USER_POOL_ID = 'eu-central-1_local';

interface Input {
  readonly UserPoolId?: unknown;
  readonly ClientId?: unknown;
  readonly ClientName?: unknown;
  readonly GenerateSecret?: unknown;
  readonly AllowedOAuthScopes?: unknown;
}

/**
 * The part of Cognito's API that `admin-api` uses, in its own protocol: clients of one user pool, which are the issuer's.
 * Only a caller that signs with this installation's access key id is heard, and only by a loopback name, so that neither
 * another user of the machine nor a web page can make clients.
 * @param scopes every scope there is, in full
 */
export function createUserPool(scopes: readonly string[], installation: Installation): Service {
  const remove = ({ clientId }: Client) => {
    installation.remove(clientId);
    return {};
  };
  return awsJsonService(
    'AWSCognitoIdentityProviderService',
    (request) => isOurs(request, installation.accessKeyId) || undefined,
    {
      CreateUserPoolClient: inPool((input) => create(input, scopes, installation)),
      DescribeUserPoolClient: inPool((input) => withClient(input, installation, described)),
      DeleteUserPoolClient: inPool((input) => withClient(input, installation, remove)),
    },
  );
}

const inPool =
  (operation: (input: Input) => Answer): AwsOperation<true> =>
  (input: Input) =>
    input.UserPoolId === USER_POOL_ID
      ? operation(input)
      : refuse('ResourceNotFoundException', `User pool ${input.UserPoolId} does not exist.`);

function create(input: Input, scopes: readonly string[], installation: Installation): Answer {
  const { ClientName: name, AllowedOAuthScopes: asked = [] } = input;
  if (typeof name !== 'string' || !/^[\w\s+=,.@-]{1,128}$/.test(name)) {
    return refuse('InvalidParameterException', 'ClientName must be 1 to 128 letters, digits, spaces or any of _+=,.@-');
  }
  if (input.GenerateSecret !== true) {
    return refuse('InvalidOAuthFlowException', 'client_credentials needs a client with a secret.');
  }
  if (!Array.isArray(asked) || asked.length === 0) {
    return refuse('InvalidParameterException', 'AllowedOAuthScopes must name at least one scope.');
  }
  const unknown = asked.find((scope) => !scopes.includes(scope));
  if (unknown !== undefined) return refuse('ScopeDoesNotExistException', `Scope ${unknown} does not exist.`);
  return described(installation.add({ name, scopes: asked }));
}

function withClient({ ClientId: id }: Input, installation: Installation, act: (client: Client) => Answer): Answer {
  const client = typeof id === 'string' ? installation.find(id) : undefined;
  return client ? act(client) : refuse('ResourceNotFoundException', `User pool client ${id} does not exist.`);
}

function described(client: Client): Answer {
  return {
    UserPoolClient: {
      UserPoolId: USER_POOL_ID,
      ClientId: client.clientId,
      ClientName: client.name,
      ClientSecret: client.clientSecret,
      CreationDate: client.createdAt,
      LastModifiedDate: client.createdAt,
      AllowedOAuthFlows: ['client_credentials'],
      AllowedOAuthFlowsUserPoolClient: true,
      AllowedOAuthScopes: client.scopes,
      EnableTokenRevocation: true,
      RefreshTokenValidity: 30,
    },
  };
}
