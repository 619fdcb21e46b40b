import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

type Request = Pick<IncomingMessage, 'headers'>;

/** Who signed a request to one of the AWS services of this machine. */
export interface Caller {
  /** The municipality of the session it came in; none for a function under its own role. */
  readonly municipality?: string;
}

/** Temporary credentials as AWS gives them. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** The installation's callers: the functions themselves, and sessions of theirs in one municipality. */
export interface Callers {
  /** `undefined` for everybody else, whose session is over included. */
  readonly of: (request: Request) => Caller | undefined;
  readonly startSession: (municipality: string, seconds: number) => SessionCredentials;
}

/**
 * Knows the callers of one installation. DynamoDB Local keeps a database for each access key id, and would open them all
 * to any program of this machine if it were told to keep one for everybody. So a session has the installation's access
 * key id, which AWS would draw anew, and is told by its token.
 */
export function callersOf(accessKeyId: string, now: () => number = Date.now): Callers {
  const sessions = new Map<string, { readonly municipality: string; readonly until: number }>();
  return {
    of(request) {
      const token = tokenOf(request);
      if (!hasKey(request, accessKeyId)) return undefined;
      if (token === undefined) return {};
      const session = sessions.get(token);
      return session && session.until > now() ? { municipality: session.municipality } : undefined;
    },
    startSession(municipality, seconds) {
      for (const [token, { until }] of sessions) if (until <= now()) sessions.delete(token);
      const until = now() + seconds * 1000;
      const sessionToken = randomBytes(48).toString('base64');
      sessions.set(sessionToken, { municipality, until });
      const secretAccessKey = randomBytes(30).toString('base64');
      return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(until) };
    },
  };
}

/** Whether a function of the installation signed the request under its own role, and it came under a loopback name. */
export const isOurs = (request: Request, accessKeyId: string): boolean =>
  hasKey(request, accessKeyId) && tokenOf(request) === undefined;

/** A loopback name, so that no web page can ask; the access key id, so that no other user of the machine can. */
function hasKey({ headers }: Request, accessKeyId: string): boolean {
  const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '');
  return loopback && (headers.authorization ?? '').startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`);
}

const tokenOf = ({ headers }: Request): string | undefined => headers['x-amz-security-token']?.toString();
