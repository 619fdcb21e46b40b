import { fileURLToPath } from 'node:url';
import { Duration } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  TenancyConfig,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { StageName, StageSettings } from './stages.ts';

/**
 * What each function reads from its environment. `LOCAL_WEBHOOKS`, which lets webhooks go to this machine, is missing
 * on purpose: no deployed stage can set it.
 */
export interface FunctionEnvironments {
  readonly 'tenant-api': TenantEnvironment & {
    readonly DELIVERY_QUEUE_URL: string;
    /** `1` where each municipality has execution environments of its own. */
    readonly PER_TENANT: '1' | '0';
  };
  readonly 'access-api': TenantEnvironment & {
    readonly CLOCK_QUEUE_URL: string;
    readonly USER_POOL_ID: string;
    readonly TOKEN_URL: string;
    /** `1` where each municipality has execution environments of its own. */
    readonly PER_TENANT: '1' | '0';
  };
  readonly 'archive-api': TenantEnvironment & {
    readonly BUCKET_NAME: string;
    /** `1` where each municipality has execution environments of its own. */
    readonly PER_TENANT: '1' | '0';
  };
  readonly 'admin-api': {
    readonly TABLE_NAME: string;
    readonly USER_POOL_ID: string;
    readonly TOKEN_URL: string;
    readonly OPERATOR_CLIENT_ID: string;
    /** Seconds after which a recovery takes effect. */
    readonly RECOVERY_DELAY_S: string;
    readonly STAGE: StageName;
  };
  readonly 'public-api': { readonly TOKEN_URL: string };
  readonly inbox: TenantEnvironment;
  readonly relay: TenantEnvironment & { readonly DELIVERY_QUEUE_URL: string };
  readonly deliver: TenantEnvironment & {
    readonly DELIVERY_QUEUE_URL: string;
    readonly SLOW_DELIVERY_QUEUE_URL: string;
  };
  readonly clock: TenantEnvironment & { readonly DELIVERY_QUEUE_URL: string; readonly CLOCK_QUEUE_URL: string };
  readonly lifecycle: TenantEnvironment & {
    readonly LIFECYCLE_QUEUE_URL: string;
    readonly BUCKET_NAME: string;
    readonly USER_POOL_ID: string;
    readonly STAGE: StageName;
  };
}

/** What a function reads that works inside municipalities. */
export interface TenantEnvironment {
  readonly TABLE_NAME: string;
  /** The table with the keys of persons. */
  readonly KEYS_TABLE_NAME: string;
  /** The role it takes in one municipality at a time (table-access.ts). */
  readonly TENANT_ROLE_ARN: string;
}

export type FunctionName = keyof FunctionEnvironments;

/** Where a function's code comes from. Tests pass a stand-in, so that they need no bundles. */
export type CodeFor = (name: FunctionName) => Code;

/** The bundle that `npm run build` left in `dist/<name>`, without what only developers read. */
export function bundledCode(name: FunctionName): Code {
  const directory = fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
  return Code.fromAsset(directory, { exclude: ['meta.json', '*.map'] });
}

interface Sizing {
  /** MB. Lambda gives CPU in proportion: 1769 is one core, and starting is the work of one core. */
  readonly memory: number;
  readonly timeout: Duration;
}

/**
 * The APIs get most of a core, since somebody waits for them; the workers wait for others. The clock ends before its
 * next minute; a delivery may take 20 s (`shared/webhooks`) and then writes its result.
 */
const SIZING: Readonly<Record<FunctionName, Sizing>> = {
  'tenant-api': { memory: 1536, timeout: Duration.seconds(28) },
  'access-api': { memory: 1024, timeout: Duration.seconds(28) },
  'archive-api': { memory: 1024, timeout: Duration.seconds(28) },
  'admin-api': { memory: 1024, timeout: Duration.seconds(15) },
  'public-api': { memory: 512, timeout: Duration.seconds(5) },
  inbox: { memory: 1024, timeout: Duration.seconds(28) },
  relay: { memory: 1024, timeout: Duration.seconds(60) },
  deliver: { memory: 512, timeout: Duration.seconds(30) },
  clock: { memory: 1024, timeout: Duration.seconds(55) },
  lifecycle: { memory: 1024, timeout: Duration.minutes(15) },
};

export interface ServiceFunctionProps<Name extends FunctionName> {
  readonly stage: StageSettings;
  readonly codeFor: CodeFor;
  readonly environment: FunctionEnvironments[Name];
  /** Its own role, as {@link functionRole} makes it. */
  readonly role: Role;
  /** One sentence saying what starts it and what it does. */
  readonly description: string;
  /** One execution environment per municipality, where the stage says so. Only a REST API can name the tenant. */
  readonly perTenant?: boolean;
  readonly reservedConcurrency?: number | undefined;
}

/** A function's own role, which may do nothing until it is granted. */
export const functionRole = (scope: Construct, name: FunctionName): Role =>
  new Role(scope, `${name}-role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });

/**
 * The one shape of every Lambda here. Its role may write its own log and nothing else until granted more.
 *
 * Tracing is off: X-Ray sees a call's inside only through an SDK of its own, which costs a cold start more than our
 * whole router, and its permission cannot be limited to a resource. The request id runs through every log instead.
 */
export function serviceFunction<Name extends FunctionName>(
  scope: Construct,
  name: Name,
  props: ServiceFunctionProps<Name>,
): LambdaFunction {
  const { stage, codeFor, environment, role, description, perTenant = false, reservedConcurrency } = props;
  const { memory, timeout } = SIZING[name];
  const logGroup = new LogGroup(scope, `${name}-log`, {
    retention: stage.logRetention,
    removalPolicy: stage.removalPolicy,
  });
  logGroup.grantWrite(role);
  return new LambdaFunction(scope, name, {
    description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: codeFor(name),
    handler: 'index.handler',
    role,
    memorySize: memory,
    timeout,
    environment: { SERVICE: name, STAGE: stage.name, ...environment },
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    applicationLogLevelV2: ApplicationLogLevel.INFO,
    systemLogLevelV2: SystemLogLevel.WARN,
    ...(perTenant && stage.perTenantCompute && { tenancyConfig: TenancyConfig.PER_TENANT }),
    ...(reservedConcurrency !== undefined && { reservedConcurrentExecutions: reservedConcurrency }),
  });
}
