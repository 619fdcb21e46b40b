import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { memory } from '../memory.ts';

/** What requests of a session are signed with. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Gives the credentials of a session in one municipality. */
export type TenantSessions = (code: string) => () => Promise<SessionCredentials>;

/** Asks the token service for a session of the tenant role with this municipality as its tag. */
export type AssumeTenantRole = (code: string) => Promise<SessionCredentials>;

/** The longest that a role assumed by a role may last (role chaining), in seconds. */
const DURATION_S = 3600;
/** A session is renewed this long before it ends, in milliseconds: no request is signed with what ends on its way. */
const MARGIN_MS = 5 * 60_000;
/** There are 98 municipalities. */
const MOST = 98;

/**
 * The sessions in which a function touches a municipality's rows and keys. The role's policies say `T#<tag>#*`, so a
 * session reaches the municipality it is tagged with and no other, whatever key a request names. Sessions are kept in the
 * process: one asking for all who need it at once, renewed before it ends, never more than there are municipalities.
 */
export function tenantSessions(assume: AssumeTenantRole, now: () => Date = () => new Date()): TenantSessions {
  const sessions = memory<SessionCredentials>({
    most: MOST,
    now,
    until: ({ expiration }) => expiration.getTime() - MARGIN_MS,
  });
  return (code) => () => sessions.get(code, () => assume(code));
}

/** Sessions of a role from AWS STS. */
export function stsSessions(roleArn: string): AssumeTenantRole {
  const sts = new STSClient({});
  return async (code) => {
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: `municipality-${code}`,
        DurationSeconds: DURATION_S,
        Tags: [{ Key: 'municipality', Value: code }],
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) throw new Error('No session was given');
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration,
    };
  };
}

/** The sessions of a function whose tenant role this is. */
export const sessionsOf = (roleArn: string): TenantSessions => tenantSessions(stsSessions(roleArn));
