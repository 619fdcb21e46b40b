import { CfnOutput, Duration, Size, Stack, Validations } from 'aws-cdk-lib';
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  type CfnRestApi,
  CognitoUserPoolsAuthorizer,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  type Resource,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import {
  ACCESS_COLLECTIONS,
  ADMIN_SCOPES,
  ARCHIVE_COLLECTIONS,
  RESOURCE_SERVER,
  TENANT_SCOPES,
} from '#shared/auth/scopes.ts';
import { grantCertificates, grantKeyMaking } from '../key-access.ts';
import { type CodeFor, functionRole, serviceFunction } from '../service-function.ts';
import type { StageSettings } from '../stages.ts';
import { grantObjects, grantTableAccess } from '../table-access.ts';
import { tenantFunction } from '../tenant-function.ts';
import type { Data } from './data.ts';
import { type Events, grantSend } from './events.ts';
import { addFirewall } from './firewall.ts';
import { addGatewayResponses } from './gateway-responses.ts';
import type { Identity } from './identity.ts';

export interface Api {
  readonly stack: Stack;
  readonly restApi: RestApi;
  readonly functions: readonly LambdaFunction[];
}

/** The front door: one REST API, since only that kind can name the tenant to Lambda, and the six functions behind it. */
export function apiStack(
  scope: Construct,
  stage: StageSettings,
  codeFor: CodeFor,
  { table, keys, bucket, certificates }: Data,
  identity: Identity,
  { delivery, clockTurns }: Events,
): Api {
  const stack = new Stack(scope, `livline-${stage.name}-api`, {
    description: 'Livline: the REST API',
    env: { region: stage.region },
  });

  const tenantApi = tenantFunction(stack, { table, keys }, 'tenant-api', {
    stage,
    codeFor,
    description: 'Answers what a municipality or its partner asks of one municipality’s record.',
    environment: (tenant) => ({
      ...tenant,
      DELIVERY_QUEUE_URL: delivery.queueUrl,
      PER_TENANT: stage.perTenantCompute ? '1' : '0',
    }),
    perTenant: true,
  });
  grantSend(tenantApi, delivery);

  const accessApi = tenantFunction(stack, { table, keys }, 'access-api', {
    stage,
    codeFor,
    description: 'Answers what a municipality says itself about who has access: clients, grants, settings, recovery.',
    environment: (tenant) => ({
      ...tenant,
      CLOCK_QUEUE_URL: clockTurns.queueUrl,
      USER_POOL_ID: identity.userPool.userPoolId,
      TOKEN_URL: identity.tokenUrl,
      PER_TENANT: stage.perTenantCompute ? '1' : '0',
    }),
    perTenant: true,
  });
  accessApi.addToRolePolicy(makingClients(identity));
  grantSend(accessApi, clockTurns);

  const archiveApi = tenantFunction(stack, { table, keys }, 'archive-api', {
    stage,
    codeFor,
    description: 'Answers what a municipality asks of its archives of erased persons.',
    environment: (tenant) => ({
      ...tenant,
      BUCKET_NAME: bucket.bucketName,
      PER_TENANT: stage.perTenantCompute ? '1' : '0',
    }),
    grant: (inside) => grantObjects(inside, bucket, 'archive', 'read'),
    perTenant: true,
  });

  const adminRole = functionRole(stack, 'admin-api');
  const adminApi = serviceFunction(stack, 'admin-api', {
    role: adminRole,
    stage,
    codeFor,
    description: 'Answers an operator: municipalities, partners, clients and their grants.',
    environment: {
      TABLE_NAME: table.tableName,
      USER_POOL_ID: identity.userPool.userPoolId,
      TOKEN_URL: identity.tokenUrl,
      OPERATOR_CLIENT_ID: identity.operatorClient.userPoolClientId,
      RECOVERY_DELAY_S: String(stage.recoveryDelay.toSeconds()),
      STAGE: stage.name,
    },
  });
  grantTableAccess(adminApi, table, 'admin-api');
  adminApi.addToRolePolicy(makingClients(identity));

  grantKeyMaking(adminRole, stack, stage.name);
  grantCertificates(adminRole, certificates, 'kms:GetPublicKey');

  const publicApi = serviceFunction(stack, 'public-api', {
    role: functionRole(stack, 'public-api'),
    stage,
    codeFor,
    description: 'Answers anybody: the API’s description and docs, the problem codes, health, and 404 elsewhere.',
    environment: { TOKEN_URL: identity.tokenUrl },
    reservedConcurrency: stage.publicConcurrency,
  });

  const inbox = tenantFunction(stack, { table, keys }, 'inbox', {
    stage,
    codeFor,
    description: 'Takes what case systems and partners send, proven by its signature, and applies it.',
    environment: (tenant) => tenant,
    reservedConcurrency: stage.inboxConcurrency,
  });

  const restApi = gateway(stack, stage);
  const authorizer = new CognitoUserPoolsAuthorizer(stack, 'authorizer', {
    cognitoUserPools: [identity.userPool],
    resultsCacheTtl: Duration.minutes(1),
  });
  const authorized = {
    authorizer,
    authorizationType: AuthorizationType.COGNITO,
    // Any of them lets a token in; which one an operation needs is checked against the grant in code, which says 403.
    authorizationScopes: [...TENANT_SCOPES, ...ADMIN_SCOPES].map((name) => `${RESOURCE_SERVER}/${name}`),
  };

  const v1 = restApi.root.addResource('v1');
  // With tenant isolation Lambda picks the municipality's own execution environment by this header, and the function
  // checks it against the grant. A function without it refuses a call that names a tenant, so both hang on one switch.
  const tenantId = stage.perTenantCompute
    ? { 'integration.request.header.X-Amz-Tenant-Id': 'method.request.path.code' }
    : {};
  const municipality = v1.addResource('municipalities').addResource('{code}');
  const toTenant = (resource: Resource, method: string, handler = tenantApi) =>
    resource.addMethod(
      method,
      new LambdaIntegration(handler, { allowTestInvoke: false, requestParameters: tenantId }),
      { ...authorized, requestParameters: { 'method.request.path.code': true } },
    );
  toTenant(municipality.addResource('{proxy+}'), 'ANY');
  // A path with a resource of its own is not looked for in {proxy+}, whatever the method: so all that goes on from it
  // is named too, and POST to a connection's inbox alone is let in without a token.
  const inboxes = municipality.addResource('inbox');
  const oneInbox = inboxes.addResource('{id}');
  for (const resource of [inboxes, oneInbox, oneInbox.addResource('{proxy+}')]) toTenant(resource, 'ANY');
  const apart = [
    ...ACCESS_COLLECTIONS.map((collection) => [collection, accessApi] as const),
    ...ARCHIVE_COLLECTIONS.map((collection) => [collection, archiveApi] as const),
  ];
  for (const [collection, handler] of apart) {
    const all = municipality.addResource(collection);
    for (const resource of [all, all.addResource('{proxy+}')]) toTenant(resource, 'ANY', handler);
  }
  const receive = oneInbox.addMethod('POST', new LambdaIntegration(inbox, { allowTestInvoke: false }), {
    authorizationType: AuthorizationType.NONE,
  });
  const signed = 'A case system signs what it sends with its connection’s secret; the function takes nothing else.';
  Validations.of(receive).acknowledge(
    { id: 'AwsSolutions-APIG4', reason: signed },
    { id: 'AwsSolutions-COG4', reason: signed },
  );
  v1.addResource('admin')
    .addResource('{proxy+}')
    .addMethod('ANY', new LambdaIntegration(adminApi, { allowTestInvoke: false }), authorized);

  // All else, so that an unknown path is a 404 of ours and not the gateway's complaint about a signature.
  const toPublic = new LambdaIntegration(publicApi, { allowTestInvoke: false });
  for (const resource of [restApi.root, restApi.root.addResource('{proxy+}')]) {
    const method = resource.addMethod('ANY', toPublic, { authorizationType: AuthorizationType.NONE });
    const reason =
      'Public on purpose: the API’s description, its docs, the problem codes and health. It can reach no data.';
    Validations.of(method).acknowledge({ id: 'AwsSolutions-APIG4', reason }, { id: 'AwsSolutions-COG4', reason });
  }

  addFirewall(stack, stage, restApi);
  restApi.node.tryRemoveChild('Endpoint');
  new CfnOutput(stack, 'ApiUrl', { value: restApi.url, description: 'What every path of the API follows' });
  return { stack, restApi, functions: [tenantApi, accessApi, archiveApi, adminApi, publicApi, inbox] };
}

/** Lets a function make and unmake clients of the user pool, and their secrets. */
const makingClients = ({ userPool }: Identity): PolicyStatement =>
  new PolicyStatement({
    sid: 'MakeClients',
    actions: [
      'cognito-idp:CreateUserPoolClient',
      'cognito-idp:DeleteUserPoolClient',
      'cognito-idp:AddUserPoolClientSecret',
      'cognito-idp:ListUserPoolClientSecrets',
      'cognito-idp:DeleteUserPoolClientSecret',
    ],
    resources: [userPool.userPoolArn],
  });

/** The one method that takes requests without a token. */
const INBOX = '/v1/municipalities/{code}/inbox/{id}/POST';

/** The REST API without its routes. No CORS: a browser has no business here. */
function gateway(stack: Stack, stage: StageSettings): RestApi {
  const accessLog = new LogGroup(stack, 'access-log', {
    retention: stage.logRetention,
    removalPolicy: stage.removalPolicy,
  });
  const restApi = new RestApi(stack, 'api', {
    restApiName: `livline-${stage.name}`,
    endpointTypes: [EndpointType.REGIONAL],
    minCompressionSize: Size.kibibytes(1),
    cloudWatchRole: true,
    cloudWatchRoleRemovalPolicy: stage.removalPolicy,
    deployOptions: {
      stageName: 'api',
      throttlingRateLimit: stage.throttle.rate,
      throttlingBurstLimit: stage.throttle.burst,
      methodOptions: {
        [INBOX]: { throttlingRateLimit: stage.inboxThrottle.rate, throttlingBurstLimit: stage.inboxThrottle.burst },
      },
      loggingLevel: MethodLoggingLevel.OFF,
      accessLogDestination: new LogGroupLogDestination(accessLog),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
    },
  });
  const settings = restApi.node.defaultChild as CfnRestApi;
  settings.securityPolicy = SecurityPolicy.TLS13_1_2_PFS_PQ_2025_09;
  settings.endpointAccessMode = 'STRICT';
  addGatewayResponses(restApi);

  Validations.of(restApi).acknowledge(
    {
      id: 'AwsSolutions-APIG2',
      reason:
        'Every body, query and header is validated in the function, by the schemas the OpenAPI document is made of.',
    },
    {
      id: 'AwsSolutions-APIG6',
      reason:
        'Execution logs hold paths and headers, so external ids and tokens. The access log and the functions’ logs tell the same without them.',
    },
    {
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason:
        'The account-wide role that API Gateway writes logs with: its managed policy is the one AWS documents for it.',
    },
  );
  if (stage.firewall === undefined) {
    Validations.of(restApi).acknowledge({
      id: 'AwsSolutions-APIG3',
      reason: 'A developer’s stage has no firewall to pay for. The functions refuse what it would have refused.',
    });
  }
  return restApi;
}

/** Who called which operation and how it went. No address, no user agent, no path with ids: none of it is a person's. */
const ACCESS_LOG = {
  requestId: AccessLogField.contextRequestId(),
  at: AccessLogField.contextRequestTime(),
  client: AccessLogField.contextAuthorizerClaims('client_id'),
  method: AccessLogField.contextHttpMethod(),
  resource: AccessLogField.contextResourcePath(),
  status: AccessLogField.contextStatus(),
  problem: AccessLogField.contextErrorResponseType(),
  bytes: AccessLogField.contextResponseLength(),
  milliseconds: AccessLogField.contextResponseLatency(),
  functionMilliseconds: AccessLogField.contextIntegrationLatency(),
};
