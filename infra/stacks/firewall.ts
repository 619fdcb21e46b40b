import type { Stack } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import { CfnRegexPatternSet, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { gatewayProblem } from '../gateway-problems.ts';
import { LET_THROUGH } from '../let-through.ts';
import type { StageSettings } from '../stages.ts';

/** The firewall's answers are fixed texts, so they name no request: the nil UUID (RFC 9562 §5.9). */
const NO_REQUEST = '00000000-0000-0000-0000-000000000000';
/** Seconds over which requests of one address are counted. */
const WINDOW_S = 300;

/**
 * The firewall of the API (AWS WAF): a path that does not exist reaches no function, so the tenant that the gateway names
 * to Lambda is one of the 98 municipalities; and one address gets so many requests in five minutes. Quotas come after a
 * function has started and count by client, so they do not bound who has no token.
 *
 * There are no managed rule groups: they look for what harms browsers and databases of SQL in the first kilobytes of a
 * body, and refuse Danish prose in between. No samples are kept, because a sampled request holds paths and tokens.
 */
export function addFirewall(stack: Stack, stage: StageSettings, restApi: RestApi): void {
  const { firewall } = stage;
  if (firewall === undefined) return;
  const visible = (metricName: string) => ({
    cloudWatchMetricsEnabled: true,
    sampledRequestsEnabled: false,
    metricName: `livline-${stage.name}-${metricName}`,
  });
  const paths = new CfnRegexPatternSet(stack, 'paths', {
    scope: 'REGIONAL',
    description: 'The paths of Livline that exist',
    regularExpressionList: [...LET_THROUGH],
  });
  const { status, headers, document } = gatewayProblem('too_many_requests', '/api', NO_REQUEST);
  const acl = new CfnWebACL(stack, 'firewall', {
    scope: 'REGIONAL',
    description: 'Livline: the paths that exist, and a rate for each address',
    // API Gateway answers it with its own response for WAF_FILTERED, a 404 like that of any unknown path.
    defaultAction: { block: {} },
    customResponseBodies: { 'too-many': { contentType: 'APPLICATION_JSON', content: JSON.stringify(document) } },
    visibilityConfig: visible('firewall'),
    rules: [
      {
        name: 'rate-by-address',
        priority: 0,
        statement: {
          rateBasedStatement: {
            aggregateKeyType: 'IP',
            limit: firewall.requestsPerAddress,
            evaluationWindowSec: WINDOW_S,
          },
        },
        action: {
          block: {
            customResponse: {
              responseCode: status,
              customResponseBodyKey: 'too-many',
              responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })),
            },
          },
        },
        visibilityConfig: visible('rate-by-address'),
      },
      {
        name: 'paths-that-exist',
        priority: 1,
        statement: {
          regexPatternSetReferenceStatement: {
            arn: paths.attrArn,
            fieldToMatch: { uriPath: {} },
            textTransformations: [{ priority: 0, type: 'NONE' }],
          },
        },
        action: { allow: {} },
        visibilityConfig: visible('paths-that-exist'),
      },
    ],
  });
  new CfnWebACLAssociation(stack, 'firewall-of-the-stage', {
    webAclArn: acl.attrArn,
    resourceArn: restApi.deploymentStage.stageArn,
  });
}
