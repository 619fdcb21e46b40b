import { type Answer, type AwsOperation, awsJsonService, refuse, type Service } from './aws-json.ts';
import { isOurs } from './callers.ts';
import type { Client, Installation, Secret } from './installation.ts';

/** The id that the user pool of this machine has in Cognito's API. */
export const USER_POOL_ID = 'eu-central-1_local';

interface Input {
  readonly UserPoolId?: unknown;
  readonly ClientId?: unknown;
  readonly ClientSecretId?: unknown;
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
      AddUserPoolClientSecret: inPool((input) =>
        withClient(input, installation, (client) => add(client, installation)),
      ),
      ListUserPoolClientSecrets: inPool((input) =>
        withClient(input, installation, ({ secrets }) => ({ ClientSecrets: secrets.map(descriptorOf) })),
      ),
      DeleteUserPoolClientSecret: inPool((input) =>
        withClient(input, installation, (client) => end(client, input, installation)),
      ),
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

/** A secret as it is listed: never its value. */
const descriptorOf = ({ id, createdAt }: Secret) => ({ ClientSecretId: id, ClientSecretCreateDate: createdAt });

/** Cognito's limit of live secrets of one client. */
const MOST_SECRETS = 2;

function add(client: Client, installation: Installation): Answer {
  if (client.secrets.length >= MOST_SECRETS) {
    return refuse('LimitExceededException', `A client has at most ${MOST_SECRETS} secrets.`);
  }
  const secret = installation.addSecret(client);
  return { ClientSecretDescriptor: { ...descriptorOf(secret), ClientSecretValue: secret.value } };
}

function end(client: Client, { ClientSecretId: id }: Input, installation: Installation): Answer {
  if (!client.secrets.some((secret) => secret.id === id)) {
    return refuse('ResourceNotFoundException', `Client secret ${id} does not exist.`);
  }
  if (client.secrets.length === 1) {
    return refuse('InvalidParameterException', 'The last secret of a client cannot be deleted.');
  }
  installation.removeSecret(client, String(id));
  return {};
}

function described(client: Client): Answer {
  return {
    UserPoolClient: {
      UserPoolId: USER_POOL_ID,
      ClientId: client.clientId,
      ClientName: client.name,
      ClientSecret: client.secrets[0]?.value,
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
