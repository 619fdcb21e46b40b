import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';

export type StageName = 'dev' | 'test' | 'prod';

/** All that differs from one stage to the next. Nothing is looked up: a stage is what this file says. */
export interface StageSettings {
  readonly name: StageName;
  /** Where everything of the stage lives. */
  readonly region: string;
  /** Whether AWS itself refuses to delete the table and the user pool. */
  readonly deletionProtection: boolean;
  /** What becomes of stored data, keys and logs when a stack is deleted. */
  readonly removalPolicy: RemovalPolicy;
  /** How long the logs are kept. They hold ids, never values of the record. */
  readonly logRetention: RetentionDays;
  /**
   * One execution environment per municipality (Lambda tenant isolation mode). Some accounts refuse it, hence the
   * switch. It can only be set when a function is created: changing it here replaces `tenant-api`.
   */
  readonly perTenantCompute: boolean;
  /** Requests per second that the whole API takes steadily, and at once. Above it the gateway answers 429. */
  readonly throttle: { readonly rate: number; readonly burst: number };
  /** The firewall before the API, absent where none is paid for: the most requests that one address may send in five minutes. */
  readonly firewall: { readonly requestsPerAddress: number } | undefined;
  /** Requests per second to the inboxes of all municipalities, steadily and at once: whoever sends them needs no token. */
  readonly inboxThrottle: { readonly rate: number; readonly burst: number };
  /** Concurrency that `inbox` may use at most, so that messages nobody has proven yet never crowd out the record. */
  readonly inboxConcurrency: number | undefined;
  /**
   * The most webhooks under way at once in the ordinary lane, where an endpoint has one at a time. It reserves nothing.
   * docs/webhooks.md works out how many endpoints may hang.
   */
  readonly deliveryConcurrency: number;
  /** The same in the lane of slow endpoints, which also takes what goes to an endpoint beside its first attempt. */
  readonly slowDeliveryConcurrency: number;
  /** Concurrency that `lifecycle` may use at most, where the account can spare it: one round, and two municipalities that it did not reach. */
  readonly lifecycleConcurrency: 3 | undefined;
  /** Concurrency that `public-api` may use at most, so that readers of the docs never crowd out the record. */
  readonly publicConcurrency: number | undefined;
  /** How long a municipality that has lost every key can cancel its recovery before it takes effect. */
  readonly recoveryDelay: Duration;
  /** First part of the token URL's host name; unique among all AWS customers in the region. */
  readonly tokenDomain: string;
  /** Whether somebody must get the alarms: without one the stage is not synthesised. */
  readonly alarmsHaveReceiver: boolean;
}

/**
 * Frankfurt: in the EU as Danish municipal data must be, and the nearest region to get new features of Lambda and
 * API Gateway, on which the isolation of tenants rests, among the first.
 */
const REGION = 'eu-central-1';

/** A developer's stage: deleted without trace, and content with a new account's limits. */
const dev: StageSettings = {
  name: 'dev',
  region: REGION,
  deletionProtection: false,
  removalPolicy: RemovalPolicy.DESTROY,
  logRetention: RetentionDays.ONE_WEEK,
  perTenantCompute: false,
  throttle: { rate: 50, burst: 100 },
  firewall: undefined,
  inboxThrottle: { rate: 10, burst: 20 },
  inboxConcurrency: undefined,
  deliveryConcurrency: 5,
  slowDeliveryConcurrency: 5,
  lifecycleConcurrency: undefined,
  publicConcurrency: undefined,
  recoveryDelay: Duration.minutes(10),
  tokenDomain: 'livline-dev',
  alarmsHaveReceiver: false,
};

/** Where municipalities try an integration: as production, with data that may be lost. */
const test: StageSettings = {
  name: 'test',
  region: REGION,
  deletionProtection: true,
  removalPolicy: RemovalPolicy.RETAIN,
  logRetention: RetentionDays.ONE_MONTH,
  perTenantCompute: true,
  throttle: { rate: 200, burst: 400 },
  firewall: { requestsPerAddress: 30_000 },
  inboxThrottle: { rate: 40, burst: 80 },
  inboxConcurrency: 10,
  deliveryConcurrency: 50,
  slowDeliveryConcurrency: 50,
  lifecycleConcurrency: 3,
  publicConcurrency: 10,
  recoveryDelay: Duration.hours(72),
  tokenDomain: 'livline-test',
  alarmsHaveReceiver: false,
};

const prod: StageSettings = {
  name: 'prod',
  region: REGION,
  deletionProtection: true,
  removalPolicy: RemovalPolicy.RETAIN,
  logRetention: RetentionDays.ONE_YEAR,
  perTenantCompute: true,
  throttle: { rate: 1000, burst: 2000 },
  // 200 a second: a supplier may serve all its municipalities from one address.
  firewall: { requestsPerAddress: 60_000 },
  inboxThrottle: { rate: 200, burst: 400 },
  inboxConcurrency: 50,
  deliveryConcurrency: 200,
  slowDeliveryConcurrency: 200,
  lifecycleConcurrency: 3,
  publicConcurrency: 20,
  recoveryDelay: Duration.hours(72),
  tokenDomain: 'livline',
  alarmsHaveReceiver: true,
};

export const STAGES: readonly StageSettings[] = [dev, test, prod];

/** The settings of one stage. */
export function stageNamed(name: StageName): StageSettings {
  return { dev, test, prod }[name];
}

/** The stages to synthesise: the one that is named, or all. Throws if there is no stage of that name. */
export function stagesChosen(name: string | undefined): readonly StageSettings[] {
  const chosen = STAGES.filter((stage) => name === undefined || stage.name === name);
  if (chosen.length === 0) throw new Error(`There is no stage ${name}: choose dev, test or prod.`);
  return chosen;
}
