import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from './http.ts';
import type { Client, Installation } from './installation.ts';

/** The id that the user pool of this machine has in Cognito's API. */
export const USER_POOL_ID = 'eu-central-1_local';

const SERVICE = 'AWSCognitoIdentityProviderService';

interface Input {
  readonly UserPoolId?: unknown;
  readonly ClientId?: unknown;
  readonly ClientName?: unknown;
  readonly GenerateSecret?: unknown;
  readonly AllowedOAuthScopes?: unknown;
}

/** A refusal under the name that Cognito gives it. */
interface Refusal {
  readonly __type: string;
  readonly message: string;
}

type Answer = { readonly UserPoolClient: object } | Record<never, never> | Refusal;

/**
 * The part of Cognito's API that `admin-api` uses, in its own protocol (AWS JSON 1.1): clients of one user pool, which
 * are the issuer's. Only a caller that signs with this installation's access key id is heard, and only by a loopback
 * name, so that neither another user of the machine nor a web page can make clients.
 * @param scopes every scope there is, in full
 */
export function createUserPool(
  scopes: readonly string[],
  installation: Installation,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const remove = ({ clientId }: Client) => {
    installation.remove(clientId);
    return {};
  };
  const operations = new Map<string, (input: Input) => Answer>([
    [`${SERVICE}.CreateUserPoolClient`, (input) => create(input, scopes, installation)],
    [`${SERVICE}.DescribeUserPoolClient`, (input) => withClient(input, installation, described)],
    [`${SERVICE}.DeleteUserPoolClient`, (input) => withClient(input, installation, remove)],
  ]);
  return async (request, response) => {
    const body = await readBody(request, 1024 * 1024);
    const target = String(request.headers['x-amz-target'] ?? '');
    const operation = operations.get(target);
    if (!isOurs(request, installation.accessKeyId)) {
      send(response, refuse('UnrecognizedClientException', 'The security token included in the request is invalid.'));
    } else if (request.method !== 'POST' || operation === undefined) {
      send(response, refuse('UnknownOperationException', `${target} is not part of this user pool.`));
    } else {
      send(response, answer(operation, body));
    }
  };
}

function answer(operation: (input: Input) => Answer, body: Buffer | undefined): Answer {
  try {
    const input: unknown = JSON.parse((body ?? '').toString());
    if (typeof input !== 'object' || input === null) return refuse('SerializationException', 'The body is no object.');
    if ((input as Input).UserPoolId !== USER_POOL_ID) {
      return refuse('ResourceNotFoundException', `User pool ${(input as Input).UserPoolId} does not exist.`);
    }
    return operation(input);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('SerializationException', 'The body is not JSON.');
    throw error;
  }
}

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

function refuse(type: string, message: string): Refusal {
  return { __type: type, message };
}

function send(response: ServerResponse, value: Answer): void {
  const body = JSON.stringify(value);
  response.writeHead('__type' in value ? 400 : 200, {
    'Content-Type': 'application/x-amz-json-1.1',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Whether a request came under a loopback name and was signed with the installation's own access key id. */
export function isOurs({ headers }: Pick<IncomingMessage, 'headers'>, accessKeyId: string): boolean {
  const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '');
  return loopback && (headers.authorization ?? '').startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`);
}
