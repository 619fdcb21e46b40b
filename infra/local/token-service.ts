import type { ServerResponse } from 'node:http';
import type { Service } from './aws-json.ts';
import type { Callers, SessionCredentials } from './callers.ts';
import { readBody } from './http.ts';
import { ACCOUNT } from './lambda.ts';

export interface TokenServiceOptions {
  readonly callers: Callers;
  /** The ARNs of the roles that may be assumed. */
  readonly roles: readonly string[];
}

/** An answer's status and its XML. */
type Answer = readonly [200 | 400 | 403, string];

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/**
 * The part of STS's API that Livline uses, in its own protocol (AWS Query): AssumeRole with a municipality as the only
 * tag of the session. The credentials it gives are known to the other services of this machine.
 */
export function createTokenService({ callers, roles }: TokenServiceOptions): Service {
  return async (request, response) => {
    const body = await readBody(request, 64 * 1024);
    const caller = callers.of(request);
    if (caller === undefined) {
      return send(
        response,
        refuse(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'),
      );
    }
    const input = new URLSearchParams((body ?? '').toString());
    if (request.method !== 'POST' || input.get('Action') !== 'AssumeRole') {
      return send(response, refuse(400, 'InvalidAction', 'Only AssumeRole is known here.'));
    }
    if (caller.municipality !== undefined || !roles.includes(input.get('RoleArn') ?? '')) {
      return send(response, refuse(403, 'AccessDenied', 'The caller may not assume this role.'));
    }
    return send(response, assumeRole(input, callers));
  };
}

function assumeRole(input: URLSearchParams, callers: Callers): Answer {
  const name = input.get('RoleSessionName') ?? '';
  if (!/^[\w+=,.@-]{2,64}$/.test(name)) return refuse(400, 'ValidationError', 'RoleSessionName is not valid.');
  const seconds = Number(input.get('DurationSeconds') ?? 3600);
  if (!Number.isInteger(seconds) || seconds < 900 || seconds > 3600) {
    return refuse(400, 'ValidationError', 'DurationSeconds must be 900 to 3600.');
  }
  const tags = [...input.keys()].filter((key) => /^Tags\.member\.\d+\.Key$/.test(key));
  const municipality = input.get('Tags.member.1.Value') ?? '';
  if (tags.length !== 1 || input.get('Tags.member.1.Key') !== 'municipality' || !/^\d{4}$/.test(municipality)) {
    // The roles' trust policies ask for it.
    return refuse(403, 'AccessDenied', 'The session must be tagged with its municipality, and with nothing else.');
  }
  return assumed(input.get('RoleArn') ?? '', name, callers.startSession(municipality, seconds));
}

/** None of the texts needs escaping: each is one of ours or was held against a pattern. */
function assumed(roleArn: string, name: string, credentials: SessionCredentials): Answer {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  const role = roleArn.slice(roleArn.lastIndexOf('/') + 1);
  return [
    200,
    `<AssumeRoleResponse xmlns="${NAMESPACE}"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROALOCAL:${name}</AssumedRoleId>
<Arn>arn:aws:sts::${ACCOUNT}:assumed-role/${role}/${name}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
<SessionToken>${sessionToken}</SessionToken><Expiration>${expiration.toISOString()}</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>`,
  ];
}

const refuse = (status: 400 | 403, code: string, message: string): Answer => [
  status,
  `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
];

function send(response: ServerResponse, [status, xml]: Answer): void {
  response.writeHead(status, { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(xml) });
  response.end(xml);
}
