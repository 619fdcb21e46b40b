import {
  AddUserPoolClientSecretCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  DeleteUserPoolClientCommand,
  DeleteUserPoolClientSecretCommand,
  DescribeUserPoolClientCommand,
  InvalidParameterException,
  LimitExceededException,
  ListUserPoolClientSecretsCommand,
  ResourceNotFoundException,
  ScopeDoesNotExistException,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Installation, openInstallation } from '#infra/local/installation.ts';
import { createUserPool, USER_POOL_ID } from '#infra/local/user-pool.ts';
import { type Served, served } from '../support/served.ts';

let server: Served;
let installation: Installation;
let cognito: CognitoIdentityProviderClient;

const clientWith = (accessKeyId: string) =>
  new CognitoIdentityProviderClient({
    endpoint: `${server.url}/cognito`,
    region: 'eu-central-1',
    credentials: { accessKeyId, secretAccessKey: 'any' },
  });

beforeAll(async () => {
  installation = await openInstallation([]);
  const userPool = createUserPool(['livline/families:read', 'livline/families:write'], installation);
  server = await served({ '/cognito': userPool });
  cognito = clientWith(installation.accessKeyId);
});

afterAll(() => server.stop());

const wanted = {
  UserPoolId: USER_POOL_ID,
  ClientName: 'Hedensted 0766',
  GenerateSecret: true,
  AllowedOAuthFlows: ['client_credentials' as const],
  AllowedOAuthFlowsUserPoolClient: true,
  AllowedOAuthScopes: ['livline/families:read'],
};

it('makes, describes and deletes a client of the issuer', async () => {
  const { UserPoolClient: made } = await cognito.send(new CreateUserPoolClientCommand(wanted));
  expect(made).toMatchObject({ ClientName: 'Hedensted 0766', AllowedOAuthScopes: ['livline/families:read'] });
  expect(made?.CreationDate).toBeInstanceOf(Date);
  expect(Buffer.from(String(made?.ClientSecret), 'base64url').length).toBeGreaterThanOrEqual(32);
  const ClientId = String(made?.ClientId);
  expect(installation.find(ClientId)?.secrets.map(({ value }) => value)).toEqual([made?.ClientSecret]);

  const which = { UserPoolId: USER_POOL_ID, ClientId };
  const described = await cognito.send(new DescribeUserPoolClientCommand(which));
  expect(described.UserPoolClient).toEqual(made);
  await cognito.send(new DeleteUserPoolClientCommand(which));
  expect(installation.find(ClientId)).toBeUndefined();
  await expect(cognito.send(new DeleteUserPoolClientCommand(which))).rejects.toThrow(ResourceNotFoundException);
});

it('refuses what Cognito refuses', async () => {
  const unknownScope = new CreateUserPoolClientCommand({ ...wanted, AllowedOAuthScopes: ['livline/everything'] });
  await expect(cognito.send(unknownScope)).rejects.toThrow(ScopeDoesNotExistException);
  const elsewhere = new CreateUserPoolClientCommand({ ...wanted, UserPoolId: 'eu-central-1_other' });
  await expect(cognito.send(elsewhere)).rejects.toThrow(ResourceNotFoundException);
});

it('gives a client a second secret and no third, lists them without their values, and keeps the last', async () => {
  const { UserPoolClient: made } = await cognito.send(new CreateUserPoolClientCommand(wanted));
  const which = { UserPoolId: USER_POOL_ID, ClientId: String(made?.ClientId) };
  const secrets = async () => (await cognito.send(new ListUserPoolClientSecretsCommand(which))).ClientSecrets ?? [];
  const [first] = await secrets();
  expect(first).toEqual({ ClientSecretId: expect.any(String), ClientSecretCreateDate: expect.any(Date) });
  const { ClientSecretDescriptor: second } = await cognito.send(new AddUserPoolClientSecretCommand(which));
  const { ClientSecretValue: value, ...listed } = second ?? {};
  expect(await secrets()).toEqual([first, listed]);
  const live = installation.find(which.ClientId)?.secrets.map((secret) => secret.value);
  expect(live).toEqual([made?.ClientSecret, value]);
  const third = cognito.send(new AddUserPoolClientSecretCommand(which));
  await expect(third).rejects.toThrow(LimitExceededException);

  const end = (ClientSecretId: string | undefined) =>
    cognito.send(new DeleteUserPoolClientSecretCommand({ ...which, ClientSecretId }));
  await expect(end('another')).rejects.toThrow(ResourceNotFoundException);
  await end(first?.ClientSecretId);
  expect(await secrets()).toEqual([listed]);
  await expect(end(second?.ClientSecretId)).rejects.toThrow(InvalidParameterException);
});

it('hears nobody without the access key of the installation', async () => {
  const stranger = clientWith('somebodyelse').send(new CreateUserPoolClientCommand(wanted));
  await expect(stranger).rejects.toThrow('security token');
});
