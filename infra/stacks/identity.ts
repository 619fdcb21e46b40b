import { CfnOutput, Duration, Stack, Validations } from 'aws-cdk-lib';
import {
  AccountRecovery,
  FeaturePlan,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito';
import type { Construct } from 'constructs';
import { ADMIN_SCOPES, RESOURCE_SERVER, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import type { StageSettings } from '../stages.ts';

export interface Identity {
  readonly stack: Stack;
  readonly userPool: UserPool;
  /** The operator's own client: admin scopes and nothing of any municipality. */
  readonly operatorClient: UserPoolClient;
  /** Where a client gets its access token (OAuth 2.0 client credentials). */
  readonly tokenUrl: string;
}

/**
 * Who may call: machines only, each a client with its own secret and scopes. `admin-api` makes them while it runs,
 * with their grants; only the operator's client, which makes the first of them, comes from here.
 */
export function identityStack(scope: Construct, stage: StageSettings): Identity {
  const stack = new Stack(scope, `livline-${stage.name}-identity`, {
    description: 'Livline: access tokens',
    env: { region: stage.region },
    terminationProtection: stage.deletionProtection,
  });

  const userPool = new UserPool(stack, 'clients', {
    // The plan AWS gives new pools. Plus only adds what guards people's sign-in, and Lite is for pools from before.
    featurePlan: FeaturePlan.ESSENTIALS,
    // There are no people in this pool and none can sign up; what would hold for them is as strict as it can be.
    selfSignUpEnabled: false,
    accountRecovery: AccountRecovery.NONE,
    mfa: Mfa.REQUIRED,
    mfaSecondFactor: { sms: false, otp: true },
    passwordPolicy: {
      minLength: 20,
      requireLowercase: true,
      requireUppercase: true,
      requireDigits: true,
      requireSymbols: true,
    },
    deletionProtection: stage.deletionProtection,
    removalPolicy: stage.removalPolicy,
  });
  Validations.of(userPool).acknowledge({
    id: 'AwsSolutions-COG8',
    reason:
      'The Plus plan watches how people sign in. This pool has no users and lets none sign up: its clients are machines.',
  });

  const describe = (scopeName: string) =>
    new ResourceServerScope({ scopeName, scopeDescription: scopeName.replace(':', ', ') });
  const tenantScopes = TENANT_SCOPES.map(describe);
  const adminScopes = ADMIN_SCOPES.map(describe);
  const resourceServer = userPool.addResourceServer('api', {
    identifier: RESOURCE_SERVER,
    scopes: [...tenantScopes, ...adminScopes],
  });

  const domain = userPool.addDomain('domain', { cognitoDomain: { domainPrefix: stage.tokenDomain } });

  const operatorClient = userPool.addClient('operator', {
    generateSecret: true,
    oAuth: {
      flows: { clientCredentials: true },
      scopes: adminScopes.map((adminScope) => OAuthScope.resourceServer(resourceServer, adminScope)),
    },
    accessTokenValidity: Duration.hours(1),
    enableTokenRevocation: true,
  });

  const tokenUrl = `${domain.baseUrl()}/oauth2/token`;
  new CfnOutput(stack, 'TokenUrl', { value: tokenUrl, description: 'Where every client gets its access token' });
  new CfnOutput(stack, 'OperatorClientId', {
    value: operatorClient.userPoolClientId,
    description: 'The operator: its secret is shown by aws cognito-idp describe-user-pool-client, and nowhere else',
  });

  return { stack, userPool, operatorClient, tokenUrl };
}
