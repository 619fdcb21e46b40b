import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { type Place, placeOf } from '#functions/base.ts';
import { ALWAYS, problemOf, problemResult } from '#functions/problem.ts';
import { instanceOf, nothingHere, PROBLEMS, Problem, type ProblemCode, problemExplained } from '#shared/errors.ts';
import { isKnown } from '#shared/preconditions.ts';
import { type Contract, contractAt } from './contract.ts';

/**
 * What anybody may read: the contract, its reference, the problem codes, and whether the service lives. A handful
 * of fixed paths needs no operations. The reference's scripts are ours: its policy allows no other host.
 */
export interface PublicApiDeps {
  /** The contract as it lies on disk, with places for addresses (contract.ts). */
  readonly openapi: string;
  /** Where clients get their tokens. */
  readonly tokenUrl: string;
  /** Folder of the reference's script and style sheet (swagger-ui-dist). */
  readonly docsDirectory: string;
}

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'start.js': 'text/javascript; charset=utf-8',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Livline API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<style>.scheme-container, .authorization__btn, .response-col_links { display: none }</style>
</head>
<body>
<div id="reference"></div>
<noscript><p>This page is made by a script. What it shows is in <a href="openapi.json">openapi.json</a>.</p></noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** A page to read: a browser gets no token and calls nothing, so nothing is offered to be tried out. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelExpandDepth: 2,
  defaultModelsExpandDepth: 0,
  filter: true,
  supportedSubmitMethods: [],
  validatorUrl: null,
});
`;

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const answer = (body: string, type: string, headers: Record<string, string> = {}): APIGatewayProxyResult => ({
  statusCode: 200,
  headers: {
    'content-type': type,
    ...ALWAYS,
    'cache-control': 'public, max-age=300',
    ...headers,
  },
  body,
});

function asset({ docsDirectory, name }: Asked): APIGatewayProxyResult {
  if (!Object.hasOwn(ASSETS, name)) throw nothingHere();
  return answer(name === 'start.js' ? START : readFileSync(join(docsDirectory, name), 'utf8'), ASSETS[name] as string);
}

function problemList(base: string): APIGatewayProxyResult {
  const problems = (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => problemExplained(base, code));
  return answer(JSON.stringify({ problems }), 'application/json');
}

function problemPage(base: string, code: string): APIGatewayProxyResult {
  if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not_found', 'There is no such problem code.');
  return answer(JSON.stringify(problemExplained(base, code as ProblemCode)), 'application/json');
}

/** A request for a public path: the last segment of a path with a parameter is its `name`. */
interface Asked extends PublicApiDeps {
  readonly name: string;
  readonly base: string;
  /** The contract for the address that was asked. */
  readonly contract: () => Contract;
}

/** What is at each path. */
export const PUBLIC_ROUTES: Readonly<Record<string, (asked: Asked) => APIGatewayProxyResult>> = {
  '/health': () => answer('{"status":"ok"}', 'application/json', { 'cache-control': 'no-store' }),
  '/openapi.json': ({ contract }) => {
    const { text, etag } = contract();
    return answer(text, 'application/json', { etag });
  },
  '/docs': () => answer(PAGE, 'text/html; charset=utf-8', { 'content-security-policy': CSP }),
  '/docs/{file}': asset,
  '/problems': ({ base }) => problemList(base),
  '/problems/{code}': ({ base, name }) => problemPage(base, name),
};

function route({ base, path }: Place, deps: PublicApiDeps & Pick<Asked, 'contract'>): APIGatewayProxyResult {
  for (const [template, found] of Object.entries(PUBLIC_ROUTES)) {
    const name = new RegExp(`^${template.replace(/\{\w+\}/, '([^/]+)')}$`).exec(path);
    if (name) return found({ ...deps, base, name: name[1] ?? '' });
  }
  throw nothingHere();
}

/** A host with its port, as a URL may have it. */
const HOST = /^[a-z0-9.-]{1,253}(?::\d{1,5})?$/i;

/** A header by its name, whatever case that is in. */
function headerOf({ headers }: APIGatewayProxyEvent, name: string): string | undefined {
  return Object.entries(headers ?? {}).find(([sent]) => sent.toLowerCase() === name)?.[1];
}

/** The address under which the caller reached the API: the gateway's own word for it, since any caller can make up a Host. */
function addressOf(event: APIGatewayProxyEvent, base: string): string {
  const { domainName = '' } = event.requestContext;
  const scheme = headerOf(event, 'x-forwarded-proto') === 'http' ? 'http' : 'https';
  return `${scheme}://${HOST.test(domainName) ? domainName : 'localhost'}${base}`;
}

/** Serves the public documents. */
export function publicApi(deps: PublicApiDeps): (event: APIGatewayProxyEvent) => Promise<APIGatewayProxyResult> {
  const contract = contractAt(() => deps.openapi, deps.tokenUrl);
  return async (event) => {
    const { httpMethod, requestContext } = event;
    const place = placeOf(event);
    const { requestId } = requestContext;
    const answered = { requestId, instance: instanceOf(requestId), base: place.base };
    const withoutBody = httpMethod === 'HEAD' && { body: '' };
    try {
      const found = route(place, { ...deps, contract: () => contract(addressOf(event, place.base)) });
      if (httpMethod !== 'GET' && httpMethod !== 'HEAD')
        throw new Problem('method_not_allowed', 'This path takes GET, HEAD.', [], { allow: 'GET, HEAD' });
      const conditions = { ifMatch: headerOf(event, 'if-match'), ifNoneMatch: headerOf(event, 'if-none-match') };
      const etag = found.headers?.['etag'];
      if (isKnown(conditions, etag === undefined ? etag : String(etag))) return { ...found, statusCode: 304, body: '' };
      return { ...found, ...withoutBody };
    } catch (error) {
      return { ...problemResult(problemOf(error, answered), answered), ...withoutBody };
    }
  };
}
