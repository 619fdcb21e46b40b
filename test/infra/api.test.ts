import { describe, expect, test } from 'vitest';
import { GATEWAY_RESPONSES } from '#infra/stacks/gateway-responses.ts';
import { ADMIN_SCOPES, TENANT_SCOPES } from '#shared/auth/scopes.ts';
import { PROBLEMS } from '#shared/errors.ts';
import { appOf, ofType, type Resource, resourcesOf, targetOf } from './templates.ts';

const resources = resourcesOf(appOf('dev', 'prod'));
const prod = resources.filter(({ stack }) => stack.startsWith('livline-prod'));
const dev = resources.filter(({ stack }) => stack.startsWith('livline-dev'));

/** The path of an API Gateway resource, from its parents. */
function pathOf(of: readonly Resource[], reference: unknown): string {
  const resource = of.find(({ id, type }) => type === 'AWS::ApiGateway::Resource' && id === targetOf(reference));
  return resource ? `${pathOf(of, resource.properties.ParentId)}/${resource.properties.PathPart}` : '';
}

function methodsOf(of: readonly Resource[]) {
  return ofType(of, 'AWS::ApiGateway::Method').map(({ properties }) => ({
    path: pathOf(of, properties.ResourceId) || '/',
    ...properties,
  }));
}

describe('the gateway', () => {
  test('has these routes', () => {
    expect(
      methodsOf(prod)
        .map(({ HttpMethod, path }) => `${HttpMethod} ${path}`)
        .toSorted(),
    ).toEqual([
      'ANY /',
      'ANY /v1/admin/{proxy+}',
      'ANY /v1/municipalities/{code}/archives',
      'ANY /v1/municipalities/{code}/archives/{proxy+}',
      'ANY /v1/municipalities/{code}/clients',
      'ANY /v1/municipalities/{code}/clients/{proxy+}',
      'ANY /v1/municipalities/{code}/grants',
      'ANY /v1/municipalities/{code}/grants/{proxy+}',
      'ANY /v1/municipalities/{code}/inbox',
      'ANY /v1/municipalities/{code}/inbox/{id}',
      'ANY /v1/municipalities/{code}/inbox/{id}/{proxy+}',
      'ANY /v1/municipalities/{code}/recovery',
      'ANY /v1/municipalities/{code}/recovery/{proxy+}',
      'ANY /v1/municipalities/{code}/settings',
      'ANY /v1/municipalities/{code}/settings/{proxy+}',
      'ANY /v1/municipalities/{code}/{proxy+}',
      'ANY /{proxy+}',
      'POST /v1/municipalities/{code}/inbox/{id}',
    ]);
  });

  const RECEIVE = 'POST /v1/municipalities/{code}/inbox/{id}';

  test('takes a message to an inbox without a token, and gives it to the function that proves its signature', () => {
    const [method] = methodsOf(prod).filter(({ path, HttpMethod }) => `${HttpMethod} ${path}` === RECEIVE);
    expect(method).toMatchObject({ AuthorizationType: 'NONE' });
    expect(method).not.toHaveProperty('AuthorizerId');
    const uri = JSON.stringify(method?.Integration.Uri);
    const [inbox] = ofType(prod, 'AWS::Lambda::Function').filter(
      ({ properties }) => properties.Environment.Variables.SERVICE === 'inbox',
    );
    expect(uri).toContain(`"${inbox?.id}"`);
  });

  const everyScope = [...TENANT_SCOPES, ...ADMIN_SCOPES];
  test.each(['/v1/municipalities/', '/v1/admin/'])('lets nobody below %s without a token of Livline', (prefix) => {
    const methods = methodsOf(prod).filter(
      ({ path, HttpMethod }) => path.startsWith(prefix) && `${HttpMethod} ${path}` !== RECEIVE,
    );
    expect(methods.length).toBeGreaterThan(0);
    for (const method of methods) {
      expect(method.AuthorizationType).toBe('COGNITO_USER_POOLS');
      expect(method.AuthorizationScopes).toEqual(everyScope.map((scope) => `livline/${scope}`));
      const authorizer = prod.find(({ id }) => id === targetOf(method.AuthorizerId));
      expect(authorizer?.properties.Type).toBe('COGNITO_USER_POOLS');
    }
  });

  test('names the tenant to Lambda exactly where the function runs once per tenant', () => {
    const header = 'integration.request.header.X-Amz-Tenant-Id';
    for (const [of, isolated] of [
      [prod, true],
      [dev, false],
    ] as const) {
      const [method] = methodsOf(of).filter(({ path }) => path.startsWith('/v1/municipalities/'));
      expect(method?.Integration.RequestParameters?.[header]).toBe(isolated ? 'method.request.path.code' : undefined);
      const perTenant = ofType(of, 'AWS::Lambda::Function').filter(({ properties }) => properties.TenancyConfig);
      expect(perTenant.map(({ properties }) => properties.Environment.Variables.SERVICE).toSorted()).toEqual(
        isolated ? ['access-api', 'archive-api', 'tenant-api'] : [],
      );
    }
  });

  test('speaks TLS 1.2 or later', () => {
    expect(ofType(prod, 'AWS::ApiGateway::RestApi')[0]?.properties).toMatchObject({
      SecurityPolicy: expect.stringMatching(/^SecurityPolicy_TLS13_1_2_PFS/),
      EndpointAccessMode: 'STRICT',
    });
  });

  test('logs no address, user agent, path with ids, query or body', () => {
    const [stage] = ofType(prod, 'AWS::ApiGateway::Stage');
    const format: string = stage?.properties.AccessLogSetting.Format;
    expect(format).toContain('$context.requestId');
    expect(format).not.toMatch(/sourceIp|userAgent|context\.path|requestOverride|body|\.user/i);
    const [all, ...one] = stage?.properties.MethodSettings ?? [];
    expect(all).toMatchObject({ DataTraceEnabled: false, LoggingLevel: 'OFF' });
    for (const settings of one) expect(settings).not.toMatchObject({ DataTraceEnabled: true });
  });
});

describe('what the gateway answers by itself', () => {
  test('is a problem of the closed set, with its status', () => {
    const documents = ofType(prod, 'AWS::ApiGateway::GatewayResponse').map(({ properties }) =>
      JSON.parse(properties.ResponseTemplates['application/json']),
    );
    expect(documents.length).toBeGreaterThan(0);
    for (const { type, title, status } of documents) {
      const code = String(type).replace('/$context.stage/problems/', '');
      expect(PROBLEMS).toHaveProperty(code);
      expect(PROBLEMS[code as keyof typeof PROBLEMS]).toMatchObject({ title, status });
    }
  });

  test('is a problem document with the request id', () => {
    const responses = ofType(prod, 'AWS::ApiGateway::GatewayResponse');
    expect(responses).toHaveLength(GATEWAY_RESPONSES.length);
    for (const { properties } of responses) {
      const document = JSON.parse(properties.ResponseTemplates['application/json']);
      expect(Object.keys(document)).toEqual(['type', 'title', 'status', 'detail', 'instance']);
      expect(document).toMatchObject({
        status: Number(properties.StatusCode),
        instance: 'urn:uuid:$context.requestId',
      });
      expect(properties.ResponseParameters['gatewayresponse.header.Content-Type']).toBe("'application/problem+json'");
    }
  });
});

describe('the user pool', () => {
  test('knows every scope, and its one client has the operator’s alone', () => {
    const [server] = ofType(prod, 'AWS::Cognito::UserPoolResourceServer');
    const names = server?.properties.Scopes.map(({ ScopeName }: { ScopeName: string }) => ScopeName);
    expect(names.toSorted()).toEqual([...TENANT_SCOPES, ...ADMIN_SCOPES].toSorted());
    const clients = ofType(prod, 'AWS::Cognito::UserPoolClient');
    expect(clients).toHaveLength(1);
    expect(clients[0]?.properties).toMatchObject({ AllowedOAuthFlows: ['client_credentials'], GenerateSecret: true });
    const scopes = JSON.stringify(clients[0]?.properties.AllowedOAuthScopes);
    for (const scope of ADMIN_SCOPES) expect(scopes).toContain(`/${scope}"`);
    for (const scope of TENANT_SCOPES) expect(scopes).not.toContain(`/${scope}"`);
  });
});
