import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import document from '#functions/public-api/openapi.json' with { type: 'json' };
import { isLetThrough, LET_THROUGH, MOST_PATTERNS } from '#infra/let-through.ts';
import { allMunicipalities } from '#shared/register/register.ts';
import { appOf, ofType, resourcesOf, targetOf } from './templates.ts';

const app = appOf('dev', 'test', 'prod');
const resources = resourcesOf(app);
const stage = (name: string) => resources.filter(({ stack }) => stack.startsWith(`livline-${name}-`));
const codes = allMunicipalities().map(({ code }) => code);

describe('the firewall', () => {
  it.each(['test', 'prod'])('of %s stands before the stage of the API', (name) => {
    const [association] = ofType(stage(name), 'AWS::WAFv2::WebACLAssociation');
    const [acl] = ofType(stage(name), 'AWS::WAFv2::WebACL');
    expect(targetOf(association?.properties.WebACLArn)).toBe(acl?.id);
    const [apiStage] = ofType(stage(name), 'AWS::ApiGateway::Stage');
    expect(JSON.stringify(association?.properties.ResourceArn)).toContain(`"${apiStage?.id}"`);
    expect(apiStage?.properties.StageName).toBe('api');
  });

  it('blocks an address that sends too much with 429, then lets through the paths that exist and nothing else', () => {
    const { properties } = ofType(stage('prod'), 'AWS::WAFv2::WebACL')[0] ?? {};
    expect(properties.DefaultAction).toEqual({ Block: {} });
    const [rate, paths, ...others] = properties.Rules;
    expect(others).toEqual([]);
    expect(rate).toMatchObject({
      Priority: 0,
      Action: { Block: { CustomResponse: { ResponseCode: 429, CustomResponseBodyKey: 'too-many' } } },
      Statement: { RateBasedStatement: { AggregateKeyType: 'IP', Limit: 60_000, EvaluationWindowSec: 300 } },
    });
    const body = JSON.parse(properties.CustomResponseBodies['too-many'].Content);
    expect(body).toMatchObject({ type: '/api/problems/too_many_requests', status: 429 });
    expect(paths).toMatchObject({ Priority: 1, Action: { Allow: {} } });
    const { FieldToMatch, Arn } = paths.Statement.RegexPatternSetReferenceStatement;
    expect(FieldToMatch).toEqual({ UriPath: {} });
    const [set] = ofType(stage('prod'), 'AWS::WAFv2::RegexPatternSet');
    expect(targetOf(Arn)).toBe(set?.id);
    expect(set?.properties.RegularExpressionList).toEqual(LET_THROUGH);
  });

  it('keeps no sample of any request, since it would hold paths and tokens', () => {
    expect(JSON.stringify(ofType(resources, 'AWS::WAFv2::WebACL'))).not.toContain('"SampledRequestsEnabled":true');
  });

  it('has patterns that AWS WAF takes: at most ten, of at most 200 characters', () => {
    expect(LET_THROUGH.length).toBeLessThanOrEqual(MOST_PATTERNS);
    for (const pattern of LET_THROUGH) expect(pattern.length).toBeLessThanOrEqual(200);
  });

  it('answers a path that does not exist as every unknown path is answered', () => {
    const [response] = ofType(stage('prod'), 'AWS::ApiGateway::GatewayResponse').filter(
      ({ properties }) => properties.ResponseType === 'WAF_FILTERED',
    );
    expect(response?.properties.StatusCode).toBe('404');
  });

  it('leaves no check of AWS Solutions to be acknowledged where it stands', () => {
    for (const name of ['test', 'prod'] as const) {
      const own = appOf(name);
      own.synth();
      expect(new AwsSolutionsChecks(own).validateScope(own).violations).toEqual([]);
    }
    expect(JSON.stringify(app.synth().getStackByName('livline-prod-api').template)).not.toContain('APIG3');
  });
});

describe('what is let through', () => {
  it.each(Object.keys(document.paths))('is %s', (path) => {
    for (const code of ['0101', '0860']) {
      const asked = path.replace('{code}', code).replaceAll(/\{\w+\}/g, 'x');
      for (const base of ['', '/api']) expect(isLetThrough(`${base}${asked}`)).toBe(true);
    }
  });

  it('is every municipality’s path and no other code’s', () => {
    const through = Array.from({ length: 10_000 }, (_, at) => String(at).padStart(4, '0')).filter((code) =>
      isLetThrough(`/v1/municipalities/${code}/families`),
    );
    expect(through).toEqual(codes.toSorted());
  });

  it.each([
    '/v1/municipalities/0101',
    '/v1/municipalities/01010/families',
    '/v1/municipalities/101/families',
    '/v1/municipalities/%30101/families',
    '/x/v1/municipalities/0101/families',
    '/v1/municipalities/../admin/clients',
    '/v1',
    '/v2/admin/clients',
    '/docsx',
    '/.env',
    '/wp-login.php',
  ])('is not %s', (path) => {
    expect(isLetThrough(path)).toBe(false);
  });
});

describe('an inbox, which anybody may send to', () => {
  it('has a throttle of its own at the gateway, below that of the API', () => {
    for (const [name, rate] of [
      ['dev', 10],
      ['test', 40],
      ['prod', 200],
    ] as const) {
      const [apiStage] = ofType(stage(name), 'AWS::ApiGateway::Stage');
      const [all, inbox] = apiStage?.properties.MethodSettings ?? [];
      expect(inbox).toMatchObject({
        HttpMethod: 'POST',
        ResourcePath: '/~1v1~1municipalities~1{code}~1inbox~1{id}',
        ThrottlingRateLimit: rate,
        ThrottlingBurstLimit: 2 * rate,
      });
      expect(inbox.ThrottlingRateLimit).toBeLessThan(all.ThrottlingRateLimit);
    }
  });

  it('runs in so many environments at most, where the account can spare them', () => {
    const reserved = (name: string) =>
      ofType(stage(name), 'AWS::Lambda::Function').find(
        ({ properties }) => properties.Environment.Variables.SERVICE === 'inbox',
      )?.properties.ReservedConcurrentExecutions;
    expect(['dev', 'test', 'prod'].map(reserved)).toEqual([undefined, 10, 50]);
  });
});
